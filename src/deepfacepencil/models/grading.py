"""Colours that were asked for, shown: regions of a photo are shaded towards them (ours).

A latent shows colours that people have, nearly; the rest is graded, as photographers do: darker by
a factor, lighter from white, so that blacks, whites and the light on hair stay.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..runtime.appearance import COLOURS, REGIONS
from ..sketch.labels import CLASSES

_SKIN_TOO = ("l_ear", "r_ear", "neck", "l_brow", "r_brow")
CELLS = 64  # of a side of a photo, whose classes are known
_DECIDED = 2.0  # of the logits: borders are a little harder than the labels are sure
_STRENGTH = 0.8  # of the way to the colour that was asked for
_SCARCE = 12.0  # cells of which a region has half of its colour graded: fewer say too little
_LEAST = 0.35  # of a region's contrast is left
_DARKEST = 0.05  # of [0, 2]: darker than that no factor tells one colour from another


def regions_of(logits: Tensor) -> Tensor:
    """Logits of the classes (B, 19, 64, 64) -> how much of each cell is whose, (B, 6, 64, 64).

    In the order of COLOURS, and what has the skin's colour besides.
    """
    shares = F.softmax(_DECIDED * logits, dim=1)
    parts = [*(REGIONS[name] for name in COLOURS), _SKIN_TOO]
    rows = torch.tensor([[float(c in part) for c in CLASSES] for part in parts])
    return torch.einsum("rc,bchw->brhw", rows, shares)


def graded(photo: Tensor, regions: Tensor, appearance: Tensor) -> Tensor:
    """The photo (B, 3, S, S) with the colours asked for; in [-1, 1], S a multiple of 64.

    `regions` as `regions_of` gives them, `appearance` (B, 24). What is not said stays as it is.
    """
    asked, said = appearance[:, : 4 * len(COLOURS)].unflatten(1, (-1, 4)).split([3, 1], dim=2)
    cells = F.avg_pool2d(photo, photo.shape[-1] // CELLS).clamp(-1, 1).flatten(2)
    regions = regions.flatten(2)
    sure = regions[:, : len(COLOURS)].square()
    area = sure.sum(dim=2, keepdim=True)  # (B, 5, 1)
    shown = sure @ cells.transpose(1, 2) / (area + 1e-3)  # (B, 5, 3), the means
    wanted = shown + _STRENGTH * said * area / (area + _SCARCE) * (asked - shown)
    darker = (1 + wanted) / (1 + shown).clamp_min(_DARKEST)
    lighter = (1 - wanted) / (1 - shown).clamp_min(_DARKEST)
    factor = torch.minimum(darker, lighter).clamp(_LEAST, 1.0)
    shift = torch.where(wanted < shown, factor - 1, 1 - factor)
    both = torch.cat([factor - 1, shift], dim=2)
    skin, lips = (slice(row, row + 1) for row in map(COLOURS.index, ("skin", "lips")))
    both[:, lips] += (1 - said[:, lips]) * both[:, skin]  # dark skin has dark lips
    both = torch.cat([both, both[:, skin]], dim=1)
    maps = (both.transpose(1, 2) @ regions).unflatten(2, (CELLS, CELLS))
    scale, shift = F.interpolate(maps, size=photo.shape[-1], mode="bilinear").chunk(2, dim=1)
    return photo * (1 + scale) + shift
