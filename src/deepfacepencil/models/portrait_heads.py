"""Heads on the body's features: photos of sizes that it has no output for, and labels (ours).

portrait_heads.safetensors has their weights. training/heads.py fits those of photos and labels,
training/distil.py teaches the quick one.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from .mobile_stylegan import CHANNELS, LATENT, SIZES, inverse_haar, leaky_relu


class PhotoHead(nn.Module):
    """Features of one level -> a photo of twice their size, which the generator has only at 1024.

    1 x 1 convolutions to Haar bands, a straight one and one by a hidden layer, on features that the
    latent modulates.
    """

    def __init__(self, channels: int, rank: int = 32, hidden: int = 64) -> None:
        super().__init__()
        self.narrow = nn.Linear(LATENT, rank)
        self.modulation = nn.Linear(rank, channels)
        self.shift = nn.Linear(rank, 12)
        self.bands = nn.Conv2d(channels, 12, 1)
        self.hidden = nn.Conv2d(channels, hidden, 1)
        self.more = nn.Conv2d(hidden, 12, 1)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, C, s, s) and w (B, 512) -> (B, 3, 2 s, 2 s) in [-1, 1]."""
        return inverse_haar(self._bands(x, w, 12))

    def halved(self, x: Tensor, w: Tensor) -> Tensor:
        """The same photo with each 2 x 2 pixels as one, (B, 3, s, s): half of its low-pass."""
        return 0.5 * self._bands(x, w, 3)

    def _bands(self, x: Tensor, w: Tensor, count: int) -> Tensor:
        """The first of the Haar bands, (B, count, s, s)."""
        style = self.narrow(w)
        x = x * (1 + self.modulation(style))[:, :, None, None]
        hidden = F.leaky_relu(self.hidden(x), 0.2)
        bands, more = (
            F.conv2d(y, layer.weight[:count], layer.bias[:count])  # type: ignore[index]
            for y, layer in ((x, self.bands), (hidden, self.more))
        )
        return bands + more + self.shift(style)[:, :count, None, None]


class QuickHead(nn.Module):
    """Features at 64 px -> the photo of 256 px, in a fifth of the time that the body takes for it.

    A few convolutions at 128 px stand in the place of the body's levels of 128 and 256 px. They
    are taught by its photos (training/distil.py).
    """

    def __init__(self, width: int = 48, blocks: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv2d(CHANNELS[SIZES.index(64)], 256, 1)
        self.style = nn.Linear(LATENT, 256)
        self.enter = nn.Conv2d(64, width, 3, padding=1)
        self.grain = nn.Conv2d(10, width, 1, bias=False)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.last = nn.Conv2d(width, 12, 3, padding=1)
        self.tint = nn.Linear(LATENT, 24)

    def forward(self, x: Tensor, noise: Tensor, w: Tensor) -> Tensor:
        """Features (B, 512, 64, 64), the body's pictures of noise (1, 10, 128, 128) and
        w (B, 512) -> (B, 3, 256, 256), about in [-1, 1]."""
        x = leaky_relu(self.first(x)) * (1 + self.style(w))[:, :, None, None]
        x = leaky_relu(self.enter(F.pixel_shuffle(x, 2)) + self.grain(noise))
        for block in self.blocks:
            x = x + leaky_relu(block(x))
        scale, shift = self.tint(w)[:, :, None, None].chunk(2, dim=1)
        return F.pixel_shuffle(self.last(x) * (1 + scale) + shift, 2)


class LabelHead(nn.Module):
    """The body's 32-px features -> the 19 classes at 64 px, as DatasetGAN (Zhang et al., 2021).

    What makes "the hat is where it was drawn" a loss: the labels of a photo that is not yet made.
    """

    def __init__(self, classes: int = 19, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(CHANNELS[0], width, 1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 4 * classes, 1),
            nn.PixelShuffle(2),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, 512, 32, 32) -> logits (B, 19, 64, 64)."""
        return self.layers(features)
