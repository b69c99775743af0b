"""What each stage trains, freezes and feeds (section 3.3, "multi-stage training schedule"; Eq. 8).

classifier  C learns to tell S_syn from S_dfm, and is left alone from then on
stage 1     G_a and D, on clean sketches
stage 2     SAP, the encoder of G_m, and D from scratch; the shared body does not move
stage 3     everything but C
enhancer    the local enhancer and D from scratch, for photos of twice the size; G_m does not move

For the rivals of section 4 that have one generator, stage 1 (the baseline) or one of these:

clean and deformed   the generator and D, on the clean or the deformed sketch of each photo
pix2pix              the U-Net and its D, on clean sketches

A step computes gradients and updates the weights; it returns its losses, and that dict is the log
line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypedDict

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam

from ..models.alexnet import ShiftTolerantAlexNet, load_alexnet
from ..models.build import discriminator, generators
from ..models.enhancer import Enhancer, half_size
from ..models.generator import MainGenerator
from . import losses
from .augment import draw_view, see
from .recipes import (
    CLASSIFIER,
    CLEAN_AND_DEFORMED,
    ENHANCER,
    PIX2PIX,
    STAGE_1,
    STAGE_2,
    STAGE_3,
    Recipe,
)


class Batch(TypedDict):
    """Triplets as the networks take them."""

    aligned: Tensor  # S_syn (B, 1, H, W) in {0..1}
    deformed: Tensor  # S_dfm (B, 1, H, W)
    photo: Tensor  # x (B, 3, H, W) in [-1, 1]


class Networks(nn.Module):
    """All that is trained, and the moving average of the generators that is shown and released.

    `main` is what draws: G_m. A model of one generator has it under both names.
    """

    aligned: Any  # what `generators` makes
    main: Any

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        size = recipe.width, recipe.cap, recipe.depth
        self.aligned, self.main = generators(recipe.model, *size)
        self.discriminator = new_discriminator(recipe)
        wanted = any(phase.stage == ENHANCER for phase in recipe.phases)
        self.enhancer = Enhancer(recipe.width) if wanted else nn.Identity()
        self.ema = deepcopy(self._averaged())
        self.ema.requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _averaged(self) -> nn.ModuleDict:
        return nn.ModuleDict(
            {"aligned": self.aligned, "main": self.main, "enhancer": self.enhancer}
        )

    @property
    def classifier(self) -> nn.Module:
        """C, which is inside SAP; nothing where there is no SAP."""
        return self.main.sap.classifier if isinstance(self.main, MainGenerator) else nn.Identity()

    @torch.no_grad()
    def update_ema(self, keep: float) -> None:
        """Move the average towards the generators; `keep` of it stays.

        The running statistics of pix2pix's batch norm are averaged like the weights they go with.
        """
        average, current = (
            [t for t in chain(g.parameters(), g.buffers()) if t.is_floating_point()]
            for g in (self.ema, self._averaged())
        )
        torch._foreach_lerp_(average, current, 1 - keep)

    def state_bytes(self) -> int:
        """Size of a training state, at most: all weights, and two moments of the trained ones."""
        averages = sum(parameter.nbytes for parameter in self.ema.parameters())
        weights = sum(parameter.nbytes for parameter in self.parameters())
        return weights + 2 * (weights - averages)


def new_discriminator(recipe: Recipe) -> nn.Module:
    """D from scratch."""
    return discriminator(recipe.model, recipe.discriminator_width, recipe.discriminator_cap)


@dataclass(frozen=True)
class Compute:
    """How a step calls the networks: where, in which precision, and with shared gradients.

    Each network that the stage trains is wrapped on its own: in a backward through it, processes
    that train together average their gradients.
    """

    classifier: Callable
    aligned: Callable
    main: Callable
    enhancer: Callable
    discriminator: Callable
    alexnet: ShiftTolerantAlexNet | None  # where the recipe has a perceptual loss
    device: torch.device
    recipe: Recipe

    @classmethod
    def of(cls, networks: Networks, fabric: Fabric, recipe: Recipe) -> "Compute":
        """For the stage whose parameters, and no others, require gradients at the moment."""
        averaged: set[int] = set()  # parameters that another network's backward averages

        def shared(network: nn.Module) -> Callable:
            trained = {n: id(p) for n, p in network.named_parameters() if p.requires_grad}
            if averaged.issuperset(trained.values()):
                return network
            # The name is torch's. Two generators share the body: its gradients travel once.
            others = [name for name, parameter in trained.items() if parameter in averaged]
            network._ddp_params_and_buffers_to_ignore = others  # type: ignore[assignment]
            averaged.update(trained.values())
            return fabric.setup_module(network, move_to_device=False)

        aligned = shared(networks.aligned)
        return cls(
            classifier=shared(networks.classifier),
            aligned=aligned,
            main=aligned if networks.main is networks.aligned else shared(networks.main),
            enhancer=shared(networks.enhancer),
            discriminator=shared(networks.discriminator),
            alexnet=load_alexnet(fabric.device) if recipe.perceptual else None,
            device=fabric.device,
            recipe=recipe,
        )

    def precision(self) -> torch.autocast:
        """The context in which networks are called; losses are taken outside, in float32.

        Fabric's own would also convert whatever goes into a network and comes out of it.
        """
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16)


def compile_networks(networks: Networks) -> None:
    """Compile the networks' forwards, each on its own; if that cannot be, say so and go on."""
    if _can_compile(next(networks.parameters()).device):
        every = (
            networks.classifier,
            networks.aligned,
            networks.main,
            networks.enhancer,
            networks.discriminator,
        )
        for network in dict.fromkeys(every):  # one generator may have two names
            compile_network(network)


