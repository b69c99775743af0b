"""Fitting what beards and glasses look like in the body's features (models/worn.py; ours).

    python -m deepfacepencil.training.worn DATA OUTPUT

DATA is what `prepare generated` writes. OUTPUT/portrait_heads.safetensors holds all heads, these
among them; to be used it takes the place of the one beside models/portrait_body.py, whose SHA256
becomes the one printed. The same data give the same file.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ..data.portraits import LATENTS, joined_labels
from ..errors import InputError
from ..models.mobile_stylegan import CHANNELS
from ..models.portrait_body import Taught, labels_of, load_taught
from ..models.worn import Glasses, tell_of
from ..sketch.beard import cheeks_and_below, shares
from ..sketch.labels import CLASSES
from .heads import write_heads

_GLASSES = CLASSES.index("eye_g")
_BEARDED, _HAIRY = 60, 150  # so many cells of 0 to 255 above this are a beard
_WORN = 12.0  # cells that are glasses, at least
_IN_BOX = 0.25  # share of the faces with glasses that have them in a cell
_EVERY = 4  # of bearded cells that lie beside each other


@dataclass(frozen=True)
class Fit:
    data: tyro.conf.Positional[Path]
    output: tyro.conf.Positional[Path]
    faces: int = 200
    """With a beard, without, with glasses and without: so many of each, as far as there are."""

    def run(self) -> None:
        torch.set_num_threads(1)  # the same sums in the same order, however many cores there are
        taught, faces = load_taught(), Faces(self.data)
        self.output.mkdir(parents=True, exist_ok=True)
        beards = taught.worn.beards._replace(hair=hair_of(taught, faces, self.faces))
        glasses = glasses_of(taught, faces, self.faces)
        place = torch.tensor(glasses.place)
        own = {"look": glasses.look, "bias": glasses.bias, "place": place}
        write_heads({"beard": beards._asdict(), "glasses": own}, self.output)


class Faces:
    """Generated faces, by how bearded they are and how much of them is glasses."""

    def __init__(self, data: Path) -> None:
        self.paths = sorted((data / "train" / LATENTS).glob("[!.]*.npz"))
        if not self.paths:
            raise InputError(f"{data} has no faces of `deepfacepencil prepare generated`")
        self.beards, glasses = [], []
        for path in tqdm(self.paths, desc="looking", unit=" faces"):
            with np.load(path) as stored:
                self.beards.append(stored["beard"])
                labels = joined_labels(stored["labels"]) == _GLASSES
            glasses.append(shares(labels))
        self.glasses = np.stack(glasses)

    def features(self, taught: Taught, index: int) -> Tensor:
        """(512, 32, 32)."""
        with np.load(self.paths[index]) as stored, torch.no_grad():
            return taught.body.features(torch.from_numpy(stored["w"])[None])[0]


def hair_of(taught: Taught, faces: Faces, count: int) -> Tensor:
    """`Beards.hair`: bearded cells less smooth ones, each less its face's cheeks."""
    amount = np.array([(beard > _HAIRY).sum() for beard in faces.beards])
    total = np.array([int(beard.sum()) for beard in faces.beards])
    bearded, smooth = np.flatnonzero(amount > _BEARDED)[:count], np.argsort(total)[:count]
    means = []
    for chosen in (bearded, smooth):
        cells = []
        for index in tqdm(chosen, desc="beards", unit=" faces"):
            x = faces.features(taught, index)
            cheeks, below = cheeks_and_below(labels_of(taught.body, x[None]))
            if not cheeks.any():
                continue
            own = (x * torch.from_numpy(cheeks)).sum(dim=(1, 2)) / float(cheeks.sum())
            there = faces.beards[index] > _HAIRY if chosen is bearded else below > 0
            cells.append((x[:, torch.from_numpy(there)].T - own)[::_EVERY])
        means.append(torch.cat(cells).mean(0))
    difference = means[0] - means[1]
    return difference / (difference @ taught.worn.beards.cell)


def glasses_of(taught: Taught, faces: Faces, count: int) -> Glasses:
    """Faces with glasses less faces without, in the cells in which glasses are."""
    worn = faces.glasses.sum(axis=(1, 2)) > _WORN
    with_some, without = (np.flatnonzero(which)[:count] for which in (worn, ~worn))
    where = faces.glasses[with_some].mean(axis=0) > _IN_BOX
    rows, columns = (np.flatnonzero(where.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def mean(chosen: NDArray[np.intp]) -> Tensor:
        total = torch.zeros(CHANNELS[0], *where[box].shape)
        for index in tqdm(chosen, desc="glasses", unit=" faces"):
            total += faces.features(taught, index)[:, *box]
        return total / len(chosen)

    bare = mean(without)
    look = (mean(with_some) - bare) * torch.from_numpy(where[box])
    tell = tell_of(look, taught.deviation)
    return Glasses(look, tell, -(tell * bare).sum(), (int(rows[0]), int(columns[0])))


if __name__ == "__main__":
    try:
        tyro.cli(Fit, description=__doc__).run()
    except InputError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
