"""How far a test sketch is from what was trained with: the levels of section 4.3.1, and two more.

Deformation by d as in the paper; strokes wider than the pen, and strokes left out, as scans and
people have them. On each of these axes the other two stay as they are in S_syn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sketch.deform import deform
from ..sketch.pen import PEN_WIDTH, draw
from ..sketch.strokes import Strokes

# Axes of the curves, and what they count.
AXES = {
    "d": "deformation d (pixels of the 512 canvas)",
    "width": "stroke width (widths of the pen)",
    "missing": "strokes left out (per cent)",
}


@dataclass(frozen=True)
class Level:
    """One place on one axis."""

    d: float = 0.0  # the maximum offset
    width: float = 1.0  # of the strokes, in widths of the pen
    missing: float = 0.0  # per cent of the strokes that are left out

    @property
    def axis(self) -> str:
        """The axis of the curves that this is on; the clean sketch is the first of all."""
        return next((axis for axis in AXES if getattr(self, axis) != getattr(CLEAN, axis)), "d")

    @property
    def name(self) -> str:
        """For names of files."""
        return f"{self.axis}-{getattr(self, self.axis):g}"

    @property
    def label(self) -> str:
        if self.width != 1:
            return f"pen {self.width:g}x"
        return f"{self.missing:g} % missing" if self.missing else f"d = {self.d:g}"

    def sketch(self, strokes: Strokes, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """S_syn at this level as a network sees it: (size, size), 0 for paper to 255 for stroke.

        With the same `rng`, what moves far at a small d moves further at a large one, and what is
        missing stays missing when more is.
        """
        order = rng.permutation(len(strokes))
        kept = order >= round(len(strokes) * self.missing / 100)
        moved = deform(strokes, rng, self.d).select(kept)
        return draw(moved, size, self.width * PEN_WIDTH)


CLEAN = Level()
DEFORMATION = tuple(Level(d=d) for d in (0, 5, 11, 20, 30))
WIDTHS = tuple(Level(width=width) for width in (2, 4))
MISSING = tuple(Level(missing=share) for share in (10, 25, 50))