def compile_network(network: nn.Module) -> None:
    """Compile a network's forward, but for SAP's attention: it would not learn (models/sap.py)."""
    if isinstance(network, MainGenerator):
        network.sap.leave_attention_uncompiled()
    network.compile(dynamic=False)


def _can_compile(device: torch.device) -> bool:
    """Whether torch.compile works here. It is found out by compiling something, and said if not."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=device))
    except (
        Exception
    ) as problem:  # a missing compiler, missing headers: each with a class of its own
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else "no reason given"
        print(f"torch.compile does not work here ({reason}): the training will be slower")
        return False
    return True


# (networks, compute, batch, optimiser of generators or C[, optimiser of D]) -> losses
Step = Callable[..., dict[str, Tensor]]


@dataclass(frozen=True)
class Stage:
    """One stage: which parameters it trains, and its step."""

    trained: Callable[[Networks], list[nn.Module]]
    step: Step
    adversarial: bool = True
    fresh_discriminator: bool = False  # D starts from scratch
    deforms: bool = True  # S_dfm is wanted; to make it is most of the work of a triplet

    def generator_parameters(self, networks: Networks) -> list[nn.Parameter]:
        """What the stage trains beside D: each parameter once, C in no adversarial stage."""
        unique = {id(p): p for module in self.trained(networks) for p in module.parameters()}
        if self.adversarial:
            for parameter in networks.classifier.parameters():
                unique.pop(id(parameter), None)
        return list(unique.values())


def classifier_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam
) -> dict[str, Tensor]:
    """C: is the sketch edge-aligned or deformed? (section 3.2)."""
    sketches = torch.cat([batch["aligned"], batch["deformed"]])
    with compute.precision():
        aligned, deformed = compute.classifier(sketches).chunk(2)
    loss = losses.classification(aligned, deformed)
    _update(optimiser, loss)
    right = ((aligned < 0).float().mean() + (deformed > 0).float().mean()) / 2
    return {"classifier": loss.detach(), "classifier accuracy": right}


def stage_1_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> dict[str, Tensor]:
    """L_rec(G_a) + L_adv(G_a, D) + lambda L_DFM(G_a, D): Eq. 8 without what concerns G_m."""
    with compute.precision():
        generated = compute.aligned(batch["aligned"])
    terms = {
        "rec a": _reconstruction(compute, generated.photo, batch),
        **_perceptual(compute, "a", generated.photo, batch),
    }
    return _adversarial(
        networks, compute, terms, {"a": (batch["aligned"], generated.photo)}, batch, optimiser,
        d_optimiser,
    )  # fmt: skip


def stage_2_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> dict[str, Tensor]:
    """What concerns G_m in Eq. 8, with G_a as the fixed guide of L_GFM."""
    with compute.precision():
        with torch.no_grad():
            guide = networks.aligned.features(batch["aligned"])
        generated = compute.main(batch["deformed"])
    terms = {
        "rec m": _reconstruction(compute, generated.photo, batch),
        **_perceptual(compute, "m", generated.photo, batch),
        "gfm": losses.MU * losses.generator_feature_matching(guide, generated.features),
    }
    return _adversarial(
        networks, compute, terms, {"m": (batch["deformed"], generated.photo)}, batch, optimiser,
        d_optimiser,
    )  # fmt: skip


def stage_3_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> dict[str, Tensor]:
    """The whole objective, Eq. 8."""
    with compute.precision():
        a = compute.aligned(batch["aligned"])
        m = compute.main(batch["deformed"])
    terms = {
        "rec a": _reconstruction(compute, a.photo, batch),
        "rec m": _reconstruction(compute, m.photo, batch),
        **_perceptual(compute, "m", m.photo, batch),  # G_m draws; for G_a it would cost as much
        "gfm": losses.MU * _guidance(networks, compute, a.features, m.encoded),
    }
    pairs = {"a": (batch["aligned"], a.photo), "m": (batch["deformed"], m.photo)}
    return _adversarial(networks, compute, terms, pairs, batch, optimiser, d_optimiser)


def _guidance(networks: Networks, compute: Compute, guide: list[Tensor], encoded: Tensor) -> Tensor:
    """L_GFM for what G_m encoded, with gradients to SAP and the encoder of G_m only. Eq. 7.

    G_a guides and G_m follows. Where the gradient also reached G_a and the shared body, they made
    all faces alike, which is the easiest way to match: within 1,900 photos the features' spread
    between faces fell to a tenth, and glasses vanished from the photos.
    """
    body = networks.main.body
    with _frozen(body), compute.precision():
        features = body.features(encoded)
    return losses.generator_feature_matching([f.detach() for f in guide], features)


def enhancer_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> dict[str, Tensor]:
    """What concerns one generator in Eq. 8, for the enhancer."""
    with compute.precision():
        with torch.no_grad():
            decoded = networks.main.decoded(half_size(batch["deformed"]))
        photo = compute.enhancer(batch["deformed"], decoded)
    terms = {
        "rec e": _reconstruction(compute, photo, batch),
        **_perceptual(compute, "e", photo, batch),
    }
    return _adversarial(
        networks, compute, terms, {"e": (batch["deformed"], photo)}, batch, optimiser, d_optimiser
    )


def clean_and_deformed_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> dict[str, Tensor]:
    """What concerns one generator in Eq. 8, on S_syn or S_dfm: which, is drawn for every photo."""
    clean = torch.rand(len(batch["photo"]), 1, 1, 1, device=compute.device) < 0.5
    sketch = torch.where(clean, batch["aligned"], batch["deformed"])
    with compute.precision():
        photo = compute.main(sketch).photo
    terms = {
        "rec m": _reconstruction(compute, photo, batch),
        **_perceptual(compute, "m", photo, batch),
    }
    return _adversarial(
        networks, compute, terms, {"m": (sketch, photo)}, batch, optimiser, d_optimiser
    )


def pix2pix_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> dict[str, Tensor]:
    """L_1 and L_adv of pix2pix [10], no feature matching; D's loss is halved, and D moves first.

    D judges real and generated photos apart: batch normalisation would mix them.
    """
    sketch = batch["aligned"]
    with compute.precision():
        photo = compute.main(sketch).photo.float()
        real = compute.discriminator(sketch, batch["photo"])
        fake = compute.discriminator(sketch, photo.detach())
    d_loss = losses.adversarial_discriminator(real, fake) / 2
    _update(d_optimiser, d_loss)

    with _frozen(networks.discriminator), compute.precision():
        judged = networks.discriminator(sketch, photo)
    terms = {
        "rec m": _reconstruction(compute, photo, batch),
        "adv m": losses.adversarial_generator(judged),
    }
    _update(optimiser, torch.stack(list(terms.values())).sum())
    return _log(terms, d_loss, real, fake)


def _reconstruction(compute: Compute, photo: Tensor, batch: Batch) -> Tensor:
    """L_rec of Eq. 4 with its weight."""
    return compute.recipe.reconstruction * losses.reconstruction(photo, batch["photo"])


def _perceptual(compute: Compute, name: str, photo: Tensor, batch: Batch) -> dict[str, Tensor]:
    """ST-LPIPS of a generator's photo with its weight, for recipes that want it."""
    if compute.alexnet is None:
        return {}
    with compute.precision():
        made, real = compute.alexnet(photo.float()), compute.alexnet(batch["photo"])
    distance = compute.alexnet.distance(made, real).mean()
    return {f"lpips {name}": compute.recipe.perceptual * distance}


