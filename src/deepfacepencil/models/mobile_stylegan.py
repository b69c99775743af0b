"""MobileStyleGAN: a generator that learnt faces, as the body of G_a and G_m (ours).

"MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity Image Synthesis"
(Belousov, 2021), trained on FFHQ; its weights lie in the PyPI package random-face as two OpenVINO
graphs and are read from there by digest. Latents are w (512), one for all 23 style slots or one
each. The paper's body is in generator.py.
"""

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError

PACKAGE, VERSION = "random-face", "2021.7.21.1"
DIGESTS = {  # sha256 of the files of weights
    "MappingNetwork": "212dd716bdb556e1",
    "SynthesisNetwork": "c7da15fa22d508c8",
}
LATENT = 512
CHANNELS = (512, 512, 512, 512, 256, 128, 64)  # of the levels of 8, 16, ... 512 px
SIZES = tuple(8 * 2**level for level in range(len(CHANNELS)))
STYLES = 23  # slots: one at 4 px, three a level, one for the photo
_SLOPE = 0.2


def leaky_relu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE)


class Mapping(nn.Module):
    """z (B, 512), normal -> w (B, 512): eight linear layers on the normalised z."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(LATENT, LATENT) for _ in range(8))

    def forward(self, z: Tensor) -> Tensor:
        x = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            x = leaky_relu(layer(x)) * 2**0.5
        return x


def inverse_haar(bands: Tensor) -> Tensor:
    """Four Haar bands a channel (B, 4 C, H, W) -> (B, C, 2 H, 2 W).

    The first C channels are the low-pass, then come three bands of each channel.
    """
    channels = bands.shape[1] // 4
    low = bands[:, :channels]
    vertical, horizontal, diagonal = bands[:, channels:].unflatten(1, (channels, 3)).unbind(2)
    plus, minus = low + vertical, low - vertical
    across, against = horizontal + diagonal, horizontal - diagonal
    corners = torch.stack([plus + across, plus - across, minus + against, minus - against], dim=2)
    return F.pixel_shuffle(0.5 * corners.flatten(1, 2), 2)


class Modulation(nn.Linear):
    """One style slot: w (B, 512) -> what each channel is multiplied with, (B, C, 1, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__(LATENT, channels)

    def forward(self, w: Tensor) -> Tensor:
        return super().forward(w)[:, :, None, None]


class Layer(nn.Module):
    """Modulate, depthwise 3 x 3, pointwise, a fixed noise picture, bias, leaky ReLU."""

    def __init__(self, in_channels: int, channels: int, size: int) -> None:
        super().__init__()
        self.modulation = Modulation(in_channels)
        self.depthwise = nn.Parameter(torch.empty(in_channels, 1, 3, 3))
        self.pointwise = nn.Parameter(torch.empty(channels, in_channels, 1, 1))
        self.noise = nn.Parameter(torch.empty(1, 1, size, size))
        self.bias = nn.Parameter(torch.empty(1, channels, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = x * self.modulation(w)
        x = F.conv2d(x, self.depthwise, padding=1, groups=x.shape[1])
        return leaky_relu(F.conv2d(x, self.pointwise, self.bias.flatten()) + self.noise)


class Level(nn.Module):
    """Twice the size: (B, in_channels, H, W) -> (B, channels, 2 H, 2 W), three style slots."""

    def __init__(self, in_channels: int, channels: int, size: int) -> None:
        super().__init__()
        self.up = Modulation(in_channels)
        self.first = Layer(in_channels // 4, channels, size)
        self.second = Layer(channels, channels, size)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """`w` (B, 3, 512), one latent a slot."""
        x = inverse_haar(x * self.up(w[:, 0]))
        return self.second(self.first(x, w[:, 1]), w[:, 2])


class Synthesis(nn.Module):
    """w (B, 23, 512) -> features by level and the photo (B, 3, 1024, 1024) in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.empty(1, CHANNELS[0], 4, 4))
        self.modulation = Modulation(CHANNELS[0])
        self.convolution = nn.Parameter(torch.empty(CHANNELS[0], CHANNELS[0], 3, 3))
        self.noise = nn.Parameter(torch.empty(1, 1, 4, 4))
        self.bias = nn.Parameter(torch.empty(1, CHANNELS[0], 1, 1))
        incoming = (CHANNELS[0], *CHANNELS)
        self.levels = nn.ModuleList(
            Level(*sizes) for sizes in zip(incoming, CHANNELS, SIZES, strict=False)
        )
        self.photo_modulation = Modulation(CHANNELS[-1])
        self.photo_weight = nn.Parameter(torch.empty(12, CHANNELS[-1], 1, 1))
        self.photo_bias = nn.Parameter(torch.empty(1, 12, 1, 1))

    def begin(self, w: Tensor) -> Tensor:
        """The features at 4 px, (B, 512, 4, 4), by the first slot."""
        x = self.constant * self.modulation(w[:, 0])
        x = F.conv2d(x, self.convolution, self.bias.flatten(), padding=1)
        return leaky_relu(x + self.noise)

    def level(self, x: Tensor, w: Tensor, level: int) -> Tensor:
        """The features of one level, of SIZES[level] pixels, from those below."""
        return self.levels[level](x, w[:, 1 + 3 * level : 4 + 3 * level])

    def features(self, w: Tensor, to: int) -> list[Tensor]:
        """The features of all levels up to `to` pixels, (B, C, s, s) for s = 8, 16, ... `to`."""
        x, found = self.begin(w), []
        for level in range(SIZES.index(to) + 1):
            x = self.level(x, w, level)
            found.append(x)
        return found

    def photo(self, x: Tensor, w: Tensor) -> Tensor:
        """The photo (B, 3, 1024, 1024) of the 512-px features."""
        bands = F.conv2d(x * self.photo_modulation(w[:, -1]), self.photo_weight) + self.photo_bias
        return inverse_haar(bands)

    def forward(self, w: Tensor) -> Tensor:
        return self.photo(self.features(w, SIZES[-1])[-1], w)


def slots(w: Tensor) -> Tensor:
    """One latent for all style slots: (B, 512) -> (B, 23, 512)."""
    return w[:, None].expand(-1, STYLES, -1)


def load(folder: Path | None = None) -> tuple[Mapping, Synthesis]:
    """The trained networks, read from `folder` or from the installed package.

    Raises InputError if they are not there, or are not the files that they are to be.
    """
    mapping, synthesis = Mapping(), Synthesis()
    folder = folder or _installed()
    _fill_mapping(mapping, _constants(folder, "MappingNetwork"))
    _fill_synthesis(synthesis, _constants(folder, "SynthesisNetwork"))
    return mapping.eval().requires_grad_(False), synthesis.eval().requires_grad_(False)


def _installed() -> Path:
    hint = f"pip install --no-deps {PACKAGE}=={VERSION}"
    try:
        found = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as problem:
        raise InputError(f"the generator's weights are not installed: {hint}") from problem
    if found.version != VERSION:
        raise InputError(f"{PACKAGE} {found.version} is installed, {VERSION} is wanted: {hint}")
    return Path(str(found.locate_file("random_face/data")))


def _constants(folder: Path, network: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The graph's single-precision constants that are more than one number, in its order."""
    weights, graph = folder / f"{network}.bin", folder / f"{network}.xml"
    try:
        data = weights.read_bytes()
        layers = ET.parse(graph).getroot().iterfind("./layers/layer[@type='Const']")
    except (OSError, ET.ParseError) as problem:
        raise InputError(f"{graph} cannot be read ({problem})") from problem
    if not hashlib.sha256(data).hexdigest().startswith(DIGESTS[network]):
        raise InputError(f"{weights} is not the file of {PACKAGE} {VERSION}; install it again")
    for layer in layers:
        about = layer.find("data")
        assert about is not None
        shape = [int(n) for n in about.attrib["shape"].split(",") if n.strip()]
        if about.attrib["element_type"] == "f32" and np.prod(shape) > 1:
            offset, count = int(about.attrib["offset"]), int(np.prod(shape))
            values = np.frombuffer(data, np.float32, count, offset).reshape(shape)
            yield layer.attrib["name"], values.copy()


@torch.no_grad()
def _set(parameter: Tensor, values: NDArray[np.float32]) -> None:
    parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))


def _fill_mapping(mapping: Mapping, constants: Iterator[tuple[str, NDArray[np.float32]]]) -> None:
    values = [value for _, value in constants]
    layers: Any = mapping.layers  # torch does not type what a ModuleList holds
    for layer, weight, bias in zip(layers, values[::2], values[1::2], strict=True):
        _set(layer.weight, weight)
        _set(layer.bias, bias)


def _fill_synthesis(
    synthesis: Synthesis, constants: Iterator[tuple[str, NDArray[np.float32]]]
) -> None:
    """Modulations have names in the graph; what follows the constant is in the order of use."""
    named, ordered = {}, []
    for name, value in constants:
        if ".modulation." in name:
            named[name] = value
        elif value.ndim != 5 or value.shape[-2:] == (3, 3):  # not the Haar transform's filters
            ordered.append(value)
    rest = iter(ordered)

    def modulation(slot: Modulation, name: str, gain: float) -> None:
        _set(slot.weight, named[f"m.{name}.modulation.weight"])
        # The graph scales what a convolution is modulated with: the learning rate's equaliser.
        _set(slot.bias, named[f"m.{name}.modulation.bias"])
        with torch.no_grad():
            slot.weight.mul_(gain)
            slot.bias.mul_(gain)

    def layer(target: Layer, name: str) -> None:
        modulation(target.modulation, name, (9 * target.depthwise.shape[0]) ** -0.5)
        for parameter in (target.depthwise, target.pointwise, target.noise, target.bias):
            _set(parameter, next(rest))

    modulation(synthesis.modulation, "conv1.conv", (9 * CHANNELS[0]) ** -0.5)
    for parameter in (synthesis.constant, synthesis.convolution, synthesis.noise, synthesis.bias):
        _set(parameter, next(rest))
    levels: Any = synthesis.levels
    for number, level in enumerate(levels):
        modulation(level.up, f"layers.{number}.up", 1.0)
        layer(level.first, f"layers.{number}.conv1.conv")
        layer(level.second, f"layers.{number}.conv2.conv")
    last = len(CHANNELS) - 1
    modulation(synthesis.photo_modulation, f"layers.{last}.to_img.conv", CHANNELS[-1] ** -0.5)
    for parameter in (synthesis.photo_weight, synthesis.photo_bias):
        _set(parameter, next(rest))
