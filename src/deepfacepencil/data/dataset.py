"""FacePairs: triplets (S_syn, S_dfm, photo) from a prepared folder (section 4.1, Data).

Strokes are stored, rasters are not: every visit to a photo deforms its sketch anew. What comes out
depends on (seed, epoch, item) alone, never on order, worker or time.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..sketch.drawn import Distortion
from ..sketch.pen import draw
from ..sketch.strokes import Strokes
from .prepare import load_strokes, read_manifest


class Triplet(NamedTuple):
    """One training example, channels first."""

    S_syn: NDArray[np.uint8]  # (1, S, S), 0 for paper to 255 for stroke
    S_dfm: NDArray[np.uint8]  # (1, S, S); S_syn again where none is wanted
    photo: NDArray[np.uint8]  # x (3, S, S)


class FacePairs(Sequence[Triplet]):
    """The triplets of one split of a prepared folder at one resolution.

    Raises InputError if `folder` was not made by `deepfacepencil prepare`, was not finished, has
    smaller photos than `resolution`, or has none in `split`.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        resolution: int,
        distortion: Distortion | None = Distortion(),
        *,
        flip: bool = False,
        seed: int = 0,
    ) -> None:
        self.root = folder / split
        self.resolution = resolution
        self.distortion = distortion
        self.flip = flip
        self.seed = seed
        made = read_manifest(folder)
        if not made["complete"]:
            raise InputError(f"{folder} is half prepared; give the same prepare command again")
        if resolution > (size := made["settings"]["size"]):
            raise InputError(
                f"{folder} has photos of {size} px, {resolution} are wanted; prepare another folder"
                f" with --size {resolution}"
            )
        strokes = (self.root / "strokes").glob("*.npz")
        self.ids = sorted(path.stem for path in strokes if path.name[0] != ".")
        if not self.ids:
            raise InputError(f"{folder} has no photos in {split}; prepare at least three")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Triplet:  # type: ignore[override]
        return self.visit(0, range(len(self))[index])

    def __iter__(self) -> Iterator[Triplet]:
        return (self[index] for index in range(len(self)))

    def strokes(self, index: int) -> Strokes:
        """The borders of one photo's labels: the paper's S_syn."""
        return load_strokes(self._strokes_path(index))[0]

    def inner(self, index: int) -> Strokes:
        """The strokes inside the regions of one photo; none where none were prepared."""
        return load_strokes(self._strokes_path(index))[1]

    def _strokes_path(self, index: int) -> Path:
        return self.root / "strokes" / f"{self.ids[index]}.npz"

    def visit(self, epoch: int, index: int) -> Triplet:
        """The triplet of one photo as it looks in this epoch."""
        rng = np.random.default_rng((self.seed, epoch, index))
        borders, inner = load_strokes(self._strokes_path(index))
        size = (self.resolution, self.resolution)
        photo = _photo(self.root / "photos" / f"{self.ids[index]}.jpg", size)
        if self.flip and rng.random() < 0.5:
            borders, inner, photo = borders.mirrored(), inner.mirrored(), photo[:, ::-1]
        strokes = self.distortion.aligned(borders, inner, rng) if self.distortion else borders
        S_syn = S_dfm = draw(strokes, self.resolution)[None]
        if self.distortion:
            S_dfm = draw(self.distortion(strokes, rng), self.resolution)[None]
        return Triplet(S_syn, S_dfm, np.ascontiguousarray(photo.transpose(2, 0, 1)))


def _photo(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A prepared photo (S, S, 3). Raises InputError if it is damaged or gone."""
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            if image.mode != "RGB":
                raise ValueError(f"mode {image.mode}")
            image.draft("RGB", size)
            return np.array(image.resize(size, Image.Resampling.BOX))
    except Exception as problem:  # Pillow meets broken files with many kinds of errors
        state = "is damaged; remove it" if path.exists() else "is gone; remove its strokes"
        raise InputError(f"{path} {state} and give the same prepare command again") from problem
