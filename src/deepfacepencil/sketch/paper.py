"""What is printed on paper, and what crosses it: rules, squares, hatching, folds, frames -> gone.

Many straight lines side by side are a paper's rules, or a tone that somebody hatched with a ruler;
a straight line from border to border is a fold, a margin or an edge. None of them is a line of a
face. What a pen drew across them stays whole.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from .strokes import CANVAS

_BINS = 360  # directions, over half a turn
_PALE = 0.1
_PEAK = 4.0  # times the usual power in a direction, from where on it is looked at
_MOST_DIRECTIONS = 6
_PIECE = 61  # pixels that a rule is straight for at least
_THIN = 7  # pixels: what is thicker is no rule
_FAMILY = 5  # rules side by side at least
_ACROSS = 0.55  # of the page: what is as long is a fold or a frame, however few there are
_SIDE = 2 * int(np.ceil(CANVAS * 2**0.5 / 2)) + 2  # of a square that the canvas can turn in


def without_rules(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ink (CANVAS, CANVAS) in 0..1 without what is ruled."""
    strength = np.zeros_like(ink)
    for direction in _directions(ink):
        strength = np.maximum(strength, _ruled(ink, direction))
    rules = strength > 0
    if not rules.any():
        return ink
    beside = np.where(rules, 0, ink)
    if not beside.any():
        return beside
    # A pen's ink over a rule is darker; where it is not, it goes on at both sides.
    pen = np.percentile(beside[beside > 0.05], 90) if (beside > 0.05).any() else 1.0
    kept = np.where(ink > strength + 0.3 * pen, ink, _across(beside))
    return np.where(rules, np.where(kept > 0.25 * pen, kept, 0), ink).astype(np.float32)


