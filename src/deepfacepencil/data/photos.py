"""A folder of photos with label maps of the same names, as sources to prepare.

Either DIR/photos and DIR/labels, or DIR/{train,val,test}/photos and .../labels: a split that is
kept. Both are square. They need not be of one size: labels only give strokes, which live on a
canvas of their own.
"""

import unicodedata
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..images import open_image
from ..sketch.labels import CLASSES
from .prepare import Source, split_by_seed

SPLITS = ("train", "val", "test")
_PHOTO_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def find(root: Path, seed: int) -> list[Source]:
    """All photos below `root`. Raises InputError if a photo has no labels, or labels no photo."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    if (root / "photos").is_dir():
        pairs = _pairs(root)
        splits = split_by_seed(list(pairs), seed)
        return [_source(id, splits[id], *pair) for id, pair in pairs.items()]
    sources = [
        _source(id, split, *pair)
        for split in SPLITS
        if (root / split / "photos").is_dir()
        for id, pair in _pairs(root / split).items()
    ]
    if not sources:
        raise InputError(f"{root}: no photos; expected {root}/photos with {root}/labels beside it")
    return sources


def read_labels(path: Path) -> NDArray[np.uint8]:
    """A square label map (S, S) with ids 0 to 18. Raises InputError for anything else."""
    with open_image(path) as image:
        labels = np.asarray(image)
    if labels.ndim != 2 or labels.shape[0] != labels.shape[1]:
        raise InputError(f"{path} has shape {labels.shape}; a label map is square, one id a pixel")
    if labels.max() >= len(CLASSES):
        raise InputError(
            f"{path} has label {labels.max()}; the classes are 0 to {len(CLASSES) - 1}"
        )
    if _smoothed(labels):
        raise InputError(
            f"{path} was smoothed: between two labels there are others; scale it without smoothing,"
            " and never save it as JPEG"
        )
    return labels.astype(np.uint8)


def _smoothed(labels: NDArray[np.integer]) -> bool:
    """Whether most borders pass through labels that lie between those on both sides.

    A border of 0 and 13 that was scaled has 4 and 9 on it, which are eyes and ears.
    """
    values = labels.astype(np.int16)
    before, here, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    border = np.abs(after - before) > 1
    between = (here > np.minimum(before, after)) & (here < np.maximum(before, after))
    return bool(border.sum() > 50 and between.sum() > 0.4 * border.sum())


def _source(id: str, split: str, photo: Path, labels: Path) -> Source:
    return Source(id, split, photo, partial(read_labels, labels))


def _id(path: Path) -> str:
    """What a photo and its labels have in common: some systems write an umlaut as two letters."""
    return unicodedata.normalize("NFC", path.stem)


def _pairs(folder: Path) -> dict[str, tuple[Path, Path]]:
    """{id: (photo, labels)} of one folder with `photos` and `labels`."""
    photos: dict[str, Path] = {}
    for path in sorted((folder / "photos").iterdir()):
        if path.suffix.lower() in _PHOTO_ENDINGS and not path.name.startswith("."):
            id = _id(path)
            if id in photos:
                raise InputError(f"{path} and {photos[id]} have one name; rename one")
            photos[id] = path
    labels = {}
    for path in sorted((folder / "labels").glob("*")):
        if not path.name.startswith("."):
            if path.suffix.lower() == ".png":
                labels[_id(path)] = path
            elif path.suffix.lower() in _PHOTO_ENDINGS:
                raise InputError(f"{path}: a label map is a PNG: other formats change its ids")
    if not photos:
        raise InputError(f"{folder / 'photos'}: no photos (jpg, png or webp)")
    for id in sorted(photos.keys() - labels.keys()):
        raise InputError(f"{photos[id]} has no label map; expected {folder}/labels/{id}.png")
    for id in sorted(labels.keys() - photos.keys()):
        print(f"left out {labels[id]}: it has no photo in {folder / 'photos'}")
    return {id: (photos[id], labels[id]) for id in photos}
