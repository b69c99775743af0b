"""The models that section 4 compares ours with: pix2pix, the baselines, and two ablations.

baseline         pix2pixHD's global generator [28], which is G_a alone
baseline-deform  the same network; it gets deformed sketches too
pix2pix          U-Net and PatchGAN of Isola et al. [10], as they are
sap-only         G_m's network alone: SAP without the dual generators
dual-only        G_a and G_m, but G_m begins with the convolution of G_a where SAP stands
"""

from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .blocks import channels_at, initialise
from .discriminator import Discriminator
from .generator import Generated, GlobalGenerator, dual_generators

Model = Literal["ours", "pix2pix", "baseline", "baseline-deform", "sap-only", "dual-only"]

WIDEST = 8  # times the base width, the channels that pix2pix grows to
DROPOUT_LAYERS = 3  # of the decoder, the innermost


class UNet(nn.Module):
    """The generator of pix2pix: halved down to a point, and back with skip connections.

    Sketch (B, 1, H, W) -> Generated, without features to match. After `depth` halvings a sketch of
    2**depth pixels is one; a larger one, 2 x 2 or more. Batch norm and dropout, as there. In eval
    mode a photo depends on nothing but its sketch: no dropout, and the running statistics.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        sizes = [channels_at(level, width, WIDEST * width) for level in range(depth)]
        # No norm in the first layer, and none in the last: there may be one pixel.
        down = [nn.Sequential(nn.Conv2d(1, width, 4, stride=2, padding=1))]
        for level, (a, b) in enumerate(pairwise(sizes), start=2):
            norm = [nn.BatchNorm2d(b)] if level < depth else []
            halved = nn.Conv2d(a, b, 4, stride=2, padding=1, bias=not norm)
            down.append(nn.Sequential(nn.LeakyReLU(0.2), halved, *norm))
        up = []
        for layer, (a, b) in enumerate(pairwise(reversed(sizes))):
            joined = 2 * a if layer else a  # with what skipped the layers further in
            doubled = nn.ConvTranspose2d(joined, b, 4, stride=2, padding=1, bias=False)
            dropout = [nn.Dropout(0.5)] if layer < DROPOUT_LAYERS else []
            up.append(nn.Sequential(nn.ReLU(), doubled, nn.BatchNorm2d(b), *dropout))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        last = nn.ConvTranspose2d(2 * width, 3, 4, stride=2, padding=1)
        self.to_photo = nn.Sequential(nn.ReLU(), last, nn.Tanh())
        _initialise(self)

    def forward(self, sketch: Tensor) -> Generated:
        maps = [sketch]
        for layer in self.down:
            maps.append(layer(maps[-1]))  # (B, C, H/2, W/2), (B, 2C, H/4, W/4), ...
        encoded = maps.pop()
        x = encoded
        for layer in self.up:
            x = torch.cat([layer(x), maps.pop()], dim=1)
        return Generated(self.to_photo(x), encoded, [], None)


class PatchGAN(nn.Module):
    """The discriminator of pix2pix: one scale, patches of 70 x 70 pixels, batch norm.

    Sketch (B, 1, H, W) and photo (B, 3, H, W) -> logits (B, 1, h, w) as the only output of the only
    scale, in the form of `Discriminator`. Its statistics are always those of the batch, so real and
    generated photos belong in batches of their own.
    """

    def __init__(self, width: int, cap: int) -> None:
        super().__init__()
        sizes = [channels_at(level, width, cap) for level in range(4)]
        layers = [nn.Conv2d(1 + 3, sizes[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for (a, b), stride in zip(pairwise(sizes), (2, 2, 1), strict=True):
            layers += [
                nn.Conv2d(a, b, 4, stride, padding=1, bias=False),
                nn.BatchNorm2d(b, track_running_stats=False),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(sizes[-1], 1, 4, padding=1))
        _initialise(self)

    def forward(self, sketch: Tensor, photo: Tensor) -> list[list[Tensor]]:
        return [[self.layers(torch.cat([sketch, photo], dim=1))]]


@torch.no_grad()
def _initialise(network: nn.Module) -> None:
    """Weights from N(0, 0.02), the factors of batch norm from N(1, 0.02); biases zero."""
    initialise(network)
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            module.weight.normal_(0, 0.02)
            if module.bias is not None:
                module.bias.zero_()
        if isinstance(module, nn.BatchNorm2d):
            module.weight.normal_(1, 0.02)


def generators(model: Model, width: int, cap: int, depth: int) -> tuple[Any, Any]:
    """G_a and G_m of a model; where there is one generator, it is both.

    Each takes a sketch (B, 1, H, W) in {0..1} and returns `Generated`. `depth` is for the U-Net,
    whose channels have a cap of their own. Raises ValueError if there is no such model.
    """
    aligned, main = dual_generators(width, cap)
    if model == "ours":
        return aligned, main
    if model in ("baseline", "baseline-deform"):
        return aligned, aligned
    if model == "sap-only":
        return main, main
    if model == "dual-only":
        second = GlobalGenerator(aligned.body, width, cap)
        initialise(second.encoder)
        return aligned, second
    if model == "pix2pix":
        unet = UNet(width, depth)
        return unet, unet
    raise ValueError(f"there is no model {model}")


def discriminator(model: Model, width: int, cap: int) -> nn.Module:
    """D of a model: three scales, but for pix2pix."""
    return PatchGAN(width, cap) if model == "pix2pix" else Discriminator(width, cap)
