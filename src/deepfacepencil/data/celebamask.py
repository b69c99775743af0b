"""The official folder layout of CelebAMask-HQ [18], as sources to prepare.

ROOT/CelebA-HQ-img/{i}.jpg and ROOT/CelebAMask-HQ-mask-anno/{i // 2000}/{i:05d}_{part}.png; a part's
file is absent when the part is.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..images import open_image
from ..sketch.labels import PARTS, label_map
from ..sketch.strokes import CANVAS
from .prepare import Source, split_by_seed

PHOTOS, MASKS, PER_FOLDER = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno", 2000


def find(root: Path, seed: int) -> list[Source]:
    """All photos of the data set at `root`, with a seeded split.

    Raises InputError for another layout, or if a photo has no masks, or masks no photo.
    """
    for folder in (root / PHOTOS, root / MASKS):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; ROOT is the folder that holds {PHOTOS}")
    photos = {int(p.stem): p for p in (root / PHOTOS).glob("*.jpg") if p.stem.isdecimal()}
    if not photos:
        raise InputError(f"{root / PHOTOS}: no photos named 0.jpg, 1.jpg, ...")
    # Where the layout has them: masks in another folder are not found, so they do not count.
    masks = {
        int(p.name[:5]): p
        for p in (root / MASKS).glob("*/?????_*.png")
        if p.name[:5].isdecimal() and p.parent.name == str(int(p.name[:5]) // PER_FOLDER)
    }
    for number in sorted(photos.keys() ^ masks.keys()):
        if number in photos:
            raise InputError(
                f"{photos[number]} has no masks in {root / MASKS / str(number // PER_FOLDER)}"
            )
        raise InputError(f"{masks[number]} has no photo {root / PHOTOS / f'{number}.jpg'}")
    numbers = sorted(photos)
    splits = split_by_seed([str(number) for number in numbers], seed)
    return [
        Source(
            f"{number:05d}",
            splits[str(number)],
            photos[number],
            partial(read_labels, root, number),
        )
        for number in numbers
    ]


def read_labels(root: Path, number: int) -> NDArray[np.uint8]:
    """The label map (512, 512) of one photo, painted from its part masks.

    Raises InputError if a mask cannot be read or is not 512 x 512.
    """
    masks = {}
    for part in PARTS:
        path = root / MASKS / str(number // PER_FOLDER) / f"{number:05d}_{part}.png"
        if path.exists():
            with open_image(path) as image:
                if image.size != (CANVAS, CANVAS):
                    size = f"{image.width} x {image.height}"
                    raise InputError(f"{path} is {size}; CelebAMask-HQ masks are 512 x 512")
                masks[part] = np.asarray(image.convert("L")) > 127
    return label_map(masks, (CANVAS, CANVAS))
