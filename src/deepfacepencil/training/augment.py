"""Differentiable augmentation of what D judges, for few photos (DiffAugment, Zhao et al. 2020).

D learns few photos by heart. Moved, recoloured and with a hole they are many, and as generated
photos are changed in the same way, the generators need not imitate the changes. A sketch moves with
its photo, and a real and a generated photo of one sketch change alike, so Eq. 6 still compares like
with like. Not in the paper.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.condition import Condition

SHIFT = 0.125  # of the side, at most
HOLE = 0.5  # of the side


class Augmentation(NamedTuple):
    """The random numbers of a batch of B, each (B, 1, 1, 1) or (B, 2)."""

    brightness: Tensor  # is added, on the scale [-1, 1]
    saturation: Tensor  # factor
    contrast: Tensor  # factor
    shift: Tensor  # sides, x and y
    hole: Tensor  # its centre in [-1, 1]


def draw_augmentation(items: int, device: torch.device) -> Augmentation:
    """New random numbers, from torch's generator."""
    colours = torch.rand(3, items, 1, 1, 1, device=device)
    places = torch.rand(2, items, 2, device=device) * 2 - 1
    return Augmentation(
        colours[0] - 0.5, 2 * colours[1], 0.5 + colours[2], SHIFT * places[0], places[1]
    )


def augmented(
    augmentation: Augmentation, condition: Condition, photo: Tensor
) -> tuple[Condition, Tensor]:
    """The condition and the photos (B, 3, H, W) as D gets them."""
    photo = photo + augmentation.brightness
    grey = photo.mean(dim=1, keepdim=True)
    photo = grey + augmentation.saturation * (photo - grey)
    mean = photo.mean(dim=(1, 2, 3), keepdim=True)
    photo = mean + augmentation.contrast * (photo - mean)

    matrix = torch.eye(2, 3, device=photo.device).repeat(len(photo), 1, 1)
    matrix[:, :, 2] = 2 * augmentation.shift
    pair = torch.cat([condition.sketch, photo], dim=1)
    grid = F.affine_grid(matrix, list(pair.shape), align_corners=False)  # (B, H, W, 2)
    pair = F.grid_sample(pair, grid, mode="nearest", align_corners=False)

    still = F.affine_grid(torch.eye(2, 3, device=photo.device)[None], [1, *pair.shape[1:]], False)
    covered = ((still - augmentation.hole[:, None, None]).abs() < HOLE).all(dim=-1)  # (B, H, W)
    pair = pair.masked_fill(covered[:, None], 0)
    return condition._replace(sketch=pair[:, :1]), pair[:, 1:]
