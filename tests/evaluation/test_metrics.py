"""FID, KID and IS against closed forms and against other implementations, written here."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.stats import norm

pytest.importorskip("torchmetrics")

from deepfacepencil.errors import InputError
from deepfacepencil.evaluation import metrics

Array = NDArray[np.float64]


def gaussian(n: int, mean: Array, covariance: Array, seed: int) -> Array:
    """Samples (n, D) whose own mean and covariance are exactly these."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x -= x.mean(axis=0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return mean + white @ np.linalg.cholesky(covariance).T


def fid_by_the_book(real: Array, made: Array) -> float:
    first, second = np.cov(real, rowvar=False), np.cov(made, rowvar=False)
    apart = np.square(real.mean(axis=0) - made.mean(axis=0)).sum()
    return float(apart + np.trace(first + second - 2 * sqrtm(first @ second).real))


def kid_by_the_book(real: Array, made: Array) -> float:
    def kernel(x: Array, y: Array) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    n, m = len(real), len(made)
    within = sum(kernel(real[i], real[j]) for i in range(n) for j in range(n) if i != j)
    among = sum(kernel(made[i], made[j]) for i in range(m) for j in range(m) if i != j)
    across = sum(kernel(x, y) for x in real for y in made)
    return within / (n * (n - 1)) + among / (m * (m - 1)) - 2 * across / (n * m)


def test_fid_of_two_gaussians_is_its_closed_form() -> None:
    # With covariances that commute, the trace is a sum over their eigenvalues.
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    first, second = np.array([4.0, 1, 0.5, 2, 9]), np.array([1.0, 3, 0.5, 8, 4])
    apart = np.array([1.0, -2, 0, 0.5, 3])
    real = gaussian(40, np.zeros(5), axes * first @ axes.T, 1)
    made = gaussian(60, apart, axes * second @ axes.T, 2)
    expected = (apart**2).sum() + ((first**0.5 - second**0.5) ** 2).sum()
    assert metrics.fid(real, made) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [8, 30, 300])  # of 64 features: axes are left out below 32
def test_fid_is_what_the_square_root_of_a_matrix_gives(n: int) -> None:
    rng = np.random.default_rng(n)
    mixing = rng.normal(size=(64, 64)) / 8
    real, made = rng.normal(size=(n, 64)), rng.normal(size=(n + 3, 64)) @ mixing + 0.3
    assert metrics.fid(real, made) == pytest.approx(fid_by_the_book(real, made), rel=1e-3)


def test_nothing_is_nearer_than_the_same() -> None:
    x = np.random.default_rng(0).normal(size=(50, 2048)).astype(np.float32)
    assert metrics.fid(x, x) == pytest.approx(0, abs=1e-3)
    assert metrics.fid(x, x[::-1]) == pytest.approx(0, abs=1e-3)
    assert metrics.kid(x, x, 50)[0] <= 0  # unbiased, so below zero where nothing differs


def test_kid_is_the_mmd_written_out() -> None:
    rng = np.random.default_rng(0)
    real, made = rng.normal(size=(12, 6)), rng.normal(size=(12, 6)) + 0.7
    mean, spread = metrics.kid(real, made, subset=12)
    assert mean == pytest.approx(kid_by_the_book(real, made), rel=1e-6)
    assert spread == pytest.approx(0, abs=1e-9)  # there is one subset of all


def test_kid_of_two_gaussians_is_its_closed_form() -> None:
    # In one dimension (x y + 1)^3 compares the first three moments.
    places = norm.ppf((np.arange(1500) + 0.5) / 1500)[:, None]
    shift = 0.5
    expected = 3 * shift**2 + 3 * shift**4 + (shift**3 + 3 * shift) ** 2
    assert metrics.kid(places, places + shift, 1500, subsets=1)[0] == pytest.approx(
        expected, rel=0.03
    )


