"""The two generators of section 3.3 and Fig. 2: G_a for clean sketches, G_m for deformed ones.

Each has an encoder of its own; nine residual blocks and the decoder, here called the body, are one
object that both hold. SAP stands in front of the encoder of G_m.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .blocks import InstanceNorm, ResidualBlock, channels_at, down, initialise, up
from .condition import Condition
from .sap import WIDTHS_AT_256, SpatialAttentionPooling

LEVELS = 4
RESIDUAL_BLOCKS = 9
MATCHED_BLOCKS = 4  # T of Eq. 7: the outputs of residual blocks 1 to 4


class Generated(NamedTuple):
    """What a generator returns."""

    photo: Tensor  # (B, 3, H, W) in [-1, 1]
    encoded: Tensor  # what the body got, (B, C, H/16, W/16)
    features: list[Tensor]  # the outputs that Eq. 7 compares, as large, each
    attention: Tensor | None  # A of Eq. 2, (B, N_r, H, W); None without SAP


def to_bytes(photo: Tensor) -> NDArray[np.uint8]:
    """Photos (..., 3, H, W) in [-1, 1] as people see them: (..., H, W, 3), rounded."""
    return ((photo.movedim(-3, -1) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()


class Encoder(nn.Sequential):
    """Four 2x down convolutions: (B, in_channels, H, W) -> (B, C, H/16, W/16)."""

    def __init__(self, in_channels: int, width: int, cap: int) -> None:
        sizes = [in_channels] + [channels_at(level, width, cap) for level in range(1, LEVELS + 1)]
        super().__init__(*(down(a, b) for a, b in pairwise(sizes)))


class Body(nn.Module):
    """The shared part: nine residual blocks, then four 2x up convolutions and the photo."""

    def __init__(self, width: int, cap: int) -> None:
        super().__init__()
        sizes = [channels_at(level, width, cap) for level in range(LEVELS, -1, -1)]
        self.residual = nn.ModuleList(ResidualBlock(sizes[0]) for _ in range(RESIDUAL_BLOCKS))
        self.decoder = nn.Sequential(*(up(a, b) for a, b in pairwise(sizes)))
        self.to_photo = nn.Sequential(nn.Conv2d(sizes[-1], 3, 7, padding=3), nn.Tanh())

    def features(self, x: Tensor) -> list[Tensor]:
        """G^t of Eq. 7 for the encoded sketch `x`, (B, C, H/16, W/16) each."""
        outputs = []
        for block in self.residual[:MATCHED_BLOCKS]:
            x = block(x)
            outputs.append(x)
        return outputs

    def decoded(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What becomes the photo, (B, width, H, W), and the features."""
        features = self.features(x)
        x = features[-1]
        for block in self.residual[MATCHED_BLOCKS:]:
            x = block(x)  # (B, C, H/16, W/16)
        return self.decoder(x), features

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        decoded, features = self.decoded(x)
        return self.to_photo(decoded), features  # (B, 3, H, W)


class GlobalGenerator(nn.Module):
    """The global generator of pix2pixHD [28].

    As G_a, the auxiliary generator, it sees clean sketches and shows G_m what features to make.
    """

    def __init__(self, body: Body, width: int, cap: int) -> None:
        super().__init__()
        stem = nn.Sequential(
            nn.Conv2d(1, width, 7, padding=3, bias=False), InstanceNorm(), nn.ReLU()
        )
        self.encoder = nn.Sequential(stem, Encoder(width, width, cap))
        self.body = body

    def features(self, condition: Condition) -> list[Tensor]:
        """What G_m is to match in stage 2, without making the photo."""
        return self.body.features(self.encoder(condition.sketch))

    def forward(self, condition: Condition) -> Generated:
        encoded = self.encoder(condition.sketch)
        photo, features = self.body(encoded)
        return Generated(photo, encoded, features, None)


class MainGenerator(nn.Module):
    """G_m, the generator that draws for people: SAP, its own encoder, the shared body."""

    def __init__(self, body: Body, width: int, cap: int, pooling: Sequence[int]) -> None:
        super().__init__()
        self.sap = SpatialAttentionPooling(width // len(pooling), widths=pooling)
        self.encoder = Encoder(self.sap.out_channels, width, cap)
        self.body = body

    def forward(self, condition: Condition) -> Generated:
        relaxed, attention = self.sap(condition)
        encoded = self.encoder(relaxed)
        photo, features = self.body(encoded)
        return Generated(photo, encoded, features, attention)

    def decoded(self, condition: Condition) -> Tensor:
        """What the enhancer goes on from, (B, width, H, W): the photo but for its last layer."""
        relaxed, _ = self.sap(condition)
        return self.body.decoded(self.encoder(relaxed))[0]


def dual_generators(
    width: int, cap: int, pooling: Sequence[int] = WIDTHS_AT_256
) -> tuple[GlobalGenerator, MainGenerator]:
    """G_a and G_m of this base width, with one body between them.

    Channels double with every halving of the resolution, up to `cap`. The pix2pixHD default is
    width 64 with cap 1024. `pooling` has the widths of SAP's branches at 256 px.
    """
    body = Body(width, cap)
    auxiliary, main = GlobalGenerator(body, width, cap), MainGenerator(body, width, cap, pooling)
    initialise(auxiliary)
    initialise(main.encoder)
    return auxiliary, main
