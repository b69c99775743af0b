"""The networks of every model: ours, and those that section 4 compares it with.

ours             G_a and G_m with SAP, which share residual blocks and decoder
baseline         pix2pixHD's global generator [28], which is G_a alone
pix2pixhd        the same network with that paper's own objective (training/recipes.py)
baseline-deform  the same network; it gets deformed sketches too
pix2pix          U-Net and PatchGAN of Isola et al. [10], as they are
sap-only         G_m's network alone: SAP without the dual generators
dual-only        G_a and G_m, but G_m begins with the convolution of G_a where SAP stands
"""

from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

from .blocks import initialise
from .discriminator import Discriminator
from .generator import GlobalGenerator, dual_generators
from .pix2pix import PatchGAN, UNet
from .sap import WIDTHS_AT_256

Model = Literal[
    "ours", "pix2pix", "pix2pixhd", "baseline", "baseline-deform", "sap-only", "dual-only"
]


def generators(
    model: Model, width: int, cap: int, depth: int, pooling: Sequence[int] = WIDTHS_AT_256
) -> tuple[Any, Any]:
    """G_a, the auxiliary generator, and G_m, the main one; where there is one, it is both.

    Each takes a `Condition` and returns `Generated`. `depth` is for the U-Net,
    whose channels have a cap of their own. Raises ValueError if there is no such model.
    """
    auxiliary, main = dual_generators(width, cap, pooling)
    if model == "ours":
        return auxiliary, main
    if model in ("baseline", "baseline-deform", "pix2pixhd"):
        return auxiliary, auxiliary
    if model == "sap-only":
        return main, main
    if model == "dual-only":
        second = GlobalGenerator(auxiliary.body, width, cap)
        initialise(second.encoder)
        return auxiliary, second
    if model == "pix2pix":
        unet = UNet(width, depth)
        return unet, unet
    raise ValueError(f"there is no model {model}")


def discriminator(model: Model, width: int, cap: int) -> nn.Module:
    """D of a model: three scales, but for pix2pix."""
    return PatchGAN(width, cap) if model == "pix2pix" else Discriminator(width, cap)
