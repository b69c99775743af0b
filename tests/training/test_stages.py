from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from torch.optim import Adam

from deepfacepencil.training import stages
from deepfacepencil.training.recipes import (
    CLASSIFIER,
    ENHANCER,
    STAGE_1,
    STAGE_2,
    STAGE_3,
    TINY,
    Adversary,
    Phase,
)
from deepfacepencil.training.stages import STAGES, Compute, Networks, compile_networks

C = ("main.sap.classifier.",)
SAP = ("main.sap.branches.", "main.sap.attention.")
G_A, BODY, D = ("aligned.encoder.",), ("aligned.body.", "main.body."), ("discriminator.",)
TRAINED = {
    CLASSIFIER: C,
    STAGE_1: G_A + BODY + D,
    STAGE_2: SAP + ("main.encoder.",) + D,
    STAGE_3: G_A + BODY + SAP + ("main.encoder.",) + D,
    ENHANCER: ("enhancer.",) + D,
}
ALL = replace(TINY, phases=(*TINY.phases, Phase(ENHANCER, 64, 4, 2)))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    strokes = (torch.rand(2, 2, 1, 64, 64, generator=generator) > 0.9).float()
    photo = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    return {"aligned": strokes[0], "deformed": strokes[1], "photo": photo}


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return Networks(ALL)


def train_step(networks, stage_name, batch, recipe=TINY):
    """One step as the loop makes it, with everything else left able to get gradients."""
    stage = STAGES[stage_name]
    optimisers = [Adam(stage.generator_parameters(networks), 1e-3)]
    if stage.adversarial:
        optimisers.append(Adam(networks.discriminator.parameters(), 1e-3))
    networks.requires_grad_(False)
    for optimiser in optimisers:
        for parameter in optimiser.param_groups[0]["params"]:
            parameter.requires_grad_(True)
    compute = Compute.of(networks, Fabric(accelerator="cpu"), recipe)
    return stage.step(networks, compute, batch, *optimisers)


@pytest.mark.parametrize("stage", TRAINED)
def test_gradients_reach_exactly_what_the_stage_trains(networks, batch, stage):
    before = {name: value.clone() for name, value in networks.state_dict().items()}
    losses = train_step(networks, stage, batch)
    assert all(value.isfinite() and value.ndim == 0 for value in losses.values())
    assert not any(value.requires_grad for value in losses.values())

    for name, parameter in networks.named_parameters(remove_duplicate=False):
        if name.startswith(TRAINED[stage]):
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name
        else:
            assert parameter.grad is None, name
    for name, value in networks.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith(TRAINED[stage]), name


def test_every_parameter_belongs_to_one_stage_at_least(networks):
    everything = sum(TRAINED.values(), ())
    for name, _ in networks.named_parameters():
        assert name.startswith((*everything, "ema.")), name


def test_the_stages_log_the_terms_of_the_objective(networks, batch):
    """Eq. 8: the sum of these terms is what the generators minimise."""
    of_a, of_m = ({f"{term} {g}" for term in ("rec", "adv", "dfm")} for g in "am")
    of_d = {"d", *(f"d{scale} {kind}" for scale in range(3) for kind in ("real", "fake"))}
    assert set(train_step(networks, STAGE_1, batch)) == of_a | of_d
    assert set(train_step(networks, STAGE_2, batch)) == of_m | {"gfm"} | of_d
    assert set(train_step(networks, STAGE_3, batch)) == of_a | of_m | {"gfm"} | of_d


