"""What is trained for how long: one Python value per purpose, and the same for other models.

A recipe is a list of phases. Each phase belongs to a stage of section 3.3 (stages.py) and shows a
number of photos at one resolution; a stage may have several phases, since the networks are
convolutional and move from 128 to 256 px with the same weights.
"""

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from ..errors import InputError
from ..models.build import Model
from ..models.sap import WIDTHS_AT_256
from ..sketch.drawn import Distortion

CLASSIFIER, STAGE_1, STAGE_2, STAGE_3 = "classifier", "stage 1", "stage 2", "stage 3"
ENHANCER = "enhancer"
CLEAN_AND_DEFORMED, PIX2PIX = "clean and deformed", "pix2pix"  # stages of the rivals


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which nothing changes but the weights."""

    stage: str
    resolution: int  # pixels
    images: int  # photos shown
    batch: int


@dataclass(frozen=True)
class Adversary:
    """How D and the generators play against each other. The defaults are the paper's."""

    # Eq. 5, or in its place.
    loss: Literal["cross entropy", "hinge", "least squares"] = "cross entropy"
    clean: bool = False  # D sees S_syn beside every photo, whatever the generator saw
    augment: bool = False  # D sees photos moved, recoloured, with a hole (augment.py)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out of a training, beside the data and the seed."""

    name: str
    width: int  # channels of the generators at full resolution
    cap: int  # at most so many channels anywhere in the generators
    discriminator_width: int
    discriminator_cap: int
    distortion: Distortion
    phases: tuple[Phase, ...]
    bfloat16: bool = False  # autocast
    compiled: bool = False  # torch.compile: needs a C++ compiler on a CPU
    learning_rate: float = 2e-4
    decays: bool = True  # the learning rate, linearly to zero from half of each stage on
    betas: tuple[float, float] = (0.5, 0.999)
    adversary: Adversary = Adversary()
    # The weights of Eq. 8.
    reconstruction: float = 1.0  # of L_rec
    discriminator_matching: float = 10.0  # of L_DFM: lambda
    generator_matching: float = 10.0  # of L_GFM: mu
    adversarial: float = 1.0  # of L_adv
    perceptual: float = 0.0  # of ST-LPIPS beside L_rec: not in the paper
    vgg: float = 0.0  # of pix2pixHD's perceptual loss: not in the paper
    ema_images: float = 1_000  # half-life of the moving average of the generators; 0 for none
    # Readings of the paper that benchmarks/paired.py compares.
    pooling: tuple[int, ...] = WIDTHS_AT_256  # r_i of Eq. 1
    body_learns_from_main: bool = True  # in stage 3; else G_m's photo moves its own layers alone
    model: Model = "ours"  # see `for_model`

    @property
    def depth(self) -> int:
        """Halvings that make one pixel of the smallest photos: the depth of pix2pix's U-Net."""
        return min(phase.resolution for phase in self.phases).bit_length() - 1


# Section 4.1. The length of the stages is not given: three days on four GTX 1080 Ti are about this.
PAPER = Recipe(
    name="paper",
    width=64,
    cap=1024,
    discriminator_width=64,
    discriminator_cap=512,
    distortion=Distortion(),
    phases=(
        Phase(CLASSIFIER, 256, 60_000, 32),
        Phase(STAGE_1, 256, 1_500_000, 32),
        Phase(STAGE_2, 256, 500_000, 32),
        Phase(STAGE_3, 256, 1_000_000, 32),
    ),
)

# Two CPU cores, two and a half hours. The body learns 256 px in stage 1 already,
# where a photo costs half of what it costs in stage 3. So short a training is steadier with more
# weight on L_rec and with the hinge loss than with the paper's choices.
SMALL = Recipe(
    name="small",
    width=32,
    cap=256,
    discriminator_width=48,
    discriminator_cap=256,
    distortion=Distortion(varied_share=0.5, freehand_share=0.6),
    phases=(
        Phase(CLASSIFIER, 256, 4_000, 16),
        Phase(STAGE_1, 128, 24_000, 8),
        Phase(STAGE_1, 256, 12_000, 4),
        Phase(STAGE_2, 256, 3_000, 4),
        Phase(STAGE_3, 256, 11_400, 4),
    ),
    bfloat16=True,
    compiled=True,
    adversary=Adversary(loss="hinge"),
    reconstruction=10.0,
    ema_images=3_000,
)

