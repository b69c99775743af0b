"""The building blocks of every network here: down, residual and up.

Section 4.1 of the paper: four 2x down convolutions, nine residual blocks, four 2x up convolutions,
instance normalisation and ReLU. Borders are padded with zeros: reflection costs as much as the
convolution behind it on a CPU, and what surrounds a portrait is a plain backdrop.
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


class ResizeConvolution(nn.Module):
    """Nearest-neighbour resize to twice the size, then a 3 x 3 convolution, in one step.

    (B, in, H, W) -> (B, out, 2H, 2W). Computed as the transposed 4 x 4 convolution with stride 2
    that it is: each of its weights is the sum of a 2 x 2 window of the 3 x 3 kernel. That is as
    free of checkerboards as the two steps, and takes a third of their time.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        # Laid out as transposed convolutions have it: (in, out, height, width), turned by 180
        # degrees.
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels, 3, 3))

    def kernel(self) -> Tensor:
        """The kernel of the transposed convolution, (in, out, 4, 4)."""
        corners = ((0, 1, 0, 1), (1, 0, 0, 1), (0, 1, 1, 0), (1, 0, 1, 0))
        return torch.stack([F.pad(self.weight, corner) for corner in corners]).sum(dim=0)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.kernel(), stride=2, padding=1)


def up(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 2x up block: (B, in, H, W) -> (B, out, 2H, 2W)."""
    return nn.Sequential(ResizeConvolution(in_channels, out_channels), InstanceNorm(), nn.ReLU())


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Weights from N(0, 0.02), as in pix2pix; biases zero."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, ResizeConvolution)):
            module.weight.normal_(0, 0.02)
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            module.bias.zero_()


@torch.no_grad()
def initialise_for_relu(network: nn.Module) -> None:
    """Weights that keep the size of what passes through ReLUs (He et al., 2015); biases zero.

    For convolutions without normalisation. From N(0, 0.02) SAP's attention came out the same
    everywhere, and in 750 steps its weights did not move away from it.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                module.bias.zero_()
