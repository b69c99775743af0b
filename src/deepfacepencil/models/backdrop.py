"""A backdrop out of focus, as portraits have it: nobody drew it, and a face is what matters (ours).

What the body paints behind a face is often torn, a hand or half of a second face. Averaged over the
cells around, its features are those of something far away. What is left is a grain like leather,
where it is dark: that is held in bounds in the photo.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..runtime.appearance import COLOURS
from ..sketch.labels import CLASSES

_BACKDROP = CLASSES.index("background")
_CELLS = 4  # averaged before their neighbours are: a side of 12 cells
# At 32 and at 64 px. KID x 1000 on validation faces is 19.9 so, 15.0 with the body's own backdrop,
# against photos with theirs; with less of it second faces are seen.
_SOFT = 0.8
_SOME = 0.01  # share of those cells from which on they have a backdrop
_SHARP, _BLURRED = 0.6, 0.95  # of a cell of the photo: from what share of backdrop to what
_WIDE = 5  # such cells, which are averaged twice
# Of [-1, 1]: what differs from that mean by this little stays, since photos have grain. KID x 1000
# on 80 validation faces is 27.2 without any, 22.1 with 0.04, 21.1 with 0.07, 19.8 with all of it.
_GRAIN = 0.05


def backdrop_of(logits: Tensor) -> Tensor:
    """Logits of the classes (B, 19, s, s) -> how much of each cell is backdrop, (B, 1, s, s)."""
    return F.softmax(logits, dim=1)[:, _BACKDROP : _BACKDROP + 1]


def softened(features: Tensor, backdrop: Tensor) -> Tensor:
    """Features (B, C, s, s), those of the backdrop averaged, of 32 or 64 px.

    `backdrop` (B, 1, n, n), n a multiple of s, is what `backdrop_of` gives.
    """
    size = features.shape[-1]
    share = F.adaptive_avg_pool2d(backdrop, size)
    inside = _SOFT * share.square()  # a cell that is half hair is more of a person than that
    total, shares = (_around(x) for x in (features * share, share))
    known = (shares > _SOME).float()
    mean = F.interpolate(known * total / (shares + 1e-3), size=size, mode="bilinear")
    moved = inside * F.interpolate(known, size=size, mode="bilinear")
    return features * (1 - moved) + inside * mean


def _around(x: Tensor) -> Tensor:
    """The mean of a cell's neighbourhood, (B, C, s / _CELLS, s / _CELLS)."""
    return F.avg_pool2d(F.avg_pool2d(x, _CELLS), 3, stride=1, padding=1)


def out_of_focus(photo: Tensor, regions: Tensor) -> Tensor:
    """The photo (B, 3, S, S) with a smooth backdrop, into which nothing of the person blurs.

    `regions` (B, 6, n, n) as grading.regions_of gives them, S a multiple of n.
    """
    row, size = COLOURS.index("backdrop"), photo.shape[-1]
    share = regions[:, row : row + 1]
    inside = share.square()
    total, weight = (
        _wide(x) for x in (F.avg_pool2d(photo, size // share.shape[-1]) * inside, inside)
    )
    taken = ((share - _SHARP) / (_BLURRED - _SHARP)).clamp(0, 1) * weight / (weight + _SOME)
    maps = torch.cat([taken * total / (weight + 1e-3), taken], dim=1)
    smooth, taken = F.interpolate(maps, size=size, mode="bilinear").split([3, 1], dim=1)
    rough = taken * photo - smooth
    return photo - rough + _GRAIN * torch.tanh(rough / _GRAIN)


def _wide(x: Tensor) -> Tensor:
    for _ in range(2):
        x = F.avg_pool2d(x, _WIDE, stride=1, padding=_WIDE // 2)
    return x