def test_the_generator_learns_from_the_sum_of_its_terms(networks, batch):
    """Eq. 8, recomputed plainly: one forward of each network, lambda = mu = 10.

    L_GFM, to which G_a is a guide, is for SAP and the encoder of G_m.
    """
    networks.requires_grad_(False)
    trained = STAGES[STAGE_3].generator_parameters(networks)
    for parameter in trained:
        parameter.requires_grad_(True)
    x = batch["photo"]
    a, m = networks.aligned(batch["aligned"]), networks.main(batch["deformed"])
    loss = (a.photo - x).abs().mean() + (m.photo - x).abs().mean()
    pairs = zip(a.features, m.features, strict=True)
    gfm = 10 * sum((p.detach() - q).abs().mean() for p, q in pairs) / 4
    following = {*networks.main.sap.parameters(), *networks.main.encoder.parameters()}
    for sketch, generated in ((batch["aligned"], a.photo), (batch["deformed"], m.photo)):
        fake, real = networks.discriminator(sketch, generated), networks.discriminator(sketch, x)
        for f, r in zip(fake, real, strict=True):
            loss += -torch.sigmoid(f[-1]).log().mean() / 3
            pairs = list(zip(f[:-1], r[:-1], strict=True))
            loss += 10 * sum((p - q).abs().mean() for p, q in pairs) / len(pairs) / 3
    of_gfm = torch.autograd.grad(gfm, trained, retain_graph=True, allow_unused=True)
    expected = [
        gradient + more if parameter in following else gradient
        for parameter, gradient, more in zip(
            trained, torch.autograd.grad(loss, trained), of_gfm, strict=True
        )
    ]

    train_step(networks, STAGE_3, batch)
    for parameter, gradient in zip(trained, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("part", ["hinge", "augment"])
def test_each_modern_part_does_something_and_is_deterministic(batch, part):
    """At a fixed seed; what it does to the losses is in test_losses and test_augment."""
    values = []
    for adversary in (Adversary(), Adversary(**{part: True}), Adversary(**{part: True})):
        torch.manual_seed(0)
        recipe = replace(TINY, adversary=adversary)
        values.append(train_step(Networks(recipe), STAGE_3, batch, recipe))
    without, once, again = values
    assert once == again
    assert once["rec a"] == without["rec a"]
    for name in ("d", "adv a", "adv m"):
        assert once[name].isfinite()
        assert once[name] != without[name]


def test_d_is_trained_against_the_generators_as_they_were(networks, batch):
    networks.requires_grad_(False)
    networks.discriminator.requires_grad_(True)
    generated = networks.main(batch["deformed"]).photo
    real = networks.discriminator(batch["deformed"], batch["photo"])
    fake = networks.discriminator(batch["deformed"], generated)
    loss = sum(
        -torch.sigmoid(r[-1]).log().mean() - torch.sigmoid(-f[-1]).log().mean()
        for r, f in zip(real, fake, strict=True)
    )
    expected = torch.autograd.grad(loss / 3, list(networks.discriminator.parameters()))
    train_step(networks, STAGE_2, batch)
    for parameter, gradient in zip(networks.discriminator.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


def test_the_guide_of_stage_2_sees_the_clean_sketch(networks, batch):
    with torch.no_grad():
        clean = networks.aligned(batch["aligned"]).features
        drawn = networks.main(batch["deformed"]).features
    expected = 10 * sum((p - q).abs().mean() for p, q in zip(clean, drawn, strict=True)) / 4
    torch.testing.assert_close(train_step(networks, STAGE_2, batch)["gfm"], expected)


def test_the_average_follows_the_generators(networks):
    start = [p.clone() for p in networks.ema.parameters()]
    with torch.no_grad():
        for parameter in (*networks.aligned.parameters(), *networks.main.parameters()):
            parameter += 1
    now = dict(networks.named_parameters())
    networks.update_ema(keep=0.75)
    for average, before, (name, _) in zip(
        networks.ema.parameters(), start, networks.ema.named_parameters(), strict=True
    ):
        torch.testing.assert_close(average, 0.75 * before + 0.25 * now[name])
    networks.update_ema(keep=0.0)
    assert all(torch.equal(p, now[name]) for name, p in networks.ema.named_parameters())


def test_without_a_compiler_training_goes_on_and_says_so(networks, monkeypatch, capsys):
    def no_compiler(*_, **__):
        raise RuntimeError("No working C++ compiler found\nand a long story")

    monkeypatch.setattr(stages.torch, "compile", no_compiler)
    compile_networks(networks)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "No working C++ compiler found" in said


def test_bfloat16_is_for_the_networks_and_not_for_the_losses(networks, batch):
    stage = STAGES[STAGE_2]
    networks.requires_grad_(True)
    compute = Compute.of(networks, Fabric(accelerator="cpu"), replace(TINY, bfloat16=True))
    optimisers = [
        Adam(stage.generator_parameters(networks)),
        Adam(networks.discriminator.parameters()),
    ]
    with compute.precision():
        assert compute.main(batch["deformed"]).photo.dtype == torch.bfloat16
    assert all(
        v.dtype == torch.float32 for v in stage.step(networks, compute, batch, *optimisers).values()
    )
