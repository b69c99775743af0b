"""PortraitPairs: drawings with the latent of the photo they were drawn from (section 4.1; ours).

What `data/generated.py` prepared: every visit to a face makes S_syn and S_dfm anew, leaves out some
of its appearance, and now and then is a scribble that is no face at all. What comes out depends on
(seed, epoch, item) alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..runtime.appearance import COLOURS, REGIONS, Appearance
from ..sketch.beard import beard_strokes, cheeks_and_below
from ..sketch.curls import curl_strokes
from ..sketch.drawn import AS_PEOPLE_DRAW, Distortion
from ..sketch.labels import CLASSES
from ..sketch.pen import draw
from ..sketch.strokes import CANVAS, Strokes
from ..sketch.wrinkles import wrinkle_strokes
from .prepare import load_strokes

LABELS_SIZE = 64  # pixels of the label maps of a portrait; each has the labels of 2 x 2 parts
LATENTS = "latents"
_SCRIBBLES = 0.06  # share of drawings that are no face
_BEARDS = 0.85  # share of the drawings of bearded faces that show it
_SILENT, _UNSAID = 0.25, 0.35  # shares: of nothing said of the appearance; of each item not said


class Portrait(TypedDict):
    """One training example of a generator on MobileStyleGAN."""

    S_syn: NDArray[np.uint8]  # (1, S, S), 0 for paper to 255 for stroke
    S_dfm: NDArray[np.uint8]  # (1, S, S)
    w: NDArray[np.float32]  # (512,) the photo's latent
    appearance: NDArray[np.float32]  # (CONDITION_SIZE,)
    labels: NDArray[np.uint8]  # (4, 64, 64)
    beard: NDArray[np.float32]  # (2, 32, 32): how bearded cells are to be, whether it is said
    cheeks: NDArray[np.float32]  # (32, 32) where the face has none
    drawn: NDArray[np.float32]  # (1,) how much of the face S_dfm has, 0 to 1


class PortraitPairs(Sequence[Portrait]):
    """The portraits of one split of a folder of generated faces.

    Raises InputError if there are none.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        resolution: int,
        distortion: Distortion = AS_PEOPLE_DRAW,
        seed: int = 0,
    ) -> None:
        self.root, self.resolution = folder / split, resolution
        self.distortion, self.seed = distortion, seed
        self.ids = sorted(path.stem for path in (self.root / LATENTS).glob("[!.]*.npz"))
        if not self.ids:
            raise InputError(
                f"{folder} has no generated faces in {split}: run `deepfacepencil prepare generated"
                f" --output {folder}`"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Portrait:  # type: ignore[override]
        return self.visit(0, range(len(self))[index])

    def visit(self, epoch: int, index: int) -> Portrait:
        """One face as it is drawn in this epoch."""
        rng = np.random.default_rng((self.seed, epoch, index))
        name = f"{self.ids[index]}.npz"
        borders, inner = load_strokes(self.root / "strokes" / name)
        path = self.root / LATENTS / name
        try:
            with np.load(path) as stored:
                w, labels, beard = stored["w"], stored["labels"], stored["beard"]
                age, curls = float(stored["age_sex"][0]), float(stored["curls"])
                appearance = partly_said(stored, rng)
        except Exception as problem:  # whatever a damaged zip raises
            raise InputError(
                f"{path} is damaged; remove it and give the same prepare command again"
            ) from problem
        clean = self.distortion.aligned(borders, inner, rng)
        told = rng.random() < _BEARDS
        if told:
            clean = clean.joined(beard_strokes(beard / 255, rng))
        joined = joined_labels(labels)
        clean = clean.joined(wrinkle_strokes(joined, age, rng))
        if rng.random() < curls:
            clean = clean.joined(curl_strokes(joined, rng))
        cheeks, below = cheeks_and_below(joined)
        said = below if told or not beard.any() else np.zeros_like(below)
        deformed, drawn = self.distortion(clean, rng), 1.0
        if rng.random() < _SCRIBBLES:
            deformed, drawn = scribble(clean, rng), 0.0
        elif (whole := _ink(clean)) > 0:
            drawn = float(np.clip((_ink(deformed) / whole - 0.05) / 0.45, 0, 1))
        return Portrait(
            S_syn=draw(clean, self.resolution)[None],
            S_dfm=draw(deformed, self.resolution)[None],
            w=w.astype(np.float32),
            appearance=appearance.condition(),
            labels=labels,
            beard=np.stack([beard.astype(np.float32) / 255, said]),
            cheeks=cheeks,
            drawn=np.array([drawn], np.float32),
        )


def partly_said(stored: "np.lib.npyio.NpzFile", rng: np.random.Generator) -> Appearance:
    """Some of what is known of a face's appearance, as people say some of it."""
    if rng.random() < _SILENT:
        return Appearance()
    said = {
        name: tuple(int(c) for c in colour)
        for name, colour in zip(COLOURS, stored["colours"], strict=True)
        if colour[0] >= 0 and rng.random() >= _UNSAID
    }
    age, sex = stored["age_sex"]
    return Appearance(
        **said,  # type: ignore[arg-type]
        age=float(np.clip(age, 0, 100)) if rng.random() >= _UNSAID else None,
        sex=float(np.clip(sex, -1, 1)) if rng.random() >= _UNSAID else None,
    )


def split_labels(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A label map (256, 256) -> (4, 64, 64): every second pixel, 2 x 2 of them a cell."""
    parts = labels[1::2, 1::2].reshape(LABELS_SIZE, 2, LABELS_SIZE, 2)
    return np.ascontiguousarray(parts.transpose(1, 3, 0, 2).reshape(4, LABELS_SIZE, LABELS_SIZE))


def joined_labels(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What `split_labels` made (4, 64, 64) -> the label map (128, 128)."""
    cells = parts.reshape(2, 2, LABELS_SIZE, LABELS_SIZE).transpose(2, 0, 3, 1)
    return cells.reshape(2 * LABELS_SIZE, 2 * LABELS_SIZE)


def scribble(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """No face: some of its strokes, each turned and put anywhere."""
    chosen = strokes.select(rng.random(len(strokes)) < rng.uniform(0.1, 1))
    chains = []
    for chain in chosen:
        turn = rng.uniform(0, 2 * np.pi)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = chain.mean(0)
        moved = (chain - centre) @ matrix * rng.uniform(0.5, 1.3) + rng.uniform(
            0.1, 0.9, 2
        ) * CANVAS
        chains.append(moved)
    return Strokes.of(chains)


def _ink(strokes: Strokes) -> float:
    """The length of all strokes, roughly: that of their control polygons."""
    steps = np.hypot(*np.diff(strokes.points, axis=0).T)
    steps[strokes.starts[1:-1] - 1] = 0
    return float(steps.sum())


_SHOWN = 60  # of 256 x 256 pixels: what has fewer is not shown


def colours_of(photo: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.int16]:
    """The median colours of the appearance's regions, (5, 3); -1 where a region is not shown."""
    colours = np.full((len(COLOURS), 3), -1, np.int16)
    for row, name in enumerate(COLOURS):
        region = np.isin(labels, [CLASSES.index(part) for part in REGIONS[name]])
        if region.sum() >= _SHOWN:
            colours[row] = np.median(photo[region], axis=0)
    return colours
