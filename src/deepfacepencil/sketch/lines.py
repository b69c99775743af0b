"""Strokes on their way out: as the SVG of a file, and as the points that the page draws with.

What a drawing on the page may have at most. Reading either is svg.py and studio/protocol.py.
"""

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .strokes import CANVAS, Strokes

MAX_STROKES = 2_000
MAX_POINTS = 40_000
REACH = CANVAS  # how far beyond the paper a stroke may go


def points_of(strokes: Strokes) -> list[list[float]]:
    """Strokes as the page draws them, a point at least every 6 pixels: [x, y, x, y, ...] each.

    Raises InputError for more than a frame may have.
    """
    lines: list[NDArray[np.float32]] = []
    points = 0
    for chain in strokes:
        curves = np.stack([chain[i : len(chain) - 3 + i : 3] for i in range(4)], axis=1)
        lengths = np.hypot(*np.moveaxis(np.diff(curves, axis=1), 2, 0)).sum(axis=1)
        counts = np.ceil(lengths / 6).clip(1, MAX_POINTS).astype(int)
        points += 1 + int(counts.sum())
        if len(lines) == MAX_STROKES or points > MAX_POINTS:
            raise InputError("more strokes than the studio can hold: simplify the drawing")
        line = [chain[:1]]
        for curve, count in zip(curves, counts, strict=True):
            t = np.arange(1, count + 1)[:, None] / count
            weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
            line.append((weights @ curve).astype(np.float32))
        lines.append(np.concatenate(line).clip(-REACH, CANVAS + REACH))
    return [[round(float(value), 1) for value in line.ravel()] for line in lines]


def to_svg(strokes: Strokes) -> str:
    """The drawing as an SVG document: black on white, a path for each stroke, to 0.01 pixel."""
    paths = []
    for chain, (one, other) in zip(strokes, strokes.classes, strict=True):
        start, *rest = (f"{x:.2f} {y:.2f}" for x, y in chain)
        paths.append(f'<path data-classes="{one} {other}" d="M{start}C{" ".join(rest)}"/>\n')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}"'
        f' width="{CANVAS}" height="{CANVAS}">\n'
        f'<rect width="{CANVAS}" height="{CANVAS}" fill="#fff"/>\n'
        f'<g fill="none" stroke="#000" stroke-linecap="round">\n{"".join(paths)}</g>\n</svg>\n'
    )
