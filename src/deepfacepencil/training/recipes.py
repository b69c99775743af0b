"""What is trained for how long: PAPER, SMALL and TINY, one Python value per purpose.

A recipe is a list of phases. Each phase belongs to a stage of section 3.3 (stages.py) and shows a
number of photos at one resolution; a stage may have several phases, since the networks are
convolutional and move from 128 to 256 px with the same weights.
"""

from dataclasses import dataclass

from ..data.dataset import Distortion

CLASSIFIER, STAGE_1, STAGE_2, STAGE_3 = "classifier", "stage 1", "stage 2", "stage 3"


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which nothing changes but the weights."""

    stage: str
    resolution: int  # pixels
    images: int  # photos shown
    batch: int


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
    learning_rate: float = 2e-4  # decays linearly to zero from half of each stage on
    betas: tuple[float, float] = (0.5, 0.999)
    ema_images: float = 3_000  # half-life of the moving average of the generators


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

# Two CPU cores, two and a half hours: the bundled model.
SMALL = Recipe(
    name="small",
    width=32,
    cap=256,
    discriminator_width=48,
    discriminator_cap=256,
    distortion=Distortion(varied_share=0.5, freehand_share=0.6),
    phases=(
        Phase(CLASSIFIER, 256, 6_000, 16),
        Phase(STAGE_1, 128, 32_000, 16),
        Phase(STAGE_2, 128, 8_000, 16),
        Phase(STAGE_3, 128, 24_000, 16),
        Phase(STAGE_3, 256, 9_600, 8),
    ),
    bfloat16=True,
    compiled=True,
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

RECIPES = {recipe.name: recipe for recipe in (PAPER, SMALL, TINY)}