def test_subsets_follow_from_the_seed_and_leave_torchs_alone() -> None:
    import torch

    rng = np.random.default_rng(0)
    real, made = rng.normal(size=(40, 6)), rng.normal(size=(40, 6)) + 0.7
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    once = metrics.kid(real, made, 20, seed=1)
    assert (torch.random.get_rng_state() == before).all()
    assert once == metrics.kid(real, made, 20, seed=1) != metrics.kid(real, made, 20, seed=2)
    assert once[1] > 0
    assert once[0] == pytest.approx(kid_by_the_book(real, made), abs=3 * once[1])


def test_inception_score_counts_classes() -> None:
    unsure = np.log(np.full((100, 4), 0.25))
    assert metrics.inception_score(unsure)[0] == pytest.approx(1)
    sure = np.log(np.eye(4)[np.arange(400) % 4] + 1e-12)
    mean, spread = metrics.inception_score(sure, splits=2)
    assert mean == pytest.approx(4, rel=0.02)
    assert spread < 0.1


def test_photos_against_the_true_ones() -> None:
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (3, 32, 32, 3), np.uint8)
    assert metrics.l1(photos, photos) == pytest.approx(np.zeros(3))
    assert metrics.ssim(photos, photos) == pytest.approx(np.ones(3))
    black, white = np.zeros_like(photos), np.full_like(photos, 255)
    assert metrics.l1(black, white) == pytest.approx(np.ones(3))
    noisy = photos.copy()
    noisy[1] = rng.integers(0, 256, (32, 32, 3))
    assert metrics.ssim(noisy, photos)[1] < 0.3
    assert metrics.l1(noisy, photos)[[0, 2]] == pytest.approx([0, 0])


@pytest.mark.parametrize(
    ("compute", "advice"),
    [
        (lambda x: metrics.fid(x[:1], x), "at least 2 photos and there are 1; pass more photos"),
        (lambda x: metrics.kid(x, x, 31), "subsets of 31 from 30 photos; pass --kid-subset 15"),
        (lambda x: metrics.kid(x, x, 1), "--kid-subset 15"),
        (lambda x: metrics.kid(x[:1], x, 31), "pass more photos"),
        (lambda x: metrics.inception_score(x[:19]), "at least 20 photos and there are 19"),
    ],
)
def test_too_few_photos_are_refused_with_what_to_pass(compute, advice: str) -> None:
    with pytest.raises(InputError, match=advice):
        compute(np.random.default_rng(0).normal(size=(30, 4)))


@pytest.mark.parametrize(("one", "other"), [(10, 20), (0, 10), (128, 160)])
def test_ssim_of_plain_photos_is_its_closed_form(one: int, other: int) -> None:
    """Without contrast it is (2 a b + c) / (a² + b² + c), c = (0.01 L)² with L the range, 1."""
    a, b, c = one / 255, other / 255, 0.01**2
    photos, truths = (np.full((1, 32, 32, 3), grey, np.uint8) for grey in (one, other))
    expected = (2 * a * b + c) / (a**2 + b**2 + c)
    assert metrics.ssim(photos, truths) == pytest.approx([expected], rel=1e-3)


def test_ssim_of_contrasts_is_its_closed_form() -> None:
    """Of one mean and pattern, k times as strong, it is (2 k v + c) / (v + k² v + c)."""
    rng = np.random.default_rng(0)
    pattern = rng.choice([-1, 1], (1, 64, 64, 3))
    photos, truths = ((128 + strength * pattern).astype(np.uint8) for strength in (4, 8))
    variance, c = (4 / 255) ** 2, 0.03**2
    expected = (2 * 2 * variance + c) / (variance + 4 * variance + c)
    assert metrics.ssim(photos, truths) == pytest.approx([expected], abs=0.02)


def test_as_few_photos_as_a_metric_can_take_are_taken() -> None:
    x = np.random.default_rng(0).normal(size=(30, 4))
    assert np.isfinite(metrics.fid(x[:2], x))
    metrics.check_kid_subset(2, 2)
    metrics.check_kid_subset(30, 30)
    metrics.check_splits(20, 10)
