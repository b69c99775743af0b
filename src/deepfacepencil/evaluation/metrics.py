"""The numbers of section 4.2.1 and beyond: FID [7], KID, IS [24], L1 and SSIM.

Plain functions from arrays to numbers. What networks see in the photos comes from features.py, the
arithmetic from torchmetrics.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics.functional.image import structural_similarity_index_measure
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from ..errors import InputError

SUBSETS = 100  # that KID is averaged over
SPLITS = 10  # that IS is averaged over

Features = NDArray[np.floating]  # (N, D)
Photos = NDArray[np.uint8]  # (N, H, W, 3)


def fid(real: Features, made: Features) -> float:
    """The Fréchet distance between Gaussians fitted to two sets of features, (N, D) and (M, D).

    FID = |m_1 - m_2|^2 + Tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)). Raises InputError if either has fewer
    than two.
    """
    if (fewest := min(len(real), len(made))) < 2:
        raise InputError(f"FID needs at least 2 photos and there are {fewest}; pass more photos")
    both = torch.from_numpy(np.concatenate([real, made])).double()
    if len(both) < both.shape[1]:
        # The distance does not depend on the axes: on axes that span these features and no more, it
        # takes the eigenvalues of a matrix of hundreds instead of 2048 rows.
        both = both @ torch.linalg.qr(both.T).Q
    metric = FrechetInceptionDistance(_AsItIs(both.shape[1]))
    metric.update(both[: len(real)], real=True)
    metric.update(both[len(real) :], real=False)
    return float(metric.compute())


def kid(
    real: Features, made: Features, subset: int, seed: int = 0, subsets: int = SUBSETS
) -> tuple[float, float]:
    """MMD^2 with the kernel (x y / D + 1)^3, unbiased: mean and spread over random subsets.

    Raises InputError if either set has fewer than `subset` photos, or a subset has one.
    """
    check_kid_subset(subset, min(len(real), len(made)))
    with _quietly(seed):
        metric = KernelInceptionDistance(_AsItIs(real.shape[1]), subsets, subset)
        metric.update(torch.from_numpy(real).double(), real=True)
        metric.update(torch.from_numpy(made).double(), real=False)
        mean, spread = metric.compute()
    return float(mean), float(spread)


def check_kid_subset(subset: int, photos: int) -> None:
    """Raises InputError if KID cannot draw subsets of this size from so many photos."""
    if not 2 <= subset <= photos:
        advice = f"pass --kid-subset {max(2, photos // 2)}" if photos > 1 else "pass more photos"
        raise InputError(f"KID cannot draw subsets of {subset} from {photos} photos; {advice}")


def inception_score(
    log_classes: NDArray[np.floating], seed: int = 0, splits: int = SPLITS
) -> tuple[float, float]:
    """IS = exp E_x KL(p(y|x) || p(y)) from log p(y|x) (N, classes): mean and spread over splits.

    Raises InputError if a split would have fewer than two photos.
    """
    check_splits(len(log_classes), splits)
    with _quietly(seed):
        metric = InceptionScore(_AsItIs(log_classes.shape[1]), splits)
        metric.update(torch.from_numpy(log_classes).double())
        mean, spread = metric.compute()
    return float(mean), float(spread)


def check_splits(photos: int, splits: int = SPLITS) -> None:
    """Raises InputError if IS cannot split so many photos."""
    if photos < 2 * splits:
        raise InputError(
            f"IS in {splits} splits needs at least {2 * splits} photos and there are {photos}; pass"
            " more photos, or leave out --inception"
        )


def l1(photos: Photos, truths: Photos) -> NDArray[np.float64]:
    """The mean difference of colours, from 0 to 1, of each photo: (N,)."""
    return np.abs(photos.astype(np.float64) - truths).mean(axis=(1, 2, 3)) / 255


def ssim(photos: Photos, truths: Photos) -> NDArray[np.float64]:
    """Structural similarity (Gaussian window, sigma 1.5) of each photo, 1 for the same: (N,)."""
    made, true = (torch.from_numpy(x).permute(0, 3, 1, 2) / 255 for x in (photos, truths))
    similarity = structural_similarity_index_measure(made, true, data_range=1.0, reduction="none")
    assert isinstance(similarity, Tensor)
    return similarity.double().numpy()


class _AsItIs(nn.Module):
    """What torchmetrics takes for a network: the features were computed before."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


@contextmanager
def _quietly(seed: int) -> Iterator[None]:
    """torchmetrics draws from torch's own generator, and warns of the memory it takes."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(action="ignore"):
        torch.manual_seed(seed)
        yield
