"""What an evaluation measures on what: models, test sketches at every level, and drawings."""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
from ..models.condition import Condition
from ..models.generator import Generated
from ..runtime.engine import RESOLUTION, Engine
from ..runtime.reading import shared
from ..sketch.pen import draw
from ..training.checkpoint import PORTRAIT_WEIGHTS, load_generator, refuse_enhancer
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


class Exported(nn.Module):
    """A model file in a generator's place: what people draw with, measured as it is shipped."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.engine = Engine(file)
        self.digest = hashlib.sha256(read_file(file)).hexdigest()
        told = {"recipe": "unknown", "seed": "unknown"} | self.engine.facts
        shown = np.atleast_1d(told.get("shown", [])).tolist()
        self.facts = {**told, "model": file.name, "resolution": RESOLUTION, "shown": shown}

    def forward(self, asked: Condition) -> Generated:
        """Nothing is asked of the appearance; each sketch has a seed of its own."""
        sketches = (asked.sketch[:, 0] * 255).round().to(torch.uint8).cpu().numpy()
        photos, attention = [], []
        for sketch in sketches:
            photo, chosen, _ = self.engine.of_raster(
                self._smaller(sketch), seed=zlib.crc32(sketch.tobytes())
            )
            photos.append(torch.from_numpy(photo).permute(2, 0, 1) / 127.5 - 1)
            attention.append(torch.from_numpy(chosen))
        return Generated(torch.stack(photos), asked.sketch, [], torch.stack(attention))

    def _smaller(self, sketch: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pen is the same share of a picture of any size, so means of pixels are its lines."""
        times = RESOLUTION // self.engine.resolution
        parts = sketch.reshape(self.engine.resolution, times, self.engine.resolution, times)
        return (parts.mean(axis=(1, 3)) + 0.5).astype(np.uint8)


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
    """The generators of these runs and model files; those of one kind are told apart by their path.

    Raises InputError if there is none, if one has no weights or those of an enhancer, which is not
    measured, or if their resolutions differ.
    """
    loaded = {run: _load(run, device) for run in dict.fromkeys(runs)}
    kinds = [model.name for model in loaded.values()]
    if len({model.facts["resolution"] for model in loaded.values()}) != 1:
        sizes = ", ".join(f"{run}: {m.facts['resolution']} px" for run, m in loaded.items())
        raise InputError(
            f"runs of one resolution can be compared; give them apart ({sizes})"
            if runs
            else "give the folder of at least one trained run"
        )
    return [
        model if kinds.count(model.name) == 1 else replace(model, name=f"{model.name} ({run})")
        for run, model in loaded.items()
    ]


def _load(run: Path, device: torch.device) -> Model:
    if run.is_file():
        exported = Exported(run)
        return Model(run.name, exported, exported.digest, exported.facts)
    if (run / PORTRAIT_WEIGHTS).is_file():
        raise InputError(
            f"{run} is of a portrait recipe: `deepfacepencil export {run} --output MODEL.onnx`, and"
            " give that file"
        )
    refuse_enhancer(run, "measured")
    network, facts = load_generator(run)
    digest = hashlib.sha256(facts["model"].encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1/4 faster
    return Model(facts["model"], network.to(device), digest.hexdigest(), facts)


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
