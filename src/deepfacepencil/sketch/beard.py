"""Beards as people draw them, from where a face has one (beyond the paper; deviation F1).

Label maps know no beards, and few photos show single hairs. What a drawing has instead is a sign:
hatching, strands, dots, curls, a scribble, an outline or several of them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import find_contours

from .doodle import Line, circle
from .labels import CLASSES
from .strokes import CANVAS, Strokes, through

_SIZE = 128  # pixels of the map in which places are looked for
_SCALE = CANVAS / _SIZE
_LEAST = 150  # of its pixels: less is no beard
_SKIN, _NOSE = CLASSES.index("skin"), CLASSES.index("nose")
CELLS = 32  # of a side of a face
GROWS = 0.2  # of a cell that is skin: in less no beard grows
CHEEKS = (5, 8)  # cells: how far they reach above the lowest of the nose, and to its sides


def beard_strokes(beard: NDArray[np.floating], rng: np.random.Generator) -> Strokes:
    """Strokes for a beard: `beard` (s, s) says how bearded each cell is, from 0 to 1.

    Their classes are (skin, skin), as of all that is drawn on skin. None if there is hardly any.
    """
    zoomed = ndimage.zoom(np.asarray(beard, np.float32), _SIZE / len(beard), order=1)
    area = ndimage.gaussian_filter(zoomed, 2) > rng.uniform(0.3, 0.45)
    if area.sum() < _LEAST:
        return Strokes.of([], [])
    sign = _SIGNS[rng.choice(len(_SIGNS), p=_SHARES)]
    lines = sign(area, rng)
    if not lines or rng.random() < 0.4:
        lines = lines + _outline(area, rng)
    chains = [through(np.clip(line, 0, CANVAS)) for line in lines]
    return Strokes.of(chains, [(_SKIN, _SKIN)] * len(chains))


def spread_over(area: NDArray[np.bool_], apart: float, rng: np.random.Generator) -> Line:
    """Points of the area, about `apart` canvas pixels from each other, in random order."""
    grid = np.arange(0, CANVAS, apart)
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    points = np.clip(points + rng.uniform(-0.5, 0.5, points.shape) * apart, 0, CANVAS - 1)
    column, row = (points * (len(area) / CANVAS)).astype(np.intp).T
    return rng.permutation(points[area[row, column]])


def rings(
    area: NDArray[np.bool_],
    rng: np.random.Generator,
    sizes: tuple[float, float],
    gaps: tuple[float, float],
    turns: tuple[float, float],
) -> list[Line]:
    """Circles and parts of them, of these `turns` in degrees, all over the area.

    Their radii are about one of `sizes`, and so many times that, of `gaps`, lie between them.
    """
    size, lines = rng.uniform(*sizes), []
    for place in spread_over(area, rng.uniform(*gaps) * size, rng):
        begin, radii = rng.uniform(0, 360), size * rng.uniform(0.6, 1.2, 2)
        lines.append(circle(place, radii, begin, begin + rng.uniform(*turns)))
    return lines


def borders(area: NDArray[np.bool_], softness: float) -> list[Line]:
    """The borders of the area, blurred by so many of its pixels, as lines of the canvas."""
    smooth = ndimage.gaussian_filter(np.pad(area, 1).astype(np.float32), softness)
    scale = CANVAS / len(area)
    return [(contour[:, ::-1] - 0.5) * scale for contour in find_contours(smooth, 0.5)]


def _hairs(
    area: NDArray[np.bool_], rng: np.random.Generator, lengths: tuple[float, float], apart: float
) -> list[Line]:
    """Straight or bent strokes that hang, outwards on both sides, as beards grow."""
    middle = np.nonzero(area)[1].mean() * _SCALE
    outwards, bent = rng.uniform(0, 0.01), rng.uniform(0, 0.25)
    slant = rng.normal(0, 0.5) if rng.random() < 0.3 else None  # hatched by habit, all one way
    hairs = []
    for place in spread_over(area, apart, rng):
        lean = slant if slant is not None else outwards * (place[0] - middle) + rng.normal(0, 0.15)
        way = np.array([lean, 1.0]) * rng.uniform(*lengths) / np.hypot(lean, 1)
        side = np.array([way[1], -way[0]]) * rng.normal(0, bent)
        hairs.append(np.stack([place - way / 2, place + side / 2, place + way / 2]))
    return hairs


def _hatching(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    length = rng.uniform(6, 22)
    return _hairs(area, rng, (0.7 * length, 1.3 * length), rng.uniform(9, 20))


def _strands(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    return _hairs(area, rng, (20, 60), rng.uniform(18, 36))


def _dots(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    return _hairs(area, rng, (1.5, 4), rng.uniform(9, 18))


def _curls(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    return [ring[::2] for ring in rings(area, rng, (4, 11), (1.6, 3), (150, 400))]


def _scribble(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    """One line that goes to and fro, from one side to the other."""
    columns = np.flatnonzero(area.any(0))
    step = max(int(rng.uniform(6, 16) / _SCALE), 1)
    line, down = [], True
    for column in columns[::step]:
        rows = np.flatnonzero(area[:, column])
        line.append((column, rows[-1] if down else rows[0]))
        down = not down
    points = (np.array(line, float) + 0.5) * _SCALE + rng.normal(0, 2, (len(line), 2))
    return [points] if len(points) > 3 else []


def _nothing(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    """The outline has to say it."""
    return []


def _outline(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    """The area's borders, as smooth as a hand draws them; often only the upper ones."""
    lines = borders(area, rng.uniform(1, 2.5))
    return [np.concatenate([line[:-1:6], line[-1:]]) for line in lines if len(line) > 16]


_SIGNS: tuple[Callable[[NDArray[np.bool_], np.random.Generator], list[Line]], ...] = (
    _hatching, _strands, _dots, _curls, _scribble, _nothing,
)  # fmt: skip
_SHARES = (0.36, 0.24, 0.12, 0.12, 0.08, 0.08)


def cheeks_and_below(labels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of labels (S, S), how much of each cell of 32 px is cheek, and 1 where beards may grow.

    Both are zero where no nose is seen, or hardly any cheek.
    """
    nothing = np.zeros((CELLS, CELLS), np.float32)
    nose = np.argwhere(labels == _NOSE) / (len(labels) // CELLS)
    if not len(nose):
        return nothing, nothing
    skin = shares(labels == _SKIN)
    row, column = np.mgrid[:CELLS, :CELLS]
    above, aside = nose[:, 0].max() - 0.5 - row, np.abs(column - nose[:, 1].mean())
    cheeks = skin * ((above > 0) & (above < CHEEKS[0]) & (aside < CHEEKS[1]))
    if cheeks.sum() <= 1:
        return nothing, nothing
    return cheeks.astype(np.float32), ((skin > GROWS) & (above < 0)).astype(np.float32)


def shares(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much of each cell of 32 px a mask (S, S) has, (32, 32)."""
    pixels = len(mask) // CELLS  # of a cell, a side
    return mask.reshape(CELLS, pixels, CELLS, pixels).mean(axis=(1, 3))
