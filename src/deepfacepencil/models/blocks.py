"""The building blocks of every network here: down, residual and up.

Section 4.1 of the paper: four 2x down convolutions, nine residual blocks, four 2x up convolutions, instance
normalisation and ReLU. Borders are padded with zeros: reflection costs as much as the convolution
behind it on a CPU, and what surrounds a portrait is a plain backdrop.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class InstanceNorm(nn.Module):
    """Instance normalisation [27] without affine parameters, the default of pix2pixHD.

    Written out rather than taken from torch because `nn.InstanceNorm2d` copies a channels_last
    tensor to the other layout and back, which took longer than the convolutions around it.
    """

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), keepdim=True, correction=0)
        return ((x.float() - mean) * torch.rsqrt(variance + 1e-5)).to(x.dtype)


def channels_at(level: int, width: int, cap: int) -> int:
    """Channels after `level` halvings: doubled each time, at most `cap`."""
    return min(width * 2**level, cap)


def down(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 3 x 3 convolution with stride 2: (B, in, H, W) -> (B, out, H/2, W/2)."""
    convolution = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, InstanceNorm(), nn.ReLU())


class ResidualBlock(nn.Module):
    """x + two normalised 3 x 3 convolutions, size and channels unchanged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceNorm(),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceNorm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def up(in_channels: int, out_channels: int) -> nn.Sequential:
    """A transposed 4 x 4 convolution with stride 2: (B, in, H, W) -> (B, out, 2H, 2W)."""
    convolution = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, InstanceNorm(), nn.ReLU())


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Weights from N(0, 0.02), as in pix2pix; transposed convolutions start without checkerboards.

    A nearest-neighbour resize followed by a 3 x 3 convolution *is* a transposed 4 x 4 convolution
    with stride 2 whose kernel is the 3 x 3 kernel summed over 2 x 2 windows. Starting there gives
    the smoothness of resize + convolution at under half its time, and training is free to leave it.
    """
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            small = torch.randn(*module.weight.shape[:2], 3, 3) * 0.02
            window = torch.ones(1, 1, 2, 2)
            full = F.conv2d(small.flatten(0, 1).unsqueeze(1), window, padding=1)
            module.weight.copy_(full.view_as(module.weight))
        elif isinstance(module, nn.Conv2d):
            module.weight.normal_(0, 0.02)
            if module.bias is not None:
                module.bias.zero_()
