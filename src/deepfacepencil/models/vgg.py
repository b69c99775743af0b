"""The VGG16 of ST-LPIPS, for the perceptual loss of pix2pixHD [28]: L_1 between its features.

pix2pixHD has a VGG19 of torchvision's and takes the first layer of each of its five groups; these
weights, out of stlpips-pytorch, are the nearest that can be had without it: the last layer of each
of five groups, with blurred halvings.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..weights import parcel
from .alexnet import halved

WEIGHTS = (
    "stlpips-pytorch",
    "0.0.2",
    "stlpips_pytorch/weights/vST0.0/vgg_shift_tolerant.pth",
    "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
)
GROUPS = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, *[512] * 3), (512, *[512] * 3))
# Of the groups in the loss, from fine to coarse: pix2pixHD's.
SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)


class ShiftTolerantVGG(nn.Module):
    """Photos (N, 3, H, W) in [-1, 1] -> five maps (N, C, h, w), each half as large. Frozen."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.groups = nn.ModuleList(_group(channels) for channels in GROUPS)
        self.register_buffer("shift", torch.zeros(1, 3, 1, 1))
        self.register_buffer("scale", torch.ones(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, photos: Tensor) -> list[Tensor]:
        x = (photos - self.shift) / self.scale
        maps: list[Tensor] = []
        for group in self.groups:
            if maps:
                x = halved(F.max_pool2d(x, 2, stride=1))
            x = group(x)
            maps.append(x)  # (N, 64, H, W), (N, 128, H/2, W/2), ...
        return maps


def _group(channels: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(channels):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def load_vgg(device: torch.device) -> ShiftTolerantVGG:
    """The network with its weights. Raises InputError if stlpips-pytorch is not installed."""
    shipped = torch.load(parcel(*WEIGHTS), map_location="cpu", weights_only=True)
    network = ShiftTolerantVGG()
    state = network.state_dict()
    names = [name for name in shipped if name.startswith("net.") and not name.endswith("filt")]
    ours = [name for name in state if name.startswith("groups.")]
    state = {name: shipped[theirs] for name, theirs in zip(ours, names, strict=True)}
    state |= {name: shipped[f"scaling_layer.{name}"] for name in ("shift", "scale")}
    network.load_state_dict(state)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
