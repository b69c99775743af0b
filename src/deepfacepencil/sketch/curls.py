"""Curly hair: how curly a photo shows it, and how people draw it (beyond the paper; deviation F1).

The flow of curls is none, so no strand of `inner_strokes` shows them. Who draws curls has signs for
them: rings, coils, waves, a hem of bows.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .beard import borders, rings, spread_over
from .doodle import Line, circle
from .labels import CLASSES
from .strokes import CANVAS, Strokes, through

_HAIR = CLASSES.index("hair")
_EDGE = 6  # of 256 pixels: so far from its border hair is looked at
_LEAST = 1200  # of them: less hair says nothing
_FINE, _WIDE = 0.8, 5.0  # pixels in which gradients are taken, in which they have one direction
# Of how much they have one direction, and how strong they are: from what is not curly to what is.
_ALIGNED, _STRONG = (0.6, 0.35), (0.2, 0.4)
_SIZE = 128  # pixels of the map in which places are looked for
_LEAST_DRAWN = 300  # of its pixels


def curliness(photo: NDArray[np.uint8], labels: NDArray[np.uint8]) -> float:
    """How curly the hair of a photo (256, 256, 3) with these labels (256, 256) looks, 0 to 1.

    Curls have strong gradients without a common direction. Dark hair that is short has them too,
    so this is not enough to tell.
    """
    hair = ndimage.binary_erosion(labels == _HAIR, iterations=_EDGE)
    if hair.sum() < _LEAST:
        return 0.0
    light = ndimage.gaussian_filter(
        np.log(photo.astype(np.float32).mean(axis=2) / 255 + 0.08), _FINE
    )
    x, y = ndimage.sobel(light, 1), ndimage.sobel(light, 0)
    xx, yy, xy = (
        ndimage.gaussian_filter(product * hair, _WIDE) for product in (x * x, y * y, x * y)
    )
    strength = (xx + yy)[hair]
    aligned = np.hypot(xx - yy, 2 * xy)[hair].sum() / max(float(strength.sum()), 1e-9)
    return _from_to(float(aligned), _ALIGNED) * _from_to(float(strength.mean()), _STRONG)


def _from_to(x: float, bounds: tuple[float, float]) -> float:
    none, all_ = bounds
    return float(np.clip((x - none) / (all_ - none), 0, 1))


def curl_strokes(labels: NDArray[np.uint8], rng: np.random.Generator) -> Strokes:
    """Strokes for the curls of a face with these labels (S, S); their classes are (hair, hair)."""
    step = len(labels) / _SIZE
    at = ((np.arange(_SIZE) + 0.5) * step).astype(np.intp)
    area = ndimage.binary_erosion(labels[np.ix_(at, at)] == _HAIR, iterations=1)
    if area.sum() < _LEAST_DRAWN:
        return Strokes.of([], [])
    lines = _SIGNS[rng.choice(len(_SIGNS), p=_SHARES)](area, rng)
    if not lines or rng.random() < 0.35:
        lines = lines + _hem(area, rng)
    kept = [through(np.clip(line, 0, CANVAS)) for line in lines]
    return Strokes.of(kept, [(_HAIR, _HAIR)] * len(kept))


def _rings(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    """Circles and parts of them."""
    return rings(area, rng, (7, 20), (1.7, 3.2), (140, 400))


def _coils(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    """Spirals, or locks: loops that hang in a row."""
    size, lines, locks = rng.uniform(8, 18), [], rng.random() < 0.5
    for place in spread_over(area, rng.uniform(2, 3.6) * size, rng):
        turns = rng.uniform(1.2, 2.6)
        turn = np.linspace(0, 2 * np.pi * turns, int(10 * turns))[:, None]
        way = np.concatenate([np.cos(turn), np.sin(turn)], axis=1)
        if locks:
            fall = np.linspace(0, 1.4 * size * turns, len(turn))[:, None] * np.array([0.0, 1.0])
            lines.append(place + 0.5 * size * way + fall)
        else:
            lines.append(place + size * way * np.linspace(0.1, 1, len(turn))[:, None])
    return lines


def _waves(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    """Lines that hang and wave, one beside the other."""
    size, lines = rng.uniform(6, 14), []
    for place in spread_over(area, rng.uniform(3, 5) * size, rng):
        length, wave = size * rng.uniform(3, 8), size * rng.uniform(2.2, 4)
        down = np.linspace(0, length, max(int(length / 5), 5))
        side = 0.5 * size * np.sin(2 * np.pi * (down / wave + rng.random()))
        lines.append(place + np.stack([side, down - length / 2], axis=1))
    return lines


def _hem(area: NDArray[np.bool_], rng: np.random.Generator) -> list[Line]:
    """Bows or loops along the borders of the hair, as of a cloud."""
    size, lines = rng.uniform(9, 20), []
    for line in borders(area, 1.5):
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        if along[-1] < 6 * size:
            continue
        every = np.linspace(0, along[-1], int(along[-1] / (1.6 * size)) + 1)
        joints = np.stack([np.interp(every, along, line[:, axis]) for axis in (0, 1)], axis=1)
        for joint in joints:
            begin, radii = rng.uniform(0, 360), size * rng.uniform(0.7, 1.2, 2)
            lines.append(circle(joint, radii, begin, begin + rng.uniform(160, 330)))
    return lines


_SIGNS: tuple[Callable[[NDArray[np.bool_], np.random.Generator], list[Line]], ...] = (
    _rings, _coils, _waves, _hem,
)  # fmt: skip
_SHARES = (0.4, 0.25, 0.15, 0.2)
