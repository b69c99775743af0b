"""What is printed on paper, and what crosses it: rules, squares, hatching, folds, frames -> gone.

Many straight lines side by side are a paper's rules, or a tone that somebody hatched with a ruler;
a straight line from border to border is a fold, a margin or an edge. None of them is a line of a
face. What a pen drew across them stays whole.
"""

from collections.abc import Iterator, Sequence
from functools import cache, reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from .around import SQUARE, grown, highest, lowest
from .strokes import CANVAS, Strokes
from .tone import noise_of

_BINS = 360  # directions, over half a turn
_PALE = 0.1
_PEAK = 4.0  # times the usual power in a direction, from where on it is looked at
_MOST_DIRECTIONS = 6
_PIECE = 61  # pixels that a rule is straight for at least
_BENT = 3  # pixels: what strays further from a straight line is no rule of a file, but a strand
_LEAST = 0.03  # ink that is drawn
_THIN = 7  # pixels: what is thicker is no rule
_DOTS, _DOT = 16, 12  # dots of a paper at least, and pixels that they are large at most
_FAMILY = 5  # rules side by side at least
_ACROSS = 0.55  # of the page: what is as long is a fold or a frame, however few there are
_OF_PAGE = 0.8  # of a narrow page, the same
_SIDE = 2 * int(np.ceil(CANVAS * 2**0.5 / 2)) + 2  # of a square that the canvas can turn in


def without_rules(ink: NDArray[np.float32], page: float = CANVAS) -> NDArray[np.float32]:
    """Ink (CANVAS, CANVAS) in 0..1 without what is ruled; `page` is the paper's smaller side."""
    reach = min(_ACROSS * CANVAS, _OF_PAGE * page)
    noise = noise_of(ink)
    ink = _without_dots(ink, noise)
    found = [_ruled(ink, direction, noise, reach) for direction in _directions(ink)]
    strength = reduce(np.maximum, [one for one in found if one is not None], np.zeros_like(ink))
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


def are_rules(strokes: Strokes) -> NDArray[np.bool_]:
    """(strokes,): which are straight, and across most of the page or many side by side."""
    found = np.zeros(len(strokes), bool)
    straight: dict[int, tuple[float, NDArray[np.float32]]] = {}  # their degrees, and what is seen
    for index, line in enumerate(strokes.polylines()):
        chord = line[-1] - line[0]
        length = np.linalg.norm(chord)
        bent = np.abs((line - line[0]) @ (-chord[1], chord[0])).max() / max(length, 1)
        if length > _PIECE and bent < _BENT:
            seen = line[0] + np.linspace(0, 1, 65)[:, None] * chord
            seen = seen[((seen >= 0) & (seen <= CANVAS)).all(axis=1)]
            if len(seen) > 1:
                straight[index] = float(np.degrees(np.arctan2(chord[1], chord[0]))) % 180, seen
    for direction in {round(degrees) for degrees, _ in straight.values()}:
        along = np.array([np.cos(np.radians(direction)), np.sin(np.radians(direction))])
        bars = []
        for index, (degrees, seen) in straight.items():
            if abs((degrees - direction + 90) % 180 - 90) < 1.5:
                places = seen @ along
                row = float(seen.mean(axis=0) @ [-along[1], along[0]])
                bars.append(_Bar(index, row, int(places.min()), int(places.max()), 1.0))
        for bar in [*_family(bars), *(bar for bar, _ in _long(bars))]:
            found[bar.part] = True
    return found


