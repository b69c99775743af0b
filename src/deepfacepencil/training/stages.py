"""The stages of section 3.3, "multi-stage training schedule": what each trains and minimises.

classifier  C learns to tell S_syn from S_dfm, and is left alone from then on
stage 1     G_a and D, on clean sketches
stage 2     SAP, the encoder of G_m, and D from scratch; the shared body does not move
stage 3     everything but C
enhancer    the local enhancer and D from scratch, for photos of twice the size; G_m does not move

For the models of section 4 that have one generator, stage 1 (the baseline) or one of these:

clean and deformed   the generator and D, on the clean or the deformed sketch of each photo
pix2pix              the U-Net and its D, on clean sketches

A step computes gradients and updates the weights; it returns its losses, and that dict is the log
line. The terms of Eq. 8 that concern D are added in update.py.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Adam

from ..models.condition import Condition, mixed
from ..models.enhancer import half_size
from ..models.vgg import SHARES
from . import losses
from .batches import Batch
from .networks import Compute, Networks
from .recipes import (
    CLASSIFIER,
    CLEAN_AND_DEFORMED,
    ENHANCER,
    PIX2PIX,
    STAGE_1,
    STAGE_2,
    STAGE_3,
)
from .update import Losses, adversarial_step, frozen, log_of, minimise

CLEAN_SHARE = 0.5  # of the pairs of the baseline with deformed sketches: the paper says "adding"

# (networks, compute, batch, optimiser of generators or C[, optimiser of D]) -> losses
Step = Callable[..., Losses]


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


def classifier_step(networks: Networks, compute: Compute, batch: Batch, optimiser: Adam) -> Losses:
    """C: is the sketch edge-aligned or deformed? (section 3.2)."""
    sketches = torch.cat([batch.S_syn.sketch, batch.S_dfm.sketch])
    with compute.precision():
        clean, deformed = compute.classifier(sketches).chunk(2)
    loss = losses.classification(clean, deformed)
    minimise(optimiser, loss)
    right = ((clean < 0).float().mean() + (deformed > 0).float().mean()) / 2
    return {"classifier": loss.detach(), "classifier accuracy": right}


def stage_1_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> Losses:
    """L_rec(G_a) + L_adv(G_a, D) + lambda L_DFM(G_a, D): Eq. 8 without what concerns G_m."""
    with compute.precision():
        a = compute.auxiliary(batch.S_syn)
    terms = _reconstruction(compute, "a", a.photo, batch) | _perceptual(
        compute, "a", a.photo, batch
    )
    made = {"a": (batch.S_syn, a.photo)}
    return adversarial_step(networks, compute, batch, terms, made, optimiser, d_optimiser)


def stage_2_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> Losses:
    """What concerns G_m in Eq. 8, with G_a as the fixed guide of L_GFM."""
    with compute.precision():
        with torch.no_grad():
            guide = networks.auxiliary.features(batch.S_syn)
        m = compute.main(batch.S_dfm)
    gfm = losses.generator_feature_matching(guide, m.features)
    terms = {
        **_reconstruction(compute, "m", m.photo, batch),
        **_perceptual(compute, "m", m.photo, batch),
        "gfm": compute.recipe.generator_matching * gfm,
    }
    made = {"m": (batch.S_dfm, m.photo)}
    return adversarial_step(networks, compute, batch, terms, made, optimiser, d_optimiser)


def stage_3_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> Losses:
    """The whole objective, Eq. 8."""
    with compute.precision():
        a = compute.auxiliary(batch.S_syn)
        kept = nullcontext() if compute.recipe.body_learns_from_main else frozen(networks.main.body)
        with kept:
            m = compute.main(batch.S_dfm)
    gfm = _guidance(networks, compute, a.features, m.encoded)
    terms = {
        **_reconstruction(compute, "a", a.photo, batch),
        **_reconstruction(compute, "m", m.photo, batch),
        **_perceptual(compute, "m", m.photo, batch),  # G_m draws; for G_a it would cost as much
        "gfm": compute.recipe.generator_matching * gfm,
    }
    made = {"a": (batch.S_syn, a.photo), "m": (batch.S_dfm, m.photo)}
    return adversarial_step(networks, compute, batch, terms, made, optimiser, d_optimiser)


def _guidance(networks: Networks, compute: Compute, guide: list[Tensor], encoded: Tensor) -> Tensor:
    """L_GFM for what G_m encoded, with gradients to SAP and the encoder of G_m only. Eq. 7.

    G_a guides and G_m follows. Where the gradient also reached G_a and the shared body, they made
    all faces alike, which is the easiest way to match: within 1,900 photos the features' spread
    between faces fell to a tenth, and glasses vanished from the photos.
    """
    body = networks.main.body
    with frozen(body), compute.precision():
        features = body.features(encoded)
    return losses.generator_feature_matching([f.detach() for f in guide], features)


def enhancer_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> Losses:
    """What concerns one generator in Eq. 8, for the enhancer."""
    with compute.precision():
        with torch.no_grad():
            decoded = networks.main.decoded(half_size(batch.S_dfm))
        photo = compute.enhancer(batch.S_dfm, decoded)
    terms = _reconstruction(compute, "e", photo, batch) | _perceptual(compute, "e", photo, batch)
    made = {"e": (batch.S_dfm, photo)}
    return adversarial_step(networks, compute, batch, terms, made, optimiser, d_optimiser)


def clean_or_deformed(batch: Batch) -> Condition:
    """S_syn or S_dfm of every photo, by the toss of a coin."""
    clean = torch.rand(len(batch.photo), device=batch.photo.device) < CLEAN_SHARE
    return mixed(clean, batch.S_syn, batch.S_dfm)


def clean_and_deformed_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> Losses:
    """What concerns one generator in Eq. 8, on S_syn or S_dfm: which, is drawn for every photo."""
    condition = clean_or_deformed(batch)
    with compute.precision():
        photo = compute.main(condition).photo
    terms = _reconstruction(compute, "m", photo, batch) | _perceptual(compute, "m", photo, batch)
    made = {"m": (condition, photo)}
    return adversarial_step(networks, compute, batch, terms, made, optimiser, d_optimiser)


def pix2pix_step(
    networks: Networks, compute: Compute, batch: Batch, optimiser: Adam, d_optimiser: Adam
) -> Losses:
    """L_1 and L_adv of pix2pix [10], no feature matching; D's loss is halved, and D moves first.

    D judges real and generated photos apart: batch normalisation would mix them.
    """
    condition = batch.S_syn
    with compute.precision():
        photo = compute.main(condition).photo.float()
        real = compute.discriminator(condition, batch.photo)
        fake = compute.discriminator(condition, photo.detach())
    d_loss = losses.adversarial_discriminator(real, fake) / 2
    minimise(d_optimiser, d_loss)

    with frozen(networks.discriminator), compute.precision():
        judged = networks.discriminator(condition, photo)
    terms = {
        **_reconstruction(compute, "m", photo, batch),
        "adv m": losses.adversarial_generator(judged),
    }
    minimise(optimiser, torch.stack(list(terms.values())).sum())
    return log_of(terms, d_loss, real, fake)


def _reconstruction(compute: Compute, name: str, photo: Tensor, batch: Batch) -> Losses:
    """L_rec of Eq. 4 for a generator's photo, with its weight."""
    if not compute.recipe.reconstruction:
        return {}
    loss = losses.reconstruction(photo, batch.photo)
    return {f"rec {name}": compute.recipe.reconstruction * loss}


