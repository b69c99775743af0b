"""FacePairs: triplets (S_syn, S_dfm, photo) from a prepared folder (section 4.1, Data).

Strokes are stored, rasters are not: every visit to a photo deforms its sketch anew. What comes out
depends on (seed, epoch, item) alone, never on order, worker or time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..sketch.deform import DEFAULT_D, deform
from ..sketch.freehand import freehand
from ..sketch.pen import draw
from ..sketch.strokes import Strokes
from .prepare import read_manifest


class Triplet(TypedDict):
    """One training example, channels first."""

    aligned: NDArray[np.uint8]  # S_syn (1, S, S), 0 for paper to 255 for stroke
    deformed: NDArray[np.uint8]  # S_dfm (1, S, S); S_syn again where none is wanted
    photo: NDArray[np.uint8]  # x (3, S, S)


@dataclass(frozen=True)
class Distortion:
    """How S_dfm is made from S_syn. The defaults are the paper's."""

    d: float = DEFAULT_D  # the maximum offset on the 512 canvas
    varied_share: float = 0.0  # of sketches with a maximum drawn from [0, varied_d] instead of d
    varied_d: float = 30.0
    freehand_share: float = 0.0  # of sketches redrawn with the habits of untrained hands

    def __call__(self, strokes: Strokes, rng: np.random.Generator) -> Strokes:
        if rng.random() < self.freehand_share:
            # Their lines are off by more than they are rough.
            return deform(freehand(strokes, rng), rng, rng.uniform(0, self.d))
        varied = rng.random() < self.varied_share
        return deform(strokes, rng, rng.uniform(0, self.varied_d) if varied else self.d)


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
        self.ids = sorted(path.stem for path in (self.root / "strokes").glob("*.npz"))
        if not self.ids:
            raise InputError(f"{folder} has no photos in {split}; prepare at least three")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Triplet:  # type: ignore[override]
        return self.visit(0, range(len(self))[index])

    def __iter__(self) -> Iterator[Triplet]:
        return (self[index] for index in range(len(self)))

    def strokes(self, index: int) -> Strokes:
        """S_syn of one photo as strokes."""
        with np.load(self.root / "strokes" / f"{self.ids[index]}.npz") as stored:
            return Strokes(stored["points"], stored["starts"], stored["classes"])

    def visit(self, epoch: int, index: int) -> Triplet:
        """The triplet of one photo as it looks in this epoch."""
        rng = np.random.default_rng((self.seed, epoch, index))
        strokes = self.strokes(index)
        size = (self.resolution, self.resolution)
        with Image.open(self.root / "photos" / f"{self.ids[index]}.jpg") as image:
            image.draft("RGB", size)
            photo = np.array(image.resize(size, Image.Resampling.BOX))
        if self.flip and rng.random() < 0.5:
            strokes, photo = strokes.mirrored(), photo[:, ::-1]
        aligned = deformed = draw(strokes, self.resolution)[None]
        if self.distortion:
            deformed = draw(self.distortion(strokes, rng), self.resolution)[None]
        return Triplet(
            aligned=aligned,
            deformed=deformed,
            photo=np.ascontiguousarray(photo.transpose(2, 0, 1)),
        )
