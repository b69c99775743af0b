"""Drawings that the page cannot read by itself: any image or SVG -> strokes for the page.

What comes from outside is bytes from first to last: it gets no name and no place on disk.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..sketch import svg
from ..sketch.lines import points_of
from ..sketch.place import centre
from ..sketch.strokes import Strokes
from .protocol import fitted, read_json, read_strokes

MAX_UPLOAD = 25_000_000  # bytes: a phone's picture of a sheet of paper has 5 million
EXAMPLES = Path(__file__).parent / "examples"


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


def place_message(data: bytes) -> bytes:
    """`place` for the strokes in a message, as JSON."""
    return json.dumps(place(read_json(data).get("strokes"))).encode()


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