def _without_dots(ink: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """Without the dots of a paper: alike, and as far from each other as the next."""
    parts, count = ndimage.label(ink > max(0.05, 4 * noise), SQUARE)
    if count < _DOTS:
        return ink
    area = np.bincount(parts.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(parts)
    sides = np.array([[along.stop - along.start for along in box] for box in boxes])
    small = (sides <= _DOT).all(axis=1) & (sides.max(axis=1) <= 2 * sides.min(axis=1))
    usual = np.median(area[1:][small]) if small.any() else 0
    alike = small & (area[1:] > usual / 3) & (area[1:] < 3 * usual)
    if alike.sum() < _DOTS:
        return ink
    middles = np.array([[(along.stop + along.start) / 2 for along in box] for box in boxes])[alike]
    tree = cKDTree(middles)
    nearest = tree.query(middles, 2)[0][:, 1]
    step = np.median(nearest)
    slack = max(0.12 * step, 1.0)
    if (np.abs(nearest - step) < slack).mean() < 0.6 or step < 2 * np.median(sides[alike]):
        return ink
    # Where pen strokes took some, a neighbour is further off, or across a corner.
    away = tree.query(middles, 9)[0][:, 1:, None] / step - [1, 2**0.5, 2]
    regular = (np.abs(away) < slack / step).any(axis=(1, 2))
    dots = np.zeros(count + 1, bool)
    dots[1 + np.flatnonzero(alike)[regular]] = True
    return np.where(grown(dots[parts], 2), 0, ink).astype(np.float32)


def _across(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink that lies on two opposite sides of each pixel, within a rule's width."""
    spread = highest(ink, 3, 3)
    found = np.zeros_like(ink)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        for reach in (2, 3, 4):
            sides = [np.roll(spread, (k * down, k * right), (0, 1)) for k in (-reach, reach)]
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


def _ruled(
    ink: NDArray[np.float32], direction: float, noise: float, reach: float
) -> NDArray[np.float32] | None:
    """How dark the rules in one direction are, if there are any; they are `reach` long."""
    level = direction % 90 == 0
    before, after = (0, 0) if level else ((_SIDE - CANVAS) // 2, (_SIDE - CANVAS + 1) // 2)
    turned = _turned(np.pad(ink, (before, after)), direction)
    inked = turned > _LEAST
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    # Rules are where ink is, and nothing reaches further than this around it.
    here = tuple(
        slice(max(0, at[0] - _PIECE // 2), at[-1] + _PIECE // 2 + 1) for at in (rows, columns)
    )
    found = _rules(turned[here], noise, reach)
    if found is None:
        return None
    rules = np.zeros_like(turned)
    rules[here] = found
    inner = slice(before, before + CANVAS)
    return _turned(highest(rules, 3, 1), -direction)[inner, inner]


def _rules(level: NDArray[np.float32], noise: float, reach: float) -> NDArray[np.float32] | None:
    """How dark the rules are, if there are any, in ink in which they lie level."""
    thin = level - highest(lowest(level, _THIN, 1), _THIN, 1)
    drawn = thin > max(_LEAST, 3 * noise)
    near = np.pad(highest(drawn, 3, 1), ((0, 0), (_PIECE // 2 + 1, _PIECE // 2)))
    total = near.cumsum(axis=1, dtype=np.int32)
    full = total[:, _PIECE:] - total[:, :-_PIECE] > 0.9 * _PIECE
    if not full.any():
        return None
    straight = highest(full, 1, _PIECE) & drawn
    # Parts of a line that strokes interrupt are one line.
    joined = highest(straight, 1, 9)
    parts, count = ndimage.label(joined, SQUARE)
    bars = []
    for index, (down, right) in enumerate(ndimage.find_objects(parts), 1):
        length, height = right.stop - right.start, down.stop - down.start
        if length >= _PIECE and height <= 3 + 0.06 * length:
            middle = (down.start + down.stop) / 2
            own = straight[down, right] & (parts[down, right] == index)
            dark = float(np.median(np.where(own, level[down, right], 0).max(axis=0)))
            bars.append(_Bar(index, middle, right.start, right.stop, dark))
    strength = np.zeros(count + 1, np.float32)
    family = _family(bars, reach)
    for bar, dark in _long(bars):
        strength[bar.part] = dark
    for bar in family:
        # A pen that goes along a rule for a while is no rule.
        strength[bar.part] = min(bar.dark, 1.8 * np.median([other.dark for other in family]))
    return np.where(straight, strength[parts], 0) if strength.any() else None


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
        mates = [o for o in bars if abs(o.row - bar.row) < 0.01 * abs(o.left - bar.left) + 3]
        reach = max(mate.right for mate in mates) - min(mate.left for mate in mates)
        # Lines of a face may lie on one level by chance, with much between them.
        if _length(mates) >= max(_ACROSS * CANVAS, 0.75 * reach):
            longest = max(mates, key=lambda mate: mate.right - mate.left)
            yield bar, longest.dark


def _family(bars: Sequence[_Bar], shortest: float = 0) -> list[_Bar]:
    """Lines side by side at equal distances, equally dark, half of them at least `shortest`."""
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
    step = max(gaps, key=lambda gap: _regular(gaps, gap).sum())
    fits = _regular(gaps, step)
    if fits.sum() + 1 < _FAMILY or fits.mean() < 0.6:
        return []
    # The sides of a face, of its hair and its nose are short for how far apart they are.
    if np.median([_length(row) for row in rows]) < 3 * step:
        return []
    reach = [max(bar.right for bar in row) - min(bar.left for bar in row) for row in rows]
    if np.median(reach) < shortest:
        return []  # short lines hatch an area, if anything
    return [bar for row in rows for bar in row]


def _regular(gaps: NDArray[np.float64], step: float) -> NDArray[np.bool_]:
    """Which gaps are one, two or three steps."""
    times = np.round(gaps / step).clip(1, 3)
    return np.abs(gaps - times * step) < 0.15 * step + 0.5
