"""pix2pix [10], as it is: a U-Net, and a discriminator of patches of 70 x 70 pixels (section 4)."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from .blocks import channels_at, initialise
from .condition import Condition
from .generator import Generated

WIDEST = 8  # times the base width, the channels that the U-Net grows to
DROPOUT_LAYERS = 3  # of the decoder, the innermost


class UNet(nn.Module):
    """The generator of pix2pix: halved down to a point, and back with skip connections.

    Condition -> Generated, without features to match. After `depth` halvings a sketch of 2**depth
    pixels is one; a larger one, 2 x 2 or more. Batch norm and dropout, as there. In eval mode a
    photo depends on nothing but its sketch: no dropout, and the running statistics.
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

    def forward(self, condition: Condition) -> Generated:
        maps = [condition.sketch]
        for layer in self.down:
            maps.append(layer(maps[-1]))  # (B, C, H/2, W/2), (B, 2C, H/4, W/4), ...
        encoded = maps.pop()
        x = encoded
        for layer in self.up:
            x = torch.cat([layer(x), maps.pop()], dim=1)
        return Generated(self.to_photo(x), encoded, [], None)


class PatchGAN(nn.Module):
    """The discriminator of pix2pix: one scale, patches of 70 x 70 pixels, batch norm.

    Condition and photos (B, 3, H, W) -> logits (B, 1, h, w) as the only output of the only
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

    def forward(self, condition: Condition, photo: Tensor) -> list[list[Tensor]]:
        return [[self.layers(torch.cat([condition.sketch, photo], dim=1))]]


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