# SMALL with what the field has learnt since 2020; what each part does is in docs/performance.md.
MODERN = replace(
    SMALL,
    name="modern",
    adversary=Adversary(loss="hinge", augment=True),
    perceptual=4.0,
    decays=False,
)

# The local enhancer, trained on its own around the generator of a finished SMALL.
SMALL_512 = replace(SMALL, name="small-512", phases=(Phase(ENHANCER, 512, 8_000, 4),))

# The experiment of section 4 on two CPU cores, twenty minutes a model: the paper's S_dfm, and the
# loss weights of SMALL, without which so short a training compares blotches.
COMPARE = replace(
    SMALL,
    name="compare",
    distortion=Distortion(),
    phases=(
        Phase(CLASSIFIER, 128, 4_000, 16),
        Phase(STAGE_1, 128, 10_000, 8),
        Phase(STAGE_2, 128, 2_500, 8),
        Phase(STAGE_3, 128, 7_500, 8),
    ),
)

# Seconds: every stage and a change of resolution, for tests.
TINY = Recipe(
    name="tiny",
    width=4,
    cap=8,
    discriminator_width=4,
    discriminator_cap=8,
    distortion=Distortion(varied_share=0.5, freehand_share=0.5),
    phases=(
        Phase(CLASSIFIER, 32, 8, 2),
        Phase(STAGE_1, 32, 8, 2),
        Phase(STAGE_2, 32, 8, 2),
        Phase(STAGE_3, 32, 8, 2),
        Phase(STAGE_3, 64, 4, 2),
    ),
)

RECIPES = {recipe.name: recipe for recipe in (PAPER, SMALL, MODERN, SMALL_512, COMPARE, TINY)}


# The objective of pix2pixHD [28] for what `baseline` trains: least squares and features of D, both
# summed over the scales or the layers where Eq. 5 and 6 have means over three and four, and VGG.
PIX2PIXHD: dict[str, Any] = {
    "adversary": Adversary(loss="least squares"),
    "reconstruction": 0.0,
    "adversarial": 3.0,
    "discriminator_matching": 40.0,
    "perceptual": 0.0,
    "vgg": 10.0,
    "ema_images": 0,
}


def for_model(recipe: Recipe, model: Model) -> Recipe:
    """The recipe for a rival (models/build.py): as many photos of every resolution, its stages.

    C is trained beforehand where there is SAP. pix2pix has losses of its own. Raises InputError if
    the recipe trains the enhancer, and the model is not ours.
    """
    if model == "ours":
        return recipe
    if any(phase.stage == ENHANCER for phase in recipe.phases):
        raise InputError(f"recipe {recipe.name} is for our model alone: leave out --model {model}")
    recipe = replace(recipe, model=model)
    for_c = tuple(phase for phase in recipe.phases if phase.stage == CLASSIFIER)
    shown = tuple(phase for phase in recipe.phases if phase.stage != CLASSIFIER)
    if model == "dual-only":
        return replace(recipe, phases=shown)
    if model == "baseline":
        return replace(recipe, phases=_in_one_stage(shown, STAGE_1))
    if model == "pix2pixhd":
        return replace(recipe, phases=_in_one_stage(shown, STAGE_1), **PIX2PIXHD)
    if model == "baseline-deform":
        return replace(recipe, phases=_in_one_stage(shown, CLEAN_AND_DEFORMED))
    if model == "sap-only":
        return replace(recipe, phases=for_c + _in_one_stage(shown, CLEAN_AND_DEFORMED))
    return replace(
        recipe,
        phases=_in_one_stage(shown, PIX2PIX),
        adversary=Adversary(),
        reconstruction=100.0,  # the weight of L_1 in [10]
        perceptual=0.0,
    )


def _in_one_stage(phases: tuple[Phase, ...], stage: str) -> tuple[Phase, ...]:
    """The same photos, with phases that differed in nothing but the stage made one."""
    alike = groupby(phases, lambda phase: (phase.resolution, phase.batch))
    return tuple(
        Phase(stage, resolution, sum(phase.images for phase in some), batch)
        for (resolution, batch), some in alike
    )
