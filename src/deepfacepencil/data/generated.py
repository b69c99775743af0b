"""Faces without end: photos, labels, strokes and latents from the generator itself (ours).

Latents come by seed. Too few of MobileStyleGAN's own faces have glasses, so a part is chosen by
linear probes of the latent: from ten times as many candidates, some of those that rank first.
Of all faces, 12 % are chosen for glasses, 8 % for hats, 10 % for beards, 7 % for light hair, 2 %
for fair hair, 3 % for little hair, 8 % for dark skin, 10 % for curls, 8 % as young and 8 % as old;
the others are as they come. What comes out depends on the count and the seed alone.

    DATA/SPLIT/latents/ID.npz  w, label map at 64 px, where the beard is, how curly the hair,
                               colours, age and sex
    photos/ and strokes/       as `prepare` of photos makes them
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..files import atomic_path
from ..models.mobile_stylegan import LATENT
from ..models.portrait_body import Taught, beard_of, labels_of, photo_of, shared
from ..sketch.curls import curliness
from ..sketch.inner import inner_strokes
from ..sketch.trace import trace_labels
from .portraits import LATENTS, colours_of, split_labels
from .prepare import ENDINGS, make_all, paths_of, save_photo, save_strokes, split_by_seed

# (probe, whether its highest values are wanted or its lowest, share of all faces)
SHARES = (
    ("glasses", 1, 0.117),
    ("hat", 1, 0.083),
    ("beard", 1, 0.1),
    ("light hair", 1, 0.075),
    ("hair", -1, 0.033),
    ("light skin", -1, 0.083),
    ("fair hair", 1, 0.025),
    ("age", -1, 0.083),
    ("age", 1, 0.083),
    ("curls", 1, 0.1),
)
_CURLY = 0.4  # of the probe: so much, and hair that looks curly is
_CANDIDATES = 10  # a face
_CHUNK = 1000  # candidates that are made at once: part of what comes out, to the last bit
_NEAREST = 0.7  # of the share of its way from the mean that a latent keeps, at least
_ENDINGS = {**ENDINGS, LATENTS: ".npz"}


@dataclass(frozen=True, eq=False)
class Face:
    """One face to be made."""

    id: str
    split: str
    w: NDArray[np.float32]  # (512,)


def prepare_generated(count: int, seed: int, output: Path, workers: int) -> None:
    """Make or complete a folder of `count` generated faces.

    Raises InputError as `prepare` does, and if the generator's weights are not installed.
    """
    if min(count, workers) < 1:
        raise InputError("the count and the number of workers must be at least 1")
    ids = [f"{number:06d}" for number in range(count)]
    splits = split_by_seed(ids, seed)
    latents = choose(shared(), count, seed)
    faces = [Face(id, splits[id], w) for id, w in zip(ids, latents, strict=True)]
    settings = {"kind": "generated", "size": 256, "count": count, "seed": seed}
    make_all(faces, partial(_make, output=output), settings, output, workers, _ENDINGS)


@torch.no_grad()
def choose(taught: Taught, count: int, seed: int) -> NDArray[np.float32]:
    """The latents w (count, 512), in an order without meaning."""
    rng = np.random.default_rng((seed, count))
    candidates = []
    with _one_thread():
        for _ in range(0, _CANDIDATES * count, _CHUNK):
            z = rng.standard_normal((_CHUNK, LATENT), np.float32)
            kept = torch.from_numpy(rng.uniform(_NEAREST, 1, (_CHUNK, 1)).astype(np.float32))
            mapped = taught.body.mapping(torch.from_numpy(z))
            candidates.append(taught.latent_mean + kept * (mapped - taught.latent_mean))
        w = torch.cat(candidates)[: _CANDIDATES * count]
        scores = {name: values.numpy() for name, values in taught.probe(w).items()}
    chosen = _with_shares(scores, count, rng)
    return w.numpy()[chosen]


def _with_shares(
    scores: dict[str, NDArray[np.float32]], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    free = np.ones(len(scores["age"]), bool)
    chosen: list[int] = []
    for name, sign, share in SHARES:
        wanted = int(share * count)
        ranked = np.argsort(-np.where(free, sign * scores[name], -np.inf), kind="stable")
        some = rng.choice(ranked[: max(wanted, count // 2)], wanted, replace=False)
        free[some] = False
        chosen += some.tolist()
    chosen += np.flatnonzero(free)[: count - len(chosen)].tolist()
    return rng.permutation(np.array(chosen))


def _make(face: Face, output: Path) -> str | None:
    """Make the files of one face; returns why it was skipped, or None."""
    taught = shared()
    w = torch.from_numpy(face.w)[None]
    with _one_thread():
        features = taught.body.features(w)
        photo, labels = photo_of(taught.body, features, w), labels_of(taught.body, features)
        beard, probed = beard_of(taught, features, labels), taught.probe(w)
    strokes = trace_labels(labels)
    if not len(strokes):
        return f"{face.id}: its labels have no boundary"
    photo_path, strokes_path, latent_path = paths_of(face, output, _ENDINGS)
    save_photo(Image.fromarray(photo), photo_path)
    save_strokes(strokes, strokes_path, inner_strokes(photo, labels))
    age, male = float(probed["age"]), float(probed["male"])
    curls = np.clip(float(probed["curls"]) / _CURLY, 0, 1) * curliness(photo, labels)
    known: dict[str, Any] = {
        "w": face.w,
        "labels": split_labels(labels),
        "beard": beard,
        "curls": np.float32(curls),
        "colours": colours_of(photo, labels),
        "age_sex": np.array([np.clip(age, 0, 100), np.clip(2 * male - 1, -1, 1)], np.float32),
    }
    with atomic_path(latent_path) as temporary, temporary.open("wb") as file:
        np.savez(file, **known)
    return None


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, however many cores there are; and workers that share them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
