"""Training portraits: what each stage trains, going on where it stopped, choosing a precision."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from deepfacepencil.data.portraits import PortraitPairs
from deepfacepencil.errors import InputError
from deepfacepencil.models.portrait import moved_by
from deepfacepencil.models.portrait_body import load_taught
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.training import portrait_run, precision
from deepfacepencil.training.checkpoint import PORTRAIT_WEIGHTS, STATE
from deepfacepencil.training.portrait import (
    Networks,
    PortraitTraining,
    beard_loss,
    label_loss,
    negative_log_likelihood,
    settled,
    visits,
    worn_loss,
)
from deepfacepencil.training.portrait_run import RECIPES, _to_tensors, train_portrait

TINY = RECIPES["tiny-portrait"]
# Before an instance norm, a bias changes nothing and gets no gradient worth the name.
UNTRAINABLE = (".convolution.bias", ".first.bias", ".second.bias")


@pytest.fixture(scope="module")
def training(generated: Path) -> PortraitTraining:
    """A step for C; four of stage 1, two of them on latents alone; two, and two of stage 3."""
    torch.manual_seed(0)
    return PortraitTraining(Networks(load_taught()), TINY, compiled=False)


@pytest.fixture(scope="module")
def batch(generated: Path) -> dict[str, torch.Tensor]:
    pairs = PortraitPairs(generated, "train", 128)
    tensors = _to_tensors(default_collate([pairs.visit(0, 0), pairs.visit(0, 1)]))
    tensors["appearance"].fill_(0.5)  # something is said, or its weights would have no gradient
    return tensors


def changes(training: PortraitTraining, batch: dict[str, torch.Tensor]) -> dict[str, set[str]]:
    """The names of the parameters that one step changes, by network."""
    networks = training.networks
    names = ("body", "auxiliary", "main", "averaged", "discriminator")
    before = {n: {k: p.clone() for k, p in getattr(networks, n).named_parameters()} for n in names}
    training.train_step(batch)
    return {
        n: {k for k, p in getattr(networks, n).named_parameters() if not p.equal(before[n][k])}
        for n in names
    }


def trainable(network: torch.nn.Module) -> set[str]:
    parameters = network.named_parameters()
    return {n for n, p in parameters if p.requires_grad and not n.endswith(UNTRAINABLE)}


def test_every_stage_trains_what_it_should(training, batch) -> None:
    """As section 3.3: C; E_a and D; then SAP, E_m and D; then all, but for the body."""
    networks = training.networks
    found = changes(training, batch)
    assert {name for name, changed in found.items() if changed} == {"main"}
    assert all(name.startswith("stem.classifier.") for name in found["main"])
    assert len(found["main"]) == len(list(networks.classifier.parameters()))

    found = changes(training, batch)  # latents alone
    assert {name for name, changed in found.items() if changed} == {"auxiliary"}
    assert "mean.weight" in found["auxiliary"]
    assert not any(name.startswith(("corrections", "up", "face")) for name in found["auxiliary"])
    changes(training, batch)

    changes(training, batch)  # the corrections begin at nothing: their last layers move first
    found = changes(training, batch)
    assert {name for name, changed in found.items() if changed} == {"auxiliary", "discriminator"}
    wanted = {n for n in trainable(networks.auxiliary) if not n.startswith("face")}
    assert found["auxiliary"] >= wanted

    found = changes(training, batch)
    assert training.stage == 2
    assert {name for name, changed in found.items() if changed} == {
        "main",
        "averaged",
        "discriminator",
    }
    assert found["main"] >= trainable(networks.main)
    assert any(name.startswith("stem.attention") for name in found["main"])
    assert not any(name.startswith("stem.classifier") for name in found["main"])  # C keeps still
    changes(training, batch)

    assert training.stage == 3
    found = changes(training, batch)  # step 7: not one of every four that E_a has
    assert not found["body"] and not found["auxiliary"] and found["main"]
    training.step = 8
    found = changes(training, batch)
    assert not found["body"] and found["auxiliary"] and found["main"]


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes in the middle of that step."""

    @contextmanager
    def interrupting(_: object) -> Iterator[object]:
        asked = iter(range(10**6))
        yield lambda: next(asked) // 2 >= steps - 1  # it is asked twice a step

    monkeypatch.setattr(portrait_run, "finishing_steps", interrupting)


