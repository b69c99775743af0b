"""The quick head learns from the body's photos, goes on where it was, and repeats itself."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deepfacepencil.errors import InputError
from deepfacepencil.models.mobile_stylegan import slots
from deepfacepencil.models.portrait import PortraitEncoder
from deepfacepencil.models.portrait_body import HEADS, load_taught
from deepfacepencil.training import distil, heads
from deepfacepencil.training.checkpoint import PORTRAIT_WEIGHTS, save_weights
from deepfacepencil.training.distil import Distillation, Settings, faces_of


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A training that has learnt nothing."""
    weights = PortraitEncoder(relaxing=True).state_dict()
    named = {f"encoder.{name}": tensor for name, tensor in weights.items()}
    (tmp_path / "run").mkdir()
    save_weights(named | {"axes": torch.eye(512)}, {}, tmp_path / "run", PORTRAIT_WEIGHTS)
    return tmp_path / "run"


def test_the_shipped_head_makes_the_photo_of_the_body_nearly(taught) -> None:
    z = torch.randn(4, 512, generator=torch.Generator().manual_seed(0))
    w = taught.latent_mean + 0.8 * (taught.body.mapping(z) - taught.latent_mean)
    with torch.no_grad():
        features = taught.body.features(w)
        wanted = taught.body.photo(features, w)
        made = taught.body.quick_photo(taught.body.raised(features, slots(w), 32, 64), w)
    assert made.shape == wanted.shape == (4, 3, 256, 256)
    assert float((made - wanted).square().mean().sqrt()) * 127.5 < 16


def test_what_it_learns_fits_features_as_they_are(run: Path, tmp_path: Path) -> None:
    """It begins as the head that there is, is taught with white features, and used with others."""
    taught = load_taught()
    settings = Settings(tmp_path / "out", run, faces=2, steps=9, batch=1)
    training = Distillation(taught, faces_of(taught, settings), settings)
    x, w = training.faces.features[:1].float(), training.faces.w[:1]

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            training.quick.load_state_dict(training.average)
            return training.quick(training.white(x), training.noise, w), taught.body.quick_photo(
                x, w
            )

    begun, shipped = both()
    torch.testing.assert_close(begun, shipped, atol=5e-3, rtol=1e-3)
    for _ in range(3):
        training.train_step()
    taught.body.quick.load_state_dict(training.learnt())
    learnt, made = both()
    torch.testing.assert_close(learnt, made, atol=5e-3, rtol=1e-3)
    assert not torch.allclose(made, shipped, atol=1e-4)


def test_borders_of_photos_are_learnt_and_those_of_squares_are_not() -> None:
    """Within a square features end where a photo does not: what lies there is not known."""
    begin, middle, end = (distil._known(first) for first in (0, 10, 24))
    assert begin.start == 0 and middle.start == end.start == 16
    assert end.stop == 160 and begin.stop == middle.stop == 144


def test_it_goes_on_and_repeats_itself(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopping_after
) -> None:
    monkeypatch.setattr(heads, "SHARD", 1)

    def settings(name: str, seed: int = 0) -> Settings:
        return Settings(tmp_path / name, run, faces=2, steps=3, batch=1, seed=seed)

    distil.distil(settings("one"))
    steps = stopping_after(distil, 2)
    with pytest.raises(KeyboardInterrupt):
        distil.distil(settings("two"))
    distil.distil(settings("two"))
    assert steps == [1, 2, 3]
    files = [(tmp_path / name / HEADS.name).read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    before, after = load_file(HEADS), load_file(tmp_path / "one" / HEADS.name)
    assert {
        name.split(".")[0] for name in before if not torch.equal(before[name], after[name])
    } == {"quick"}
    with pytest.raises(InputError, match="another training"):
        distil.distil(settings("two", seed=1))
