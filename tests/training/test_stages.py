"""Who is trained in which stage, who is frozen, and the objective (section 3.3, Eq. 8)."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from torch.optim import Adam

from deepfacepencil.models.alexnet import load_alexnet
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.vgg import load_vgg
from deepfacepencil.training import networks as networks_module
from deepfacepencil.training.batches import Batch
from deepfacepencil.training.networks import Compute, Networks, compile_networks
from deepfacepencil.training.recipes import (
    CLASSIFIER,
    CLEAN_AND_DEFORMED,
    ENHANCER,
    PIX2PIX,
    STAGE_1,
    STAGE_2,
    STAGE_3,
    TINY,
    Adversary,
    Phase,
    for_model,
)
from deepfacepencil.training.stages import STAGES, classifier_step, clean_or_deformed
from deepfacepencil.training.update import shown_to_d

C = ("main.sap.classifier.",)
SAP = ("main.sap.branches.", "main.sap.attention.")
G_A, G_M = ("auxiliary.encoder.",), ("main.encoder.",)
BODY, D = ("auxiliary.body.", "main.body."), ("discriminator.",)
ONE = ("auxiliary.", "main.")  # the same generator
ONE_WITH_SAP = tuple(
    f"{name}.{part}."
    for name in ("auxiliary", "main")
    for part in ("sap.branches", "sap.attention", "encoder", "body")
)
TRAINED = {
    ("ours", CLASSIFIER): C,
    ("ours", STAGE_1): G_A + BODY + D,
    ("ours", STAGE_2): SAP + G_M + D,
    ("ours", STAGE_3): G_A + BODY + SAP + G_M + D,
    ("ours", ENHANCER): ("enhancer.",) + D,
    ("pix2pix", PIX2PIX): ONE + D,
    ("baseline", STAGE_1): ONE + D,
    ("pix2pixhd", STAGE_1): ONE + D,
    ("baseline-deform", CLEAN_AND_DEFORMED): ONE + D,
    ("sap-only", CLASSIFIER): (*C, "auxiliary.sap.classifier."),
    ("sap-only", CLEAN_AND_DEFORMED): ONE_WITH_SAP + D,
    ("dual-only", STAGE_1): G_A + BODY + D,
    ("dual-only", STAGE_2): G_M + D,
    ("dual-only", STAGE_3): G_A + BODY + G_M + D,
}
ALL = replace(TINY, phases=(*TINY.phases, Phase(ENHANCER, 64, 4, 2)))


def networks_of(model):
    torch.manual_seed(0)
    return Networks(ALL if model == "ours" else for_model(TINY, model))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    strokes = (torch.rand(2, 2, 1, 64, 64, generator=generator) > 0.9).float()
    photo = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    return Batch(Condition(strokes[0]), Condition(strokes[1]), photo)


@pytest.fixture
def networks():
    return networks_of("ours")


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


@pytest.mark.parametrize(("model", "stage"), TRAINED)
def test_gradients_reach_exactly_what_the_stage_trains(batch, model, stage):
    networks, trained = networks_of(model), TRAINED[model, stage]
    before = {name: value.clone() for name, value in networks.state_dict().items()}
    losses = train_step(networks, stage, batch)
    assert all(value.isfinite() and value.ndim == 0 for value in losses.values())
    assert not any(value.requires_grad for value in losses.values())

    for name, parameter in networks.named_parameters(remove_duplicate=False):
        if name.startswith(trained):
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name
        else:
            assert parameter.grad is None, name
        assert parameter.requires_grad == name.startswith(trained), name
    for name, value in networks.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith(trained), name


@pytest.mark.parametrize("model", dict.fromkeys(model for model, _ in TRAINED))
def test_every_parameter_belongs_to_one_stage_at_least(model):
    stages_of_it = {
        phase.stage for phase in (ALL if model == "ours" else for_model(TINY, model)).phases
    }
    assert {stage for name, stage in TRAINED if name == model} == stages_of_it
    everything = sum((TRAINED[model, stage] for stage in stages_of_it), ())
    for name, _ in networks_of(model).named_parameters():
        assert name.startswith((*everything, "ema.")), name


def test_the_stages_log_the_terms_of_the_objective(networks, batch):
    """Eq. 8: the sum of these terms is what the generators minimise."""
    of_a, of_m = ({f"{term} {g}" for term in ("rec", "adv", "dfm")} for g in "am")
    of_d = {"d", *(f"d{scale} {kind}" for scale in range(3) for kind in ("real", "fake"))}
    assert set(train_step(networks, STAGE_1, batch)) == of_a | of_d
    assert set(train_step(networks, STAGE_2, batch)) == of_m | {"gfm"} | of_d
    assert set(train_step(networks, STAGE_3, batch)) == of_a | of_m | {"gfm"} | of_d
    single = networks_of("baseline-deform")
    assert set(train_step(single, CLEAN_AND_DEFORMED, batch)) == of_m | of_d
    of_pix2pix = {"rec m", "adv m", "d", "d0 real", "d0 fake"}
    assert set(train_step(networks_of("pix2pix"), PIX2PIX, batch)) == of_pix2pix


def test_one_generator_sees_the_clean_or_the_deformed_sketch_of_each_photo(batch):
    networks, seen = networks_of("baseline-deform"), []
    networks.main.register_forward_pre_hook(lambda _, given: seen.append(given[0].sketch))
    for seed in (*range(8), *range(8)):
        torch.manual_seed(seed)
        train_step(networks, CLEAN_AND_DEFORMED, batch)
    clean = [
        torch.equal(sketch, batch.S_syn.sketch[item])
        for sketches in seen
        for item, sketch in enumerate(sketches)
    ]
    deformed = [
        torch.equal(sketch, batch.S_dfm.sketch[item])
        for sketches in seen
        for item, sketch in enumerate(sketches)
    ]
    assert all(a != b for a, b in zip(clean, deformed, strict=True))
    assert 4 <= sum(clean[:16]) <= 12
    assert clean[:16] == clean[16:]


def test_pix2pix_learns_from_its_own_losses(batch):
    """[10], recomputed plainly: half the cross entropy for D, then L_1 x 100 against the new D."""
    networks, sketch, x = networks_of("pix2pix"), batch.S_syn, batch.photo
    plain, cross_entropy = deepcopy(networks), torch.nn.BCEWithLogitsLoss()

    def judged(photo, real):
        ((logits,),) = plain.discriminator(sketch, photo)
        return cross_entropy(logits, torch.full_like(logits, float(real)))

    torch.manual_seed(1)  # of the dropout
    photo = plain.main(sketch).photo
    optimiser = Adam(plain.discriminator.parameters(), 1e-3)
    ((judged(x, True) + judged(photo.detach(), False)) / 2).backward()
    optimiser.step()
    loss = judged(photo, True) + 100 * (photo - x).abs().mean()
    expected = torch.autograd.grad(loss, list(plain.main.parameters()))

    torch.manual_seed(1)
    train_step(networks, PIX2PIX, batch, for_model(TINY, "pix2pix"))
    ours = zip(networks.discriminator.parameters(), plain.discriminator.parameters(), strict=True)
    for parameter, same in ours:
        torch.testing.assert_close(parameter.grad, same.grad, rtol=1e-3, atol=1e-5)
    for parameter, gradient in zip(networks.main.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


def test_the_generator_learns_from_the_sum_of_its_terms(networks, batch):
    """Eq. 8, recomputed plainly: one forward of each network, lambda = mu = 10.

    L_GFM, to which G_a is a guide, is for SAP and the encoder of G_m.
    """
    networks.requires_grad_(False)
    trained = STAGES[STAGE_3].generator_parameters(networks)
    for parameter in trained:
        parameter.requires_grad_(True)
    x = batch.photo
    a, m = networks.auxiliary(batch.S_syn), networks.main(batch.S_dfm)
    loss = (a.photo - x).abs().mean() + (m.photo - x).abs().mean()
    pairs = zip(a.features, m.features, strict=True)
    gfm = 10 * sum((p.detach() - q).abs().mean() for p, q in pairs) / 4
    following = {*networks.main.sap.parameters(), *networks.main.encoder.parameters()}
    for sketch, generated in ((batch.S_syn, a.photo), (batch.S_dfm, m.photo)):
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

    for parameter in trained:
        parameter.grad = torch.ones_like(parameter)  # of a step before
    train_step(networks, STAGE_3, batch)
    for parameter, gradient in zip(trained, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


def test_c_learns_which_sketches_are_deformed(networks):
    compute = Compute.of(networks, Fabric(accelerator="cpu"), TINY)
    said = torch.tensor([-1.0, 0.0, 2.0, 1.0, 2.0, 0.0])  # who is undecided is wrong
    logits, given = said.clone().requires_grad_(), []
    compute = replace(compute, classifier=lambda sketches: (given.append(sketches), logits * 1)[1])
    sketches = torch.rand(6, 1, 8, 8)
    batch = Batch(Condition(sketches[:3]), Condition(sketches[3:]), torch.zeros(3, 3, 8, 8))
    log = classifier_step(networks, compute, batch, Adam([logits]))
    assert torch.equal(given[0], sketches)
    truth = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    torch.testing.assert_close(log["classifier"], torch.nn.BCEWithLogitsLoss()(said, truth))
    assert log["classifier accuracy"] == pytest.approx(3 / 6)


def test_which_stages_want_deformed_sketches_and_a_new_discriminator():
    assert {name for name, stage in STAGES.items() if not stage.deforms} == {STAGE_1, PIX2PIX}
    assert {name for name, stage in STAGES.items() if stage.fresh_discriminator} == {
        STAGE_2,
        ENHANCER,
    }


def test_the_body_may_learn_from_the_photo_of_g_a_alone(batch):
    def gradients(stage, learns):
        networks = networks_of("ours")
        train_step(networks, stage, batch, replace(TINY, body_learns_from_main=learns))
        return {name: p.grad for name, p in networks.named_parameters() if p.grad is not None}

    both, alone, of_a = (gradients(*which) for which in ((STAGE_3, 1), (STAGE_3, 0), (STAGE_1, 1)))
    assert both.keys() == alone.keys()
    for name, gradient in alone.items():
        if not name.startswith("discriminator."):
            like = of_a[name] if name.startswith("auxiliary.") else both[name]
            torch.testing.assert_close(gradient, like, rtol=1e-3, atol=1e-5)
    last = "auxiliary.body.to_photo.0.bias"
    assert not torch.allclose(both[last], of_a[last])


@pytest.mark.parametrize("changed", [{"loss": "hinge"}, {"augment": True}])
def test_each_modern_part_does_something_and_is_deterministic(batch, changed):
    """At a fixed seed; what it does to the losses is in test_losses and test_augment."""
    values = []
    for adversary in (Adversary(), Adversary(**changed), Adversary(**changed)):
        torch.manual_seed(0)
        recipe = replace(TINY, adversary=adversary)
        values.append(train_step(Networks(recipe), STAGE_3, batch, recipe))
    without, once, again = values
    assert once == again
    assert once["rec a"] == without["rec a"]
    for name in ("d", "adv a", "adv m"):
        assert once[name].isfinite()
        assert once[name] != without[name]


@pytest.mark.parametrize(
    ("model", "stage", "drawn", "sketch"),
    [
        ("ours", STAGE_1, "a", "S_syn"),
        ("ours", STAGE_2, "m", "S_dfm"),
        ("ours", STAGE_3, "m", "S_dfm"),
        ("baseline-deform", CLEAN_AND_DEFORMED, "m", "S_syn"),  # the same as S_dfm here
    ],
)
def test_a_perceptual_loss_is_st_lpips_of_the_photo_that_is_drawn(
    batch, model, stage, drawn, sketch
):
    if stage == CLEAN_AND_DEFORMED:
        batch = batch._replace(S_dfm=batch.S_syn)
    networks, alexnet = networks_of(model), load_alexnet(torch.device("cpu"))
    generator = networks.auxiliary if drawn == "a" else networks.main
    with torch.no_grad():
        photo = generator(getattr(batch, sketch)).photo
        expected = 4 * alexnet.distance(alexnet(photo), alexnet(batch.photo)).mean()
    usual = train_step(networks_of(model), stage, batch)
    losses = train_step(networks, stage, batch, replace(TINY, perceptual=4.0))
    assert set(losses) - set(usual) == {f"lpips {drawn}"}
    torch.testing.assert_close(losses[f"lpips {drawn}"], expected)


def test_d_is_trained_against_the_generators_as_they_were(networks, batch):
    networks.requires_grad_(False)
    networks.discriminator.requires_grad_(True)
    generated = networks.main(batch.S_dfm).photo
    real = networks.discriminator(batch.S_dfm, batch.photo)
    fake = networks.discriminator(batch.S_dfm, generated)
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
        clean = networks.auxiliary(batch.S_syn).features
        drawn = networks.main(batch.S_dfm).features
    expected = 10 * sum((p - q).abs().mean() for p, q in zip(clean, drawn, strict=True)) / 4
    torch.testing.assert_close(train_step(networks, STAGE_2, batch)["gfm"], expected)


def test_the_average_follows_the_generators(networks):
    start = [p.clone() for p in networks.ema.parameters()]
    with torch.no_grad():
        for parameter in (*networks.auxiliary.parameters(), *networks.main.parameters()):
            parameter += 1
    now = dict(networks.named_parameters())
    networks.update_ema(keep=0.75)
    for average, before, (name, _) in zip(
        networks.ema.parameters(), start, networks.ema.named_parameters(), strict=True
    ):
        torch.testing.assert_close(average, 0.75 * before + 0.25 * now[name])
    networks.update_ema(keep=0.0)
    assert all(torch.equal(p, now[name]) for name, p in networks.ema.named_parameters())


def test_the_average_has_running_statistics_of_its_own():
    networks = networks_of("pix2pix")
    assert not any(module.training for module in networks.ema.modules())
    for name, buffer in networks.main.named_buffers():
        buffer += 1 if name.endswith("running_mean") else 0
    networks.update_ema(keep=0.75)
    for name, buffer in networks.ema["main"].named_buffers():
        if name.endswith("running_mean"):
            torch.testing.assert_close(buffer, torch.full_like(buffer, 0.25))


def test_without_a_compiler_training_goes_on_and_says_so(networks, monkeypatch, capsys):
    def no_compiler(*_, **__):
        raise RuntimeError("No working C++ compiler found\nand a long story")

    monkeypatch.setattr(networks_module.torch, "compile", no_compiler)
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
        assert compute.main(batch.S_dfm).photo.dtype == torch.bfloat16
    assert all(
        v.dtype == torch.float32 for v in stage.step(networks, compute, batch, *optimisers).values()
    )


def test_pix2pixhd_learns_from_its_own_losses(batch):
    """[28], as its authors' code has it: sums over scales and layers, VGG, no L_1."""
    recipe, networks = for_model(TINY, "pix2pixhd"), networks_of("pix2pixhd")
    networks.requires_grad_(False)
    trained = list(networks.main.parameters())
    for parameter in trained:
        parameter.requires_grad_(True)
    condition, x, vgg = batch.S_syn, batch.photo, load_vgg(torch.device("cpu"))
    photo = networks.main(condition).photo
    fake, real = networks.discriminator(condition, photo), networks.discriminator(condition, x)
    loss = sum((scale[-1] - 1).square().mean() for scale in fake)
    for f, r in zip(fake, real, strict=True):
        loss += 10 / 3 * sum((p - q).abs().mean() for p, q in zip(f[:-1], r[:-1], strict=True))
    shares = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)
    for share, p, q in zip(shares, vgg(photo), vgg(x), strict=True):
        loss += 10 * share * (p - q).abs().mean()
    expected = torch.autograd.grad(loss, trained)
    terms = train_step(networks, STAGE_1, batch, recipe)
    assert {name for name in terms if name[0] != "d"} == {"adv a", "vgg a"}
    assert terms["adv a"] + terms["dfm a"] + terms["vgg a"] == pytest.approx(loss.item(), rel=1e-4)
    for parameter, gradient in zip(trained, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("clean", [False, True])
def test_d_judges_by_what_the_generator_saw_or_by_the_clean_sketch(networks, batch, clean):
    judged = []
    networks.discriminator.register_forward_pre_hook(lambda _, given: judged.append(given[0]))
    recipe = replace(TINY, adversary=Adversary(clean=clean))
    train_step(networks, STAGE_3, batch, recipe)
    seen = torch.cat([batch.S_syn.sketch, (batch.S_syn if clean else batch.S_dfm).sketch])
    assert len(judged) == 2
    for condition in judged:  # the pass of D has real and generated photos, that of G these alone
        for part in condition.sketch.split(len(seen)):
            assert torch.equal(part, seen)


def test_half_of_the_sketches_of_baseline_deform_are_clean():
    torch.manual_seed(0)
    zeros = torch.zeros(4000, 1, 1, 1)
    sketches = clean_or_deformed(Batch(Condition(zeros), Condition(zeros + 1), zeros)).sketch
    assert sketches.unique().tolist() == [0, 1]
    assert abs(sketches.mean().item() - 0.5) < 0.03


def test_what_d_is_shown_is_augmented_together(networks, batch):
    """A photo that is its sketch in two colours stays that, and a generated photo that is the real
    one too; so a sketch moves with its photo, and both photos change alike."""
    photo = (batch.S_syn.sketch * 2 - 1).expand(-1, 3, -1, -1) * 0.5
    batch = batch._replace(photo=photo)
    recipe = replace(TINY, adversary=Adversary(augment=True))
    compute = Compute.of(networks, Fabric(accelerator="cpu"), recipe)
    torch.manual_seed(0)
    shown = shown_to_d(compute, batch, {"a": (batch.S_syn, photo), "m": (batch.S_syn, photo)})
    assert not torch.equal(shown.real[:2], photo)
    torch.testing.assert_close(shown.generated, shown.real)
    for sketch, real in zip(shown.condition.sketch, shown.real, strict=True):
        strokes = real[0][sketch[0] > 0.5]  # what was not moved out of the picture or covered
        assert len(strokes) > 10
        torch.testing.assert_close(strokes, strokes[:1].expand_as(strokes))
        paper = real[0][(sketch[0] < 0.5) & (real[0] != 0)]
        assert (paper - strokes[0]).abs().min() > 1e-3
