"""Label map -> edge-aligned line drawing S_syn (section 3.1, Fig. 1d).

The drawing remembers at every pixel which two classes meet there; the tracer hands that on to the
strokes.
"""

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

_PAIR_BASE = 32  # more than the number of classes


def boundaries(labels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The one-pixel boundary drawing of a label map (H, W): 0 for paper, else which pair meets.

    A pixel is on the drawing if its class differs from the one to its right or below: the real
    border runs half a pixel to the right of and below the pixel's centre. `pair_of` reads values.
    """
    labels = labels.astype(np.uint16)
    pairs = np.zeros(labels.shape, np.uint16)
    for here, there, place in (
        (labels[:-1], labels[1:], pairs[:-1]),
        (labels[:, :-1], labels[:, 1:], pairs[:, :-1]),
    ):
        differ = here != there
        code = np.minimum(here, there) * _PAIR_BASE + np.maximum(here, there)
        place[differ] = code[differ]
    return pairs * skeletonize(pairs > 0)


def pair_of(code: int) -> tuple[int, int]:
    """The two label ids behind a value of `boundaries`, smaller first."""
    return int(code) // _PAIR_BASE, int(code) % _PAIR_BASE
