"""D: three PatchGANs on three scales (section 3.3), the discriminator of pix2pixHD [28].

Each sees the sketch that the generator saw beside the photo. Forward returns every layer's output,
because Eq. 6 compares them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import InstanceNorm, channels_at, initialise
from .condition import Condition

SCALES = 3


class PatchDiscriminator(nn.Module):
    """One D_i: 4 x 4 convolutions, judging overlapping patches of 70 x 70 pixels."""

    def __init__(self, width: int, cap: int) -> None:
        super().__init__()
        sizes = [channels_at(level, width, cap) for level in range(4)]
        layers = [self._layer(1 + 3, sizes[0], stride=2, norm=False)]
        layers += [self._layer(sizes[i], sizes[i + 1], stride=2 if i < 2 else 1) for i in range(3)]
        layers += [nn.Conv2d(sizes[-1], 1, 4, padding=2)]
        self.layers = nn.ModuleList(layers)

    @staticmethod
    def _layer(in_channels: int, out_channels: int, stride: int, norm: bool = True) -> nn.Module:
        convolution = nn.Conv2d(
            in_channels, out_channels, 4, stride, padding=1 if stride == 2 else 2, bias=not norm
        )
        normalisation = [InstanceNorm()] if norm else []
        return nn.Sequential(convolution, *normalisation, nn.LeakyReLU(0.2))

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs = []
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        return outputs


class Discriminator(nn.Module):
    """Condition of B photos and photos (B, 3, H, W) -> per scale, the outputs of its layers.

    The last output of a scale is its logits (B, 1, h, w), positive for a real photo.
    """

    def __init__(self, width: int, cap: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(width, cap) for _ in range(SCALES))
        initialise(self)

    def forward(self, condition: Condition, photo: Tensor) -> list[list[Tensor]]:
        pair = torch.cat([condition.sketch, photo], dim=1)  # (B, 4, H, W)
        outputs = []
        for scale in self.scales:
            outputs.append(scale(pair))
            pair = F.avg_pool2d(pair, 3, stride=2, padding=1, count_include_pad=False)
        return outputs
