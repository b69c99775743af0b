"""ST-LPIPS: how unlike two photos look to a trained network, whatever moved by a pixel.

No part of the paper. It measures (evaluation/), and recipes beyond the paper's take it as a loss
beside L_rec (pix2pixHD, which the paper builds on, has such a loss): where strokes are off by
some pixels, so is the photo, and that alone is not to be blurred away. The weights are out of
stlpips-pytorch, whose own code needs torchvision; this here does not.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..weights import parcel

WEIGHTS = (
    "stlpips-pytorch",
    "0.0.2",
    "stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth",
    "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
)


class ShiftTolerantAlexNet(nn.Module):
    """The AlexNet of ST-LPIPS (Ghildyal and Liu, ECCV 2022), frozen.

    Every halving is a blur and then every second pixel, so that a photo moved by a pixel looks
    the same.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 64, 11, padding=2)
        self.second = nn.Conv2d(64, 192, 5, padding=2)
        self.rest = nn.ModuleList(
            nn.Conv2d(*channels, 3, padding=1) for channels in ((192, 384), (384, 256), (256, 256))
        )
        self.weigh = nn.ModuleList(
            nn.Conv2d(channels, 1, 1, bias=False) for channels in (64, 192, 384, 256, 256)
        )
        self.register_buffer("shift", torch.zeros(1, 3, 1, 1))
        self.register_buffer("scale", torch.ones(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, photos: Tensor) -> list[Tensor]:
        """Five maps (N, C, h, w), at every place of unit length, of photos (N, 3, H, W) in ±1."""
        maps = [halved(self.first((photos - self.shift) / self.scale)).relu()]  # (N, 64, H/2, W/2)
        x = halved(F.max_pool2d(maps[-1], 3, stride=1))
        maps.append(self.second(x).relu())  # (N, 192, H/4, W/4)
        x = halved(F.max_pool2d(maps[-1], 3, stride=1))
        for layer in self.rest:
            x = layer(x).relu()
            maps.append(x)  # (N, 384, H/8, W/8), then 256 channels, twice
        return [_unit(x.float()) for x in maps]

    def distance(self, a: list[Tensor], b: list[Tensor]) -> Tensor:
        """ST-LPIPS (N,) between photos with these maps: 0 for the same, larger for unlike."""
        levels = [
            layer((here - there).square()).mean(dim=(1, 2, 3))
            for layer, here, there in zip(self.weigh, a, b, strict=True)
        ]
        return torch.stack(levels).sum(dim=0)


def load_alexnet(device: torch.device) -> ShiftTolerantAlexNet:
    """The network with its weights. Raises InputError if stlpips-pytorch is not installed."""
    shipped = torch.load(parcel(*WEIGHTS), map_location="cpu", weights_only=True)
    layers = ("slice1.0", "slice2.5", "slice3.9", "slice4.11", "slice5.13")
    ours = ("first", "second", "rest.0", "rest.1", "rest.2")
    state = {
        f"{name}.{what}": shipped[f"net.{layer}.{what}"]
        for name, layer in zip(ours, layers, strict=True)
        for what in ("weight", "bias")
    }
    state |= {f"weigh.{level}.weight": shipped[f"lin{level}.model.1.weight"] for level in range(5)}
    state |= {name: shipped[f"scaling_layer.{name}"] for name in ("shift", "scale")}
    network = ShiftTolerantAlexNet()
    network.load_state_dict(state)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def halved(x: Tensor) -> Tensor:
    """Blurred with (1, 2, 1) / 4 in both directions, then every second pixel, mirrored borders."""
    line = torch.tensor([0.25, 0.5, 0.25], device=x.device, dtype=x.dtype)
    kernel = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def _unit(x: Tensor) -> Tensor:
    """Every place divided by its length over the channels; where all is 0, it and its gradient."""
    return x / (x.square().sum(dim=1, keepdim=True) + 1e-20).sqrt()
