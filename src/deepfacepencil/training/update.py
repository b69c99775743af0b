"""The two halves of an adversarial step: `g_step` for the generators, `d_step` for D (Eq. 5 and 6).

As in pix2pixHD, each half learns against the other as it was before the step. D judges the real and
the generated photos of all generators in one pass: instance normalisation keeps the items of a
batch apart, and that pass also gives the real features that Eq. 6 wants.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Adam

from ..models.condition import Condition, joined
from . import losses
from .augment import augmented, draw_augmentation
from .batches import Batch
from .networks import Compute, Networks

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Shown:
    """What D is shown: every generated photo, and the real one under the same condition."""

    generators: tuple[str, ...]  # whose photos these are, one batch after the other
    condition: Condition  # what the generators saw, or the clean sketches
    generated: Tensor  # (generators * B, 3, H, W), with gradients to the generators
    real: Tensor  # the same shape


def adversarial_step(
    networks: Networks,
    compute: Compute,
    batch: Batch,
    terms: Losses,  # of the objective, with their weights: what concerns the generators alone
    generated: dict[str, tuple[Condition, Tensor]],  # per generator: what it saw, and its photo
    optimiser: Adam,
    d_optimiser: Adam,
) -> Losses:
    """One update of the generators and one of D; returns the log of the step."""
    shown = shown_to_d(compute, batch, generated)
    real, fake = _judged(compute, shown)
    terms = terms | g_step(networks, compute, shown, real, terms, optimiser)
    d_loss = d_step(compute, real, fake, d_optimiser)
    return log_of(terms, d_loss, real, fake)


def g_step(
    networks: Networks,
    compute: Compute,
    shown: Shown,
    real: losses.Features,  # what D made of the real photos
    terms: Losses,
    optimiser: Adam,
) -> Losses:
    """The generators learn to please D: L_adv + lambda L_DFM (Eq. 5 and 6) beside `terms`."""
    recipe = compute.recipe
    _, g_adversarial = losses.ADVERSARIAL[recipe.adversary.loss]
    # D itself gets no gradients here, so there is nothing that processes would have to share.
    with frozen(networks.discriminator), compute.precision():
        judged = networks.discriminator(shown.condition, shown.generated)
    added = {}
    size = len(shown.generated) // len(shown.generators)
    for place, name in enumerate(shown.generators):
        items = slice(place * size, (place + 1) * size)
        fakes, reals = _items(judged, items), _items(real, items)
        added[f"adv {name}"] = recipe.adversarial * g_adversarial(fakes)
        added[f"dfm {name}"] = (
            recipe.discriminator_matching * losses.discriminator_feature_matching(fakes, reals)
        )
    minimise(optimiser, torch.stack([*terms.values(), *added.values()]).sum())
    return added


def d_step(
    compute: Compute, real: losses.Features, fake: losses.Features, optimiser: Adam
) -> Tensor:
    """D learns to tell real photos from generated ones (Eq. 5)."""
    d_adversarial, _ = losses.ADVERSARIAL[compute.recipe.adversary.loss]
    loss = d_adversarial(real, fake)
    minimise(optimiser, loss)
    return loss


def minimise(optimiser: Adam, loss: Tensor) -> None:
    """One step of an optimiser."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for the network's own parameters, only through it."""
    network.requires_grad_(False)
    yield
    network.requires_grad_(True)


def log_of(terms: Losses, d_loss: Tensor, real: losses.Features, fake: losses.Features) -> Losses:
    """The terms of the generators' objective, D's loss, and what D said at each scale."""
    log = {name: term.detach() for name, term in terms.items()}
    log["d"] = d_loss.detach()
    for scale, (r, f) in enumerate(zip(real, fake, strict=True)):
        log[f"d{scale} real"] = torch.sigmoid(r[-1].detach().float()).mean()
        log[f"d{scale} fake"] = torch.sigmoid(f[-1].detach().float()).mean()
    return log


def shown_to_d(
    compute: Compute, batch: Batch, generated: dict[str, tuple[Condition, Tensor]]
) -> Shown:
    """The photos of all generators and, each beside its own, the real ones; augmented alike."""
    clean = compute.recipe.adversary.clean
    condition = joined([batch.S_syn if clean else seen for seen, _ in generated.values()])
    fake = torch.cat([photo.float() for _, photo in generated.values()])
    real = torch.cat([batch.photo] * len(generated))
    if compute.recipe.adversary.augment:  # a real and a generated photo change alike
        augmentation = draw_augmentation(len(real), compute.device)
        _, fake = augmented(augmentation, condition, fake)
        condition, real = augmented(augmentation, condition, real)
    return Shown(tuple(generated), condition, fake, real)


def _judged(compute: Compute, shown: Shown) -> tuple[losses.Features, losses.Features]:
    """What D makes of the real and of the generated photos, with gradients to D alone."""
    condition = joined([shown.condition, shown.condition])
    with compute.precision():
        judged = compute.discriminator(condition, torch.cat([shown.real, shown.generated.detach()]))
    size = len(shown.real)
    return _items(judged, slice(0, size)), _items(judged, slice(size, None))


def _items(features: losses.Features, items: slice) -> list[list[Tensor]]:
    return [[output[items] for output in scale] for scale in features]
