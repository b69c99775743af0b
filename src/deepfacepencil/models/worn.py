"""Beards and glasses that were drawn are shown: what tells them in features makes them too (ours).

Both are seen linearly in the body's features at 32 px. An encoder says where a drawing has them;
there features are moved along the mean difference between faces with and without, until they show.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..sketch.beard import CELLS, CHEEKS, GROWS
from ..sketch.labels import CLASSES

_SKIN, _NOSE = CLASSES.index("skin"), CLASSES.index("nose")
_SEEN = 0.4  # share of a cell: so much of a nose is one
_BEARD = 1.5  # the score of what is drawn as a beard; 1 is what tells one from smooth skin
_GLASSES = 0.9  # of the mean difference: faces with glasses have 0.5 to 1.6, others at most 0.3
# From where to where, of what an encoder says, it is none to all: it is as sure of a beard as of
# how long it is; of glasses by hand it says half of what it says of those of photos, and of large
# round eyes a third of that.
_BEARD_DRAWN, _GLASSES_DRAWN = (0.2, 0.5), (0.1, 0.14)


class Glasses(NamedTuple):
    """The mean difference between faces with glasses and without, in a box of cells.

    It stays where it is: the body's faces have their eyes in the same place, and what is drawn is
    placed by its eyes.
    """

    look: Tensor  # (512, h, w), of the features at 32 px
    tell: Tensor  # (512, h, w): how much of `look` features have is linear in them,
    bias: Tensor  # with this
    place: tuple[int, int]  # row and column of the box

    def missing(self, features: Tensor, drawn: Tensor) -> Tensor:
        """What features (B, 512, 32, 32) lack of glasses if they were `drawn`, (B, 32, 32)."""
        top, left = self.place
        height, width = self.look.shape[1:]
        box = slice(top, top + height), slice(left, left + width)
        have = (features[:, :, *box] * self.tell).sum(dim=(1, 2, 3)) + self.bias
        drawn = _from_to(drawn[:, *box].mean(dim=(1, 2)), _GLASSES_DRAWN)
        missing = drawn * F.relu(_GLASSES - have)
        around = (left, CELLS - left - width, top, CELLS - top - height)
        return F.pad(missing[:, None, None, None] * self.look, around)


def tell_of(look: Tensor, deviation: Tensor) -> Tensor:
    """`Glasses.tell` of a look, by how channels spread, (512,)."""
    weighed = look / deviation.square()[:, None, None]
    return weighed / (weighed * look).sum()


class Beards(NamedTuple):
    """What tells a cell of a beard from one of smooth skin, and what makes it one."""

    cell: Tensor  # (512,)
    cheek: Tensor  # (512,)
    bias: Tensor
    hair: Tensor  # (512,): added to the features of a cell, it raises the score by 1

    def score(self, features: Tensor, cheeks: Tensor) -> Tensor:
        """Features (B, 512, 32, 32) and where cheeks are (B, 32, 32) -> (B, 32, 32): 0 to 1.

        Linear in the features of the cell and in those of the face's own cheeks, which have no
        beard where they are highest.
        """
        area = cheeks.sum(dim=(1, 2))[:, None].clamp_min(1e-3)
        own = (features * cheeks[:, None]).sum(dim=(2, 3)) / area @ self.cheek
        score = torch.einsum("c,bchw->bhw", self.cell, features)
        return score + own[:, None, None] + self.bias

    def missing(self, features: Tensor, logits: Tensor, drawn: Tensor) -> Tensor:
        """What features (B, 512, 32, 32) lack of a beard where it was `drawn`, (B, 32, 32).

        `drawn` is in [0, 1]; `logits` (B, 19, 64, 64) say what is skin and nose. Never is a beard
        shorter than it was.
        """
        cheeks, below = cheeks_and_below(logits)
        drawn = _from_to(drawn, _BEARD_DRAWN)
        missing = F.relu(_BEARD * drawn - self.score(features, cheeks)) * below * (drawn > 0)
        missing = F.avg_pool2d(missing[:, None], 3, stride=1, padding=1)  # no cell has a border
        return missing * self.hair[:, None, None]


class Worn(NamedTuple):
    """Both."""

    beards: Beards
    glasses: Glasses


def _from_to(x: Tensor, bounds: tuple[float, float]) -> Tensor:
    low, high = bounds
    return ((x - low) / (high - low)).clamp(0, 1)


def cheeks_and_below(logits: Tensor) -> tuple[Tensor, Tensor]:
    """sketch.beard.cheeks_and_below, of the logits of labels (B, 19, 64, 64)."""
    shares = F.avg_pool2d(F.softmax(logits, dim=1), logits.shape[-1] // CELLS)
    nose, skin = shares[:, _NOSE], shares[:, _SKIN]
    column = torch.arange(float(CELLS))
    row = column[:, None]
    lowest = ((nose > _SEEN) * (row + 1)).amax(dim=(1, 2), keepdim=True)
    middle = (nose * column).sum(dim=(1, 2), keepdim=True)
    middle = middle / nose.sum(dim=(1, 2), keepdim=True).clamp_min(1e-3)
    above, aside = lowest - 0.5 - row, (column - middle).abs()
    cheeks = skin * (lowest > 0) * (above > 0) * (above < CHEEKS[0]) * (aside < CHEEKS[1])
    found = cheeks.sum(dim=(1, 2), keepdim=True) > 1
    return cheeks * found, ((skin > GROWS) & (above < 0) & found).float()