def _across(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink that lies on two opposite sides of each pixel, within a rule's width."""
    spread = ndimage.maximum_filter(ink, 3)
    found = np.zeros_like(ink)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        sides = [np.roll(spread, (k * down, k * right), (0, 1)) for k in (-2, 2)]
        found = np.maximum(found, np.minimum(*sides))
    return found


def _directions(ink: NDArray[np.float32]) -> list[float]:
    """Degrees, clockwise from the right, in which much more is straight than in others."""
    window = np.hanning(CANVAS).astype(np.float32)
    ink = np.minimum(ink, _PALE)  # pale rules are as straight as dark lines
    power = np.abs(np.fft.rfft2((ink - ink.mean()) * window[:, None] * window)) ** 2
    bins, weights = _bins_of_frequencies()
    spread = np.bincount(bins, (power.ravel() * weights), _BINS)
    usual = np.median(spread)
    found: list[float] = []
    for place in np.argsort(spread)[::-1]:
        near = [spread[(place + shift) % _BINS] for shift in range(-4, 5)]
        if spread[place] < _PEAK * usual or len(found) == _MOST_DIRECTIONS:
            break
        if spread[place] == max(near):
            found.append(float(place) * 180 / _BINS)
    return found


@cache
def _bins_of_frequencies() -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each frequency of an rfft2, the direction of lines that have it, and its weight."""
    down = np.fft.fftfreq(CANVAS)[:, None]
    right = np.fft.rfftfreq(CANVAS)[None]
    radius = np.hypot(down, right)
    angle = np.degrees(np.arctan2(down, right)) + 90
    bins = np.round(angle / 180 * _BINS).astype(np.intp) % _BINS
    weights = ((radius > 8 / CANVAS) & (radius < 0.4)) * radius
    return bins.ravel(), weights.astype(np.float32).ravel()


def _turned(values: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """A square of values turned counterclockwise about its middle."""
    if degrees % 90 == 0:
        return np.rot90(values, round(degrees / 90))
    turned = Image.fromarray(values).rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32)


def _ruled(ink: NDArray[np.float32], direction: float) -> NDArray[np.float32]:
    """How dark the rules in one direction are, where there are any."""
    before, after = (_SIDE - CANVAS) // 2, (_SIDE - CANVAS + 1) // 2
    noise = 1.4826 * float(np.median(np.abs(ink - np.median(ink))))
    rules = _rules(_turned(np.pad(ink, (before, after)), direction), noise)
    if not rules.any():
        return np.zeros_like(ink)
    inner = slice(before, before + CANVAS)
    return _turned(ndimage.maximum_filter(rules, (3, 1)), -direction)[inner, inner]


def _rules(level: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """How dark the rules are, where there are any, in ink in which they lie level."""
    thin = level - ndimage.grey_opening(level, (_THIN, 1))
    drawn = thin > max(0.03, 3 * noise)
    near = ndimage.maximum_filter1d(drawn, 3, axis=0)
    full = ndimage.uniform_filter1d(near.astype(np.float32), _PIECE, axis=1) > 0.9
    straight = ndimage.maximum_filter1d(full, _PIECE, axis=1) & drawn
    # Parts of a line that strokes interrupt are one line.
    joined = ndimage.maximum_filter1d(straight, 9, axis=1)
    parts, count = ndimage.label(joined, np.ones((3, 3), bool))
    bars = []
    for index, (down, right) in enumerate(ndimage.find_objects(parts), 1):
        length, height = right.stop - right.start, down.stop - down.start
        if length >= _PIECE and height <= 3 + 0.06 * length:
            middle = (down.start + down.stop) / 2
            own = straight[down, right] & (parts[down, right] == index)
            dark = float(np.median(np.where(own, level[down, right], 0).max(axis=0)))
            bars.append(_Bar(index, middle, right.start, right.stop, dark))
    strength = np.zeros(count + 1, np.float32)
    family = _family(bars)
    for bar, dark in _long(bars):
        strength[bar.part] = dark
    for bar in family:
        # A pen that goes along a rule for a while is no rule.
        strength[bar.part] = min(bar.dark, 1.8 * np.median([other.dark for other in family]))
    return np.where(straight, strength[parts], 0)


class _Bar(NamedTuple):
    """A straight piece of a line that lies level."""

    part: int
    row: float
    left: int
    right: int
    dark: float


def _length(bars: Sequence[_Bar]) -> int:
    return sum(bar.right - bar.left for bar in bars)


def _long(bars: Sequence[_Bar]) -> Iterator[tuple[_Bar, float]]:
    """Lines across most of the page, in one piece or several on one level, and how dark."""
    for bar in bars:
        mates = [o for o in bars if abs(o.row - bar.row) < 0.02 * abs(o.left - bar.left) + 4]
        if _length(mates) >= _ACROSS * CANVAS:
            longest = max(mates, key=lambda mate: mate.right - mate.left)
            yield bar, longest.dark


def _family(bars: Sequence[_Bar]) -> list[_Bar]:
    """Lines side by side at equal distances, equally dark."""
    rows: list[list[_Bar]] = []
    for bar in sorted(bars, key=lambda bar: bar.row):
        if rows and bar.row - rows[-1][-1].row < 3:
            rows[-1].append(bar)
        else:
            rows.append([bar])
    for _ in range(2):  # the second time without what is not like the others
        if len(rows) < _FAMILY:
            return []
        dark = np.median([bar.dark for row in rows for bar in row])
        usual = np.median([_length(row) for row in rows])
        rows = [[bar for bar in row if 0.3 * dark < bar.dark < 2.5 * dark] for row in rows]
        rows = [row for row in rows if _length(row) > 0.35 * usual]
    levels = np.array([np.mean([bar.row for bar in row]) for row in rows])
    gaps = np.diff(levels)
    if len(rows) < _FAMILY:
        return []
    fits = max((_regular(gaps, gap) for gap in gaps), key=np.sum)
    if fits.sum() + 1 < _FAMILY or fits.mean() < 0.6:
        return []
    return [bar for row in rows for bar in row]


def _regular(gaps: NDArray[np.float64], step: float) -> NDArray[np.bool_]:
    """Which gaps are one, two or three steps."""
    times = np.round(gaps / step).clip(1, 3)
    return np.abs(gaps - times * step) < 0.15 * step + 0.5
