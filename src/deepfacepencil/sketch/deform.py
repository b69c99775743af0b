"""Stroke deformation: S_syn -> S_dfm (section 3.1, "Stroke Deformation"; Fig. 1e)."""

import numpy as np
from numpy.typing import NDArray

from .strokes import Strokes

DEFAULT_D = 11.0


def deform(
    strokes: Strokes,
    rng: np.random.Generator,
    d: float | NDArray[np.floating] = DEFAULT_D,
    share: float = 1.0,
) -> Strokes:
    """Add offsets from [-d, d]^2 to the end points and control points of the strokes.

    `d` is in pixels of the 512 canvas, one for all points or (N, 1); 0 gives back the same strokes.
    `share` is the probability with which a point moves: 1 as the paper writes, 0.5 as its released
    test code does. Pieces of a chain share their joints in memory, so chains stay joined; a closed
    chain stays closed.
    """
    offsets = rng.uniform(-d, d, strokes.points.shape)
    if share < 1:
        offsets *= rng.random((len(offsets), 1)) < share
    first, last = strokes.starts[:-1], strokes.starts[1:] - 1
    closed = (strokes.points[first] == strokes.points[last]).all(axis=1)
    offsets[last[closed]] = offsets[first[closed]]
    return strokes.with_points(strokes.points + offsets)
