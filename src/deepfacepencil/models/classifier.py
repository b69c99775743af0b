"""C: is this sketch edge-aligned or deformed? (section 3.2).

A binary classifier with three convolutions. Nobody asks for its answer: SAP looks at its feature
maps, which had to become sensitive to distorted strokes for the answer to be right.
"""

import torch
from torch import Tensor, nn

from .blocks import initialise_for_relu


class Classifier(nn.Module):
    """Sketch (B, 1, H, W) in {0..1} -> logits (B,), positive for a deformed sketch."""

    CHANNELS = (16, 32, 32)

    def __init__(self) -> None:
        super().__init__()
        first, second, third = self.CHANNELS
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(1, first, 4, stride=2, padding=1),
                nn.Conv2d(first, second, 4, stride=2, padding=1),
                nn.Conv2d(second, third, 4, stride=2, padding=1),
            ]
        )
        self.head = nn.Linear(third, 1)
        initialise_for_relu(self.convolutions)

    def features(self, sketch: Tensor) -> list[Tensor]:
        """F_1^C, F_2^C, F_3^C at 1/2, 1/4 and 1/8 of the sketch's resolution."""
        maps = []
        x = sketch  # (B, 1, H, W)
        for convolution in self.convolutions:
            x = torch.relu(convolution(x))
            maps.append(x)
        return maps  # (B, 16, H/2, W/2), (B, 32, H/4, W/4), (B, 32, H/8, W/8)

    def forward(self, sketch: Tensor) -> Tensor:
        return self.head(self.features(sketch)[-1].mean(dim=(2, 3))).squeeze(1)
