"""The local enhancer of pix2pixHD: from the photo of the main generator to one of twice the size.

Section 4.1 names it as the way to fine textures. The trained G_m draws at half the size and stays
as it is; the enhancer joins what G_m's decoder made, just before it becomes a photo, with the
sketch at full size.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import InstanceNorm, ResidualBlock, down, initialise, up
from .condition import Condition

RESIDUAL_BLOCKS = 3


def half_size(condition: Condition) -> Condition:
    """The condition as G_m sees it, the sketch (B, 1, H, W) -> (B, 1, H/2, W/2).

    The pen is as many pixels wide at every size: a mean would leave half of its ink.
    """
    return condition._replace(sketch=F.max_pool2d(condition.sketch, 2))


class Enhancer(nn.Module):
    """Condition, `decoded` (B, width, H/2, W/2) -> photo (B, 3, H, W) in [-1, 1].

    `decoded` is what `MainGenerator.decoded` makes of `half_size(condition)`; `width` is G_m's.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv2d(1, width // 2, 7, padding=3, bias=False),
            InstanceNorm(),
            nn.ReLU(),
            down(width // 2, width),
        )
        self.back = nn.Sequential(
            *(ResidualBlock(width) for _ in range(RESIDUAL_BLOCKS)), up(width, width // 2)
        )
        self.to_photo = nn.Sequential(nn.Conv2d(width // 2, 3, 7, padding=3), nn.Tanh())
        initialise(self)

    def forward(self, condition: Condition, decoded: Tensor) -> Tensor:
        joined = self.front(condition.sketch) + decoded  # (B, width, H/2, W/2)
        return self.to_photo(self.back(joined))