def _perceptual(compute: Compute, name: str, photo: Tensor, batch: Batch) -> Losses:
    """Perceptual losses of a generator's photo with their weights, for recipes that want them."""
    terms = {}
    if compute.alexnet is not None:
        with compute.precision():
            made, real = compute.alexnet(photo.float()), compute.alexnet(batch.photo)
        distance = compute.alexnet.distance(made, real).mean()
        terms[f"lpips {name}"] = compute.recipe.perceptual * distance
    if compute.vgg is not None:
        with compute.precision():
            made, real = compute.vgg(photo.float()), compute.vgg(batch.photo)
        loss = losses.perceptual_features(made, real, SHARES)
        terms[f"vgg {name}"] = compute.recipe.vgg * loss
    return terms


def _before_body(generator: nn.Module) -> list[nn.Module]:
    """SAP, if there is one, and the encoder."""
    return [part for part in generator.children() if part is not generator.body]


STAGES = {
    CLASSIFIER: Stage(lambda n: [n.main.sap.classifier], classifier_step, adversarial=False),
    STAGE_1: Stage(lambda n: [n.auxiliary], stage_1_step, deforms=False),
    STAGE_2: Stage(lambda n: _before_body(n.main), stage_2_step, fresh_discriminator=True),
    STAGE_3: Stage(lambda n: [n.auxiliary, n.main], stage_3_step),
    CLEAN_AND_DEFORMED: Stage(lambda n: [n.main], clean_and_deformed_step),
    PIX2PIX: Stage(lambda n: [n.main], pix2pix_step, deforms=False),
    ENHANCER: Stage(lambda n: [n.enhancer], enhancer_step, fresh_discriminator=True),
}
