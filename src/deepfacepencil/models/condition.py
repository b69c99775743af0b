"""What a photo is made from, and judged with: everything beside the photo itself, as one thing.

It travels as one value from a batch to the generators and to D. Another input of a network (say, an
appearance) is one more field here, and is filled in where batches and drawings are made.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Condition(NamedTuple):
    """The inputs of a generator, of B photos."""

    sketch: Tensor  # (B, 1, H, W) in {0..1}
    # How far the photo may leave the strokes, from -1 to 1, (B, 1, h, w) of any resolution; without
    # it the choice is the network's. Nothing that D judges by. Not in the paper.
    tolerance: Tensor | None = None
    # What lines cannot say, `runtime/appearance.py: Appearance.condition`, (B, CONDITION_SIZE). Of
    # the generators on a body that knows faces alone. Not in the paper.
    appearance: Tensor | None = None


def joined(conditions: Sequence[Condition]) -> Condition:
    """Batches of conditions as one batch; all have the same fields."""
    fields = zip(*conditions, strict=True)
    return Condition._make(None if parts[0] is None else torch.cat(parts) for parts in fields)


def mixed(first: Tensor, condition: Condition, other: Condition) -> Condition:
    """Of every item `condition` where `first` (B,) holds, else `other`."""
    pairs = zip(condition, other, strict=True)
    places = first.view(-1, 1, 1, 1)
    return Condition._make(
        None if a is None or b is None else torch.where(places, a, b) for a, b in pairs
    )
