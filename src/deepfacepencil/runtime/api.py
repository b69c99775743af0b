"""A drawing -> a photo in one call, for programs: what the package exports as `draw`."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..budget import read_file
from ..provenance import Made
from ..sketch.strokes import Strokes
from .appearance import appearance_said
from .engine import BUNDLED, RESOLUTION, Engine
from .reading import shared
from .settings import Asked, Settings, own_seed, read_settings


def draw(
    drawing: str | Path | Strokes,
    *,
    tolerance: NDArray[np.floating] | float | None = None,
    seed: int | None = None,
    size: int = RESOLUTION,
    model: Path = BUNDLED,
    **looks: str | float,
) -> Image.Image:
    """The photo of a drawing: a file of any kind that `generate` takes, or strokes.

    `looks` are skin, hair, lips, clothes, backdrop, age and sex, as `generate` takes them;
    `tolerance`, `seed` and `size` as Engine does. What is None is what the drawing says itself; of
    the seed, else, one of its lines. Saved, the photo says that it is made.
    Raises InputError for what cannot be used.
    """
    asked = Asked(appearance_said(**looks), seed, size)
    engine = _engine(model)
    if isinstance(drawing, Strokes):
        strokes, said = drawing, Settings(seed=own_seed(drawing))
    else:
        path = Path(drawing)
        data = read_file(path)
        strokes = shared().strokes(data, str(path))
        said = read_settings(data, own_seed(strokes))
    wanted = asked.of(said)
    if not engine.listens and asked.options():
        options = ", ".join(option.removeprefix("--") for option in asked.options())
        print(f"this model hears lines alone, not {options}", file=sys.stderr)
    wish = wanted.tolerance if tolerance is None else tolerance
    return Made.of(engine(strokes, wish, wanted.appearance, wanted.seed, asked.size).photo)


@cache
def _engine(model: Path) -> Engine:
    return Engine(model)
