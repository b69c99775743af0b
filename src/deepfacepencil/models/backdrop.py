"""A backdrop out of focus, as portraits have it: nobody drew it, and a face is what matters (ours).

What the body paints behind a face is often torn, a hand or half of a second face. Averaged over the
cells around, its features are those of something far away.
"""

from torch import Tensor
from torch.nn import functional as F

from ..sketch.labels import CLASSES

_BACKDROP = CLASSES.index("background")
_CELLS = 4  # averaged before their neighbours are: a side of 12 cells
# At 32 and at 64 px. KID x 1000 on validation faces is 19.9 so, 15.0 with the body's own backdrop,
# against photos with theirs; with less of it second faces are seen.
_SOFT = 0.8
_SOME = 0.01  # share of those cells from which on they have a backdrop


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