@pytest.fixture(scope="module")
def four_steps() -> Iterator[None]:
    """A step for C, two of stage 1, one on latents alone, and one of each other."""
    recipe = replace(TINY, classifier=2, stage_1=4, stage_2=2, stage_3=2, latents_only=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny-portrait", recipe)
        yield


@pytest.fixture(scope="module")
def uninterrupted(four_steps, generated: Path, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "uninterrupted"
    train_portrait(generated, run, "tiny-portrait", 0)
    return run


def log(run: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "photos/s"} for line in lines]


def test_a_training_that_was_interrupted_ends_as_one_that_was_not(
    uninterrupted: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        with pytest.raises(KeyboardInterrupt):
            train_portrait(generated, run, "tiny-portrait", 0)
    assert torch.load(run / STATE)["step"] == 2
    train_portrait(generated, run, "tiny-portrait", 0)
    weights = [(folder / PORTRAIT_WEIGHTS).read_bytes() for folder in (uninterrupted, run)]
    assert weights[0] == weights[1]
    assert log(run) == log(uninterrupted)
    assert [line["stage"] for line in log(run)] == [
        "classifier",
        "stage 1",
        "stage 2",
        "stage 3",
    ]


def test_a_run_has_sheets_and_a_report(uninterrupted: Path) -> None:
    assert len(list((uninterrupted / "sheets").glob("3-stage-3-128-*.png"))) == 1
    assert "stage 3" in (uninterrupted / "report.html").read_text()


def test_other_data_and_other_runs_are_refused(
    uninterrupted: Path, generated: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="another"):
        train_portrait(generated, uninterrupted, "tiny-portrait", 1)
    with pytest.raises(InputError, match="no generated faces"):
        train_portrait(tmp_path, tmp_path / "run", "tiny-portrait", 0)


def test_the_file_of_a_run_draws_what_torch_draws(uninterrupted: Path, tmp_path: Path) -> None:
    from deepfacepencil.export import AGREEMENT
    from deepfacepencil.export_portrait import export
    from deepfacepencil.runtime.appearance import Appearance
    from deepfacepencil.runtime.engine import QUICK, Engine
    from deepfacepencil.sketch.strokes import Strokes

    model = tmp_path / "model.onnx"
    assert 0 < export(uninterrupted, model) < AGREEMENT  # of 256 and 512 px
    engine = Engine(model)
    assert engine.listens and engine.facts["recipe"] == "tiny-portrait"
    drawn = [
        engine(Strokes.of([]), appearance=Appearance(age=age), seed=seed, size=size)
        for age, seed, size in ((None, 0, 256), (None, 1, 256), (None, 0, 512))
    ]
    assert [one.photo.shape[0] for one in drawn] == [256, 256, 512]
    assert (drawn[0].photo != drawn[1].photo).any()
    quick = engine(Strokes.of([]), size=QUICK).photo
    assert quick.shape == (256, 256, 3)
    assert 0 < np.abs(quick - drawn[0].photo.astype(float)).mean() < 12
    lit, dim = (
        engine(Strokes.of([]), appearance=Appearance(backdrop=(level,) * 3)).photo
        for level in (230, 25)
    )
    assert lit[:40].mean() > dim[:40].mean() + 60
    assert 0 <= drawn[0].face <= 1
    damaged = bytearray(model.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    model.write_bytes(damaged)
    with pytest.raises(InputError, match="damaged"):
        Engine(model)


def test_there_is_nothing_to_export_before_stage_2(tmp_path: Path) -> None:
    from deepfacepencil.export_portrait import export

    with pytest.raises(InputError, match="stage 2"):
        export(tmp_path, tmp_path / "model.onnx")


def test_every_face_comes_once_an_epoch_wherever_it_goes_on() -> None:
    plan = visits(5, 2, seed=3, first_step=0)
    whole = [next(plan) for _ in range(5)]
    first = [item for batch in whole for epoch, item in batch if epoch == 0]
    assert sorted(first) == list(range(5))
    later = visits(5, 2, seed=3, first_step=3)
    assert [next(later), next(later)] == whole[3:]


def test_the_likelihood_is_that_of_a_normal_distribution(taught) -> None:
    from deepfacepencil.models.portrait import Steered

    mean, log_scale, v = torch.randn(2, 512), torch.randn(2, 512) * 0.3, torch.randn(2, 512)
    steered = Steered(mean, log_scale, [], mean[:, 0], None)
    normal = torch.distributions.Normal(mean, log_scale.exp())
    expected = -normal.log_prob(v).mean(1) - 0.5 * torch.log(torch.tensor(2 * torch.pi))
    body = taught.body  # whose axes are those of the latents' components
    torch.testing.assert_close(negative_log_likelihood(body, steered, v), expected)


def test_the_loss_of_labels_is_smallest_where_they_are_right() -> None:
    labels = torch.randint(0, 19, (2, 1, 64, 64)).expand(-1, 4, -1, -1)
    right = 10 * torch.nn.functional.one_hot(labels[:, 0], 19).permute(0, 3, 1, 2).float()
    weights = torch.ones(19)
    assert (label_loss(right, labels, weights) < 0.01).all()
    assert (label_loss(right.roll(1, dims=1), labels, weights) > 5).all()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f", False),
        ("flags\t\t: fpu avx512f avx512_bf16", True),
        ("flags\t\t: fpu amx_bf16", True),
        ("Features\t: fp asimd bf16", True),
        ("Features\t: fp asimd", False),
        ("", False),
    ],
)
def test_bfloat16_is_chosen_by_what_the_processor_has(
    flags: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: f"processor: 0\n{flags}\n")
    precision.has_bfloat16.cache_clear()
    try:
        assert precision.has_bfloat16() == expected
        with precision.autocast():
            assert torch.is_autocast_enabled("cpu") == expected
    finally:
        precision.has_bfloat16.cache_clear()


def test_single_precision_where_the_processor_does_not_tell(monkeypatch) -> None:
    def missing(self: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    precision.has_bfloat16.cache_clear()
    assert not precision.has_bfloat16()
    precision.has_bfloat16.cache_clear()


def test_features_are_taken_from_where_the_flow_points() -> None:
    features = torch.randn(1, 3, 8, 8)
    still = moved_by(features, torch.zeros(1, 2, 8, 8))
    assert torch.allclose(still, features, atol=1e-5)
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 2 * torch.atanh(torch.tensor(0.5))  # one cell to the right, of at most two
    moved = moved_by(features, flow)
    assert torch.allclose(moved[..., :-1], features[..., 1:], atol=1e-4)


def test_what_is_right_is_left_alone_but_for_the_features_of_a_face() -> None:
    labels = torch.ones(1, 4, 64, 64, dtype=torch.long)
    labels[:, :, :, 40:] = 13  # hair
    labels[:, :, 20:24, 10:14] = 4  # an eye
    logits = 9 * torch.nn.functional.one_hot(labels[:, 0], 19).permute(0, 3, 1, 2).float()
    logits[:, :, 60:] = torch.eye(19)[0][:, None, None]  # backdrop below
    still = settled(logits, labels)[0, 0]
    wanted = torch.ones(32, 32)
    wanted[10:12, 5:7] = 0
    wanted[30:] = 0
    assert still.equal(wanted)


def test_what_is_worn_is_learnt_where_the_drawing_says_so() -> None:
    bearded, nowhere = torch.zeros(1, 32, 32), torch.zeros(1, 32, 32)
    bearded[:, 20:26] = 1
    everywhere = torch.ones_like(bearded)
    labels = torch.ones(1, 4, 64, 64, dtype=torch.long)
    labels[:, :, 24:34] = CLASSES.index("eye_g")
    glasses = 18 * (labels[:, 0, ::2, ::2] > 1).float() - 9
    right = torch.stack([18 * bearded - 9, glasses], dim=1)
    said, unsaid = (torch.stack([bearded, known], dim=1) for known in (everywhere, nowhere))
    assert worn_loss(right, said, labels) < 0.01
    assert worn_loss(-right, said, labels) > 5
    no_beard = torch.stack([-9 * everywhere, glasses], dim=1)
    assert worn_loss(no_beard, said, labels) > 0.5 > 50 * worn_loss(no_beard, unsaid, labels)


def test_beards_are_asked_for_where_they_are_drawn_and_nowhere_else() -> None:
    """And where a drawing says nothing of them, nothing is asked."""
    bearded = torch.zeros(1, 32, 32)
    bearded[:, 20:26] = 1
    everywhere, nowhere = torch.ones_like(bearded), torch.zeros_like(bearded)
    smooth, wanted = torch.full_like(bearded, -0.5), 3 * bearded - 1
    assert beard_loss(wanted, bearded, everywhere) == 0
    assert beard_loss(smooth, bearded, everywhere) > 0.2
    assert beard_loss(wanted, nowhere, everywhere) > 0.2
    assert beard_loss(smooth, nowhere, everywhere) == 0
    assert beard_loss(smooth, bearded, nowhere) == 0
    score = smooth.clone().requires_grad_()
    beard_loss(score, bearded, everywhere).sum().backward()
    assert score.grad is not None
    assert (score.grad[:, 20:26] < 0).all()
    assert not score.grad[:, :20].any()
