"""What SAP decided, as a picture (Fig. 3): how far each place may leave the stroke drawn there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESOLUTION = 256  # pixels of sketches and photos, unless a model or a caller says otherwise
# r_i, the pooling widths of SAP's branches at that resolution (models/sap.py).
WIDTHS = (1, 5, 9, 13)
STRICT, LOOSE = np.array([40, 90, 200]), np.array([235, 90, 30])  # the page has the same


def tolerance(
    attention: NDArray[np.floating], widths: Sequence[float] = WIDTHS
) -> NDArray[np.float64]:
    """A (N_r, H, W) -> the mean pooling width at every place (H, W), in pixels at 256."""
    return np.tensordot(np.array(widths, np.float64), attention, axes=1)


def share(attention: NDArray[np.floating]) -> NDArray[np.float64]:
    """`tolerance` from 0, which obeys, to 1, which relaxes."""
    return (tolerance(attention) - WIDTHS[0]) / (WIDTHS[-1] - WIDTHS[0])


def tolerance_overlay(
    drawing: NDArray[np.uint8], attention: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """The drawing (H, W), 255 for stroke, on a veil: blue obeys, orange relaxes: (H, W, 3)."""
    veil = STRICT + share(attention)[:, :, None] * (LOOSE - STRICT)
    paper = 255 - 0.55 * (255 - veil)
    return (paper * (1 - drawing[:, :, None] / 255.0)).astype(np.uint8)