def _adversarial(
    networks: Networks,
    compute: Compute,
    terms: dict[str, Tensor],
    pairs: dict[str, tuple[Tensor, Tensor]],
    batch: Batch,
    optimiser: Adam,
    d_optimiser: Adam,
) -> dict[str, Tensor]:
    """One update of generators and D. `pairs`: per generator the sketch it saw and its photo.

    D judges real and generated photos of all generators in one pass: instance normalisation keeps
    the items of a batch apart. That pass also gives the real features that Eq. 6 wants.
    """
    sketches = torch.cat([sketch for sketch, _ in pairs.values()])
    generated = torch.cat([photo.float() for _, photo in pairs.values()])
    photos = torch.cat([batch["photo"]] * len(pairs))
    if compute.recipe.adversary.augment:
        view = draw_view(len(photos), compute.device)
        generated = see(view, sketches, generated)[1]
        sketches, photos = see(view, sketches, photos)
    d_adversarial, g_adversarial = (
        (losses.hinge_discriminator, losses.hinge_generator)
        if compute.recipe.adversary.hinge
        else (losses.adversarial_discriminator, losses.adversarial_generator)
    )
    both = torch.cat([photos, generated.detach()])
    with compute.precision():
        judged = compute.discriminator(torch.cat([sketches, sketches]), both)
    real = [[output[: len(photos)] for output in scale] for scale in judged]
    fake = [[output[len(photos) :] for output in scale] for scale in judged]
    d_loss = d_adversarial(real, fake)
    d_optimiser.zero_grad()
    d_loss.backward()

    # D itself gets no gradients here, so there is nothing that processes would have to share.
    with _frozen(networks.discriminator), compute.precision():
        judged_again = networks.discriminator(sketches, generated)
    for index, name in enumerate(pairs):
        chosen = slice(index * len(batch["photo"]), (index + 1) * len(batch["photo"]))
        ours = [[output[chosen] for output in scale] for scale in judged_again]
        theirs = [[output[chosen] for output in scale] for scale in real]
        terms[f"adv {name}"] = g_adversarial(ours)
        terms[f"dfm {name}"] = losses.LAMBDA * losses.discriminator_feature_matching(ours, theirs)
    _update(optimiser, torch.stack(list(terms.values())).sum())
    d_optimiser.step()
    return _log(terms, d_loss, real, fake)


