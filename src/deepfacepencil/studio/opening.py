"""Drawings that the page cannot read by itself: any image or SVG -> strokes for the page.

What comes from outside is bytes from first to last: it gets no name and no place on disk.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime.reading import Reader
from ..sketch import svg
from ..sketch.lines import points_of
from ..sketch.place import centre
from ..sketch.strokes import Strokes
from .protocol import fitted, read_strokes

MAX_UPLOAD = 25_000_000  # bytes: a phone's picture of a sheet of paper has 5 million
EXAMPLES = Path(__file__).parent / "examples"


def open_drawing(data: bytes, reader: Reader) -> list[list[float]]:
    """The strokes in an SVG or image, placed like a training face; InputError for the unusable."""
    return points_of(reader.strokes(data, "This file"))


def place(strokes: object) -> dict[str, float]:
    """What brings drawn strokes to the training crop: point * scale + (right, down)."""
    drawn = fitted(read_strokes(strokes), {})
    if not len(drawn):
        return {"scale": 1, "right": 0, "down": 0}
    placed = centre(drawn).points
    extent, to = (float(np.ptp(points, axis=0).max()) for points in (drawn.points, placed))
    scale = to / extent
    right, down = placed.mean(axis=0) - scale * drawn.points.mean(axis=0)
    return {"scale": scale, "right": float(right), "down": float(down)}


@cache
def examples() -> list[dict[str, Any]]:
    """The starting drawings: a name and strokes each. None where they are not installed."""
    files = sorted(EXAMPLES.glob("*.svg"))
    return [
        {"name": file.stem[3:].replace("-", " "), "strokes": points_of(_simple(svg.load(file)))}
        for file in files
    ]


def _simple(strokes: Strokes) -> Strokes:
    """Without what is off the paper altogether."""
    return strokes.select(np.array([bool((abs(chain - 256) < 256).any()) for chain in strokes]))
