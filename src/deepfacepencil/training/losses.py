"""One plain function per equation of section 3.3 (Eq. 4 to 7). stages.py adds them up to Eq. 8.

Features of the discriminator come as it returns them: per scale, the outputs of its layers, logits
last.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Sequence[Sequence[Tensor]]


def reconstruction(generated: Tensor, photo: Tensor) -> Tensor:
    """L_rec: mean absolute difference of two photos (B, 3, H, W) in [-1, 1]. Eq. 4."""
    return F.l1_loss(generated.float(), photo.float())


def adversarial_discriminator(real: Features, fake: Features) -> Tensor:
    """-L_adv as D minimises it: tell real photos from generated ones. Mean over D_i; Eq. 5."""
    terms = [
        F.softplus(-r[-1].float()).mean() + F.softplus(f[-1].float()).mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).mean()


def adversarial_generator(fake: Features) -> Tensor:
    """L_adv as G minimises it, mean over D_i. Eq. 5.

    In the non-saturating form, -log D instead of log(1 - D): same fixed point, and a gradient
    where D is sure (Goodfellow et al. 2014, section 3).
    """
    return torch.stack([F.softplus(-scale[-1].float()).mean() for scale in fake]).mean()


def hinge_discriminator(real: Features, fake: Features) -> Tensor:
    """In the place of Eq. 5: D is content once logits are beyond 1 and -1 (Lim and Ye 2017)."""
    terms = [
        F.relu(1 - r[-1].float()).mean() + F.relu(1 + f[-1].float()).mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).mean()


def hinge_generator(fake: Features) -> Tensor:
    """What G minimises against `hinge_discriminator`: minus the logits, mean over D_i."""
    return torch.stack([-scale[-1].float().mean() for scale in fake]).mean()


def least_squares_discriminator(real: Features, fake: Features) -> Tensor:
    """In the place of Eq. 5, as pix2pixHD has it: logits of 1 and 0 (LSGAN, Mao et al. 2017)."""
    terms = [
        (r[-1].float() - 1).square().mean() + f[-1].float().square().mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(terms).mean()


def least_squares_generator(fake: Features) -> Tensor:
    """What G minimises against `least_squares_discriminator`: logits of 1, mean over D_i."""
    return torch.stack([(scale[-1].float() - 1).square().mean() for scale in fake]).mean()


def perceptual_features(
    generated: Sequence[Tensor], real: Sequence[Tensor], shares: Sequence[float]
) -> Tensor:
    """The VGG loss of pix2pixHD: mean absolute differences of features, summed with `shares`."""
    terms = [
        share * F.l1_loss(g.float(), r.float())
        for share, g, r in zip(shares, generated, real, strict=True)
    ]
    return torch.stack(terms).sum()


def discriminator_feature_matching(fake: Features, real: Features) -> Tensor:
    """L_DFM: mean absolute difference of D's features, mean over the layers and the D_i. Eq. 6.

    Q is every layer before the logits. No gradient flows to the real photo's features.
    """
    terms = [
        F.l1_loss(f.float(), r.detach().float())
        for fakes, reals in zip(fake, real, strict=True)
        for f, r in zip(fakes[:-1], reals[:-1], strict=True)
    ]
    return torch.stack(terms).mean()


def generator_feature_matching(auxiliary: Sequence[Tensor], main: Sequence[Tensor]) -> Tensor:
    """L_GFM: mean absolute difference of the generators' features, mean over T. Eq. 7."""
    terms = [F.l1_loss(m.float(), a.float()) for a, m in zip(auxiliary, main, strict=True)]
    return torch.stack(terms).mean()


def classification(clean: Tensor, deformed: Tensor) -> Tensor:
    """Binary cross entropy of C's logits (B,) for edge-aligned and for deformed sketches."""
    return (F.softplus(clean.float()).mean() + F.softplus(-deformed.float()).mean()) / 2


# By the names that recipes give them: what D minimises, and what the generators minimise.
ADVERSARIAL = {
    "cross entropy": (adversarial_discriminator, adversarial_generator),
    "hinge": (hinge_discriminator, hinge_generator),
    "least squares": (least_squares_discriminator, least_squares_generator),
}
