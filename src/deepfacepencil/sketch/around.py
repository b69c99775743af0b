"""Mathematical morphology: the highest and the lowest value around each pixel, grown masks.

Whole pictures are shifted over each other, a logarithm of times: of masks up to ten times as fast
as looking around each pixel or measuring distances, and exactly the same.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SQUARE = np.ones((3, 3), bool)  # a pixel and the eight around it
_FAR = 40  # pixels, from where on a disc is faster to measure than to shift
_DEEP = 16  # the same, of what is deep in a mask

Mask = NDArray[np.bool_]
_Pixels = NDArray[Any]


def highest(values: _Pixels, down: int, right: int) -> _Pixels:
    """Dilation: the highest value in a window, `down` by `right` pixels (odd), about each pixel."""
    return _slid(np.maximum, _slid(np.maximum, values, down, 0), right, 1)


def lowest(values: _Pixels, down: int, right: int) -> _Pixels:
    """Erosion: the lowest one."""
    return _slid(np.minimum, _slid(np.minimum, values, down, 0), right, 1)


def closed(values: _Pixels, size: int) -> _Pixels:
    """Closing: values (H, W) without dark details that have no room for `size` x `size` pixels."""
    return lowest(highest(values, size, size), size, size)


def opened(values: _Pixels, size: int) -> _Pixels:
    """Opening: values (H, W) without bright details without room for `size` x `size` pixels."""
    return highest(lowest(values, size, size), size, size)


def grown(mask: Mask, reach: float) -> Mask:
    """Dilation by a disc: the pixels (H, W) within `reach` pixels of the mask."""
    if not mask.any():
        return np.zeros_like(mask)
    if reach > _FAR:
        distances: NDArray[np.float64] = ndimage.distance_transform_edt(~mask)
        return distances <= reach
    height, width = mask.shape
    rows = int(reach)
    framed = np.pad(mask, rows)
    found = np.zeros_like(mask)
    for down in range(rows + 1):
        wide = 2 * int((reach**2 - down**2) ** 0.5) + 1
        spread = _slid(np.logical_or, framed, wide, 1)[:, rows : rows + width]
        for shift in {down, -down}:
            found |= spread[rows + shift : rows + shift + height]
    return found


def shrunk(mask: Mask, reach: float) -> Mask:
    """Erosion by a disc: the pixels of the mask with nothing else within `reach` pixels.

    What is beyond the picture does not count.
    """
    return ~grown(~mask, reach)


def depth_of(mask: Mask) -> NDArray[np.float64]:
    """(H, W): how far each pixel of the mask is from the nearest that is not; 0 outside.

    Along rows first, then across; lines are a few pixels wide, so a few shifts are enough.
    """
    columns = np.arange(mask.shape[1], dtype=np.int32)
    far = np.int32(sum(mask.shape))
    before = columns - np.maximum.accumulate(np.where(mask, -far, columns), axis=1)
    after = np.minimum.accumulate(np.where(mask, 2 * far, columns)[:, ::-1], axis=1)[:, ::-1]
    along = np.minimum(before, after - columns).clip(max=far) ** 2
    square = along.copy()
    for step in range(1, _DEEP + 1):
        if square.max() <= step**2:
            return np.sqrt(square)
        for one, other in ((square[step:], along[:-step]), (square[:-step], along[step:])):
            np.minimum(one, other + np.int32(step**2), out=one)
    distances: NDArray[np.float64] = ndimage.distance_transform_edt(mask)
    return distances


def large(mask: Mask, area: float) -> Mask:
    """The connected parts of at least `area` pixels."""
    parts, count = ndimage.label(mask)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    return (mask & (sizes >= area)[parts]).astype(bool)


def _slid(join: Callable[..., _Pixels], values: _Pixels, size: int, axis: int) -> _Pixels:
    """What joins the values in a window of `size` around each; edges go on beyond the picture."""
    if size == 1:
        return values
    first, last = values.take([0], axis), values.take([-1], axis)
    room = size // 2
    # np.pad does the same, and takes longer than all the rest for pictures of this size.
    rest = np.concatenate([first.repeat(room, axis), values, last.repeat(room, axis)], axis)
    rest = rest.swapaxes(0, axis)
    width = 1
    while width < size:
        step = min(width, size - width)
        rest = join(rest[:-step], rest[step:])
        width += step
    return rest.swapaxes(0, axis)
