"""What an evaluation measures on what: models, test sketches at every level, and drawings."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from ..budget import read_file
from ..data.dataset import FacePairs
from ..errors import InputError
from ..files import find_pictures, free_name, is_picture
from ..runtime.reading import shared
from ..sketch.pen import draw
from ..training.checkpoint import load_generator, refuse_enhancer
from .levels import Level

FACES = 6  # test photos on a board

Photos = NDArray[np.uint8]  # (N, S, S, 3)
Sketches = NDArray[np.uint8]  # (N, S, S), 255 for stroke


@dataclass(frozen=True, eq=False)
class Model:
    """A trained generator, as the report knows it."""

    name: str
    network: nn.Module
    digest: str  # of its weights
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is measured on what."""

    models: list[Model]
    pairs: FacePairs  # the test split
    count: int  # of its photos
    levels: tuple[Level, ...]
    groups: dict[str, tuple[list[str], Sketches]]  # {folder: (names, sketches)} of the drawings
    kid_subset: int  # photos in each of KID's subsets
    seed: int  # of deformations, missing strokes and subsets

    @property
    def faces(self) -> list[int]:
        """The test photos on the boards, from all over the split."""
        places = np.linspace(0, self.count - 1, min(FACES, self.count))
        return [round(place) for place in places]

    def sketches(self, chosen: Iterable[int], level: Level) -> Sketches:
        """The test sketches `chosen` at a level; each the same whichever others are chosen."""
        pairs = self.pairs
        return np.stack(
            [
                level.sketch(
                    pairs.strokes(index),
                    pairs.resolution,
                    np.random.default_rng((self.seed, index)),
                )
                for index in chosen
            ]
        )

    def photos(self, chosen: Iterable[int]) -> Photos:
        """The true photos `chosen`."""
        return np.stack([self.pairs[index].photo.transpose(1, 2, 0) for index in chosen])


def load_models(runs: Sequence[Path], device: torch.device) -> list[Model]:
    """The generators of these runs; those of one kind are told apart by their folders.

    Raises InputError if there is none, if one has no weights or those of an enhancer, which is not
    measured, or if their resolutions differ.
    """
    for run in runs:
        refuse_enhancer(run, "measured")
    loaded = {run: load_generator(run) for run in dict.fromkeys(runs)}
    kinds = [facts["model"] for _, facts in loaded.values()]
    if len({facts["resolution"] for _, facts in loaded.values()}) != 1:
        sizes = ", ".join(f"{run}: {facts['resolution']} px" for run, (_, facts) in loaded.items())
        raise InputError(
            f"runs of one resolution can be compared; give them apart ({sizes})"
            if runs
            else "give the folder of at least one trained run"
        )
    models = []
    for run, (network, facts) in loaded.items():
        digest = hashlib.sha256(facts["model"].encode())
        for name, tensor in network.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        kind = facts["model"]
        name = kind if kinds.count(kind) == 1 else f"{kind} ({run})"
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1/4 faster
        models.append(Model(name, network.to(device), digest.hexdigest(), facts))
    return models


def read_drawings(given: Sequence[Path], size: int) -> dict[str, tuple[list[str], Sketches]]:
    """{folder: (names, sketches)} of the drawings in these folders and in the folders in them."""
    groups: dict[str, tuple[list[str], Sketches]] = {}
    having: dict[Path, None] = {}  # each once
    for folder in given:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; --drawings are folders of drawings")
        folders = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
        some = [path.resolve() for path in folders if any(map(is_picture, path.iterdir()))]
        if not some:
            raise InputError(f"{folder}: no pictures in this folder")
        having |= dict.fromkeys(some)
    for path in having:
        name = free_name(path.name, path.parent.name, groups)
        named = find_pictures([str(path)])
        read = tqdm(named.values(), f"drawings of {name}", unit=" drawings")
        strokes = (shared().strokes(read_file(file), str(file)) for file in read)
        groups[name] = list(named), np.stack([draw(some, size) for some in strokes])
    return groups