def _log(
    terms: dict[str, Tensor], d_loss: Tensor, real: losses.Features, fake: losses.Features
) -> dict[str, Tensor]:
    """The terms of the generators' objective, D's loss, and what D said at each scale."""
    log = {name: term.detach() for name, term in terms.items()}
    log["d"] = d_loss.detach()
    for scale, (r, f) in enumerate(zip(real, fake, strict=True)):
        log[f"d{scale} real"] = torch.sigmoid(r[-1].detach().float()).mean()
        log[f"d{scale} fake"] = torch.sigmoid(f[-1].detach().float()).mean()
    return log


def _update(optimiser: Adam, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for the network's own parameters, only through it."""
    network.requires_grad_(False)
    yield
    network.requires_grad_(True)


def _before_body(generator: nn.Module) -> list[nn.Module]:
    """SAP, if there is one, and the encoder."""
    return [part for part in generator.children() if part is not generator.body]


STAGES = {
    CLASSIFIER: Stage(lambda n: [n.main.sap.classifier], classifier_step, adversarial=False),
    STAGE_1: Stage(lambda n: [n.aligned], stage_1_step, deforms=False),
    STAGE_2: Stage(lambda n: _before_body(n.main), stage_2_step, fresh_discriminator=True),
    STAGE_3: Stage(lambda n: [n.aligned, n.main], stage_3_step),
    CLEAN_AND_DEFORMED: Stage(lambda n: [n.main], clean_and_deformed_step),
    PIX2PIX: Stage(lambda n: [n.main], pix2pix_step, deforms=False),
    ENHANCER: Stage(lambda n: [n.enhancer], enhancer_step, fresh_discriminator=True),
}
