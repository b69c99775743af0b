"""The parts of a face as people draw them: which strokes make an eye, the hair, the outline."""

import numpy as np
from numpy.typing import NDArray

from .labels import CLASSES
from .strokes import UNKNOWN, Strokes

Pair = tuple[int, int]

# A stroke belongs to the first part that one of its classes is of; what is left is the outline.
PARTS = {
    "l_eye": {"l_eye"},
    "r_eye": {"r_eye"},
    "l_brow": {"l_brow"},
    "r_brow": {"r_brow"},
    "nose": {"nose"},
    "mouth": {"mouth", "u_lip", "l_lip"},
    "glasses": {"eye_g"},
    "jewels": {"ear_r", "neck_l"},
    "ears": {"l_ear", "r_ear"},
    "hat": {"hat"},
    "hair": {"hair"},
    "clothes": {"cloth"},
    "neck": {"neck"},
    "face": set(CLASSES),
}

_NUMBER_OF = np.zeros((256, 256), np.intp)
_NUMBER_OF[:] = len(PARTS) - 1  # UNKNOWN ones too
for _a, _one in enumerate(CLASSES):
    for _b, _other in enumerate(CLASSES):
        _NUMBER_OF[_a, _b] = next(k for k, n in enumerate(PARTS.values()) if {_one, _other} & n)
_NAMES = np.array(list(PARTS))


def parts_of(strokes: Strokes) -> NDArray[np.str_]:
    """The part, a key of PARTS, that each stroke (n,) belongs to."""
    return _NAMES[_NUMBER_OF[strokes.classes[:, 0], strokes.classes[:, 1]]]


def is_inner(strokes: Strokes) -> NDArray[np.bool_]:
    """Which strokes (n,) lie inside a region instead of between two: see `inner.inner_strokes`."""
    one, other = strokes.classes.T
    return (one == other) & (one != UNKNOWN)


def border_of(part: str) -> Pair:
    """Two classes whose border belongs to `part`: for strokes that replace its borders."""
    name = {"mouth": "u_lip", "jewels": "ear_r", "glasses": "eye_g", "ears": "l_ear"}.get(
        part, part
    )
    name = {"clothes": "cloth", "face": "skin"}.get(name, name)
    return (0 if part in ("hat", "hair", "clothes", "neck", "face") else 1), CLASSES.index(name)
