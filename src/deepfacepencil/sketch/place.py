"""A drawing's place on the canvas: where its face is, and what brings it to the training crop.

The networks have seen faces in one place and size only (the crop of CelebA-HQ, section 4.1). The
face is found as an outline with features in it, else by comparing where strokes are, and where none
are, with the average face.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.fft import irfft2, next_fast_len, rfft2

from . import pen
from .around import SQUARE
from .strokes import CANVAS, Strokes, through

# Where the features of 1,600 training faces are on the canvas (medians; standard deviations of 2 px
# for eyes, 7 for brows, 8 for the mouth's height, 20 for the sides and the chin): ellipses as
# centre, radii, from and to degrees, clockwise from the right.
AVERAGE_FACE = (
    ((256, 281), (140, 195), -25, 205),  # from ear to ear along the chin
    ((319, 241), (23, 9), 0, 360),  # eyes
    ((193, 241), (23, 9), 0, 360),
    ((326, 212), (44, 10), 180, 360),  # brows
    ((186, 212), (44, 10), 180, 360),
    ((256, 322), (42, 16), 0, 180),  # the nose's underside
    ((256, 381), (58, 23), 0, 360),  # lips, and the line between them
    ((256, 381), (58, 4), 0, 180),
)
_LOOK = 48  # cells per side in which faces are looked for: people place features to a cell (11 px)
_FINE = 8  # pixels per cell of the raster that cells are made of
_WINDOW = (slice(15, 47), slice(8, 40))  # cells of the average face, brows to chin
_SCALES = np.exp(np.arange(-3, 12) * 0.12)  # 0.7 to 3.7
_FULL = 0.85 * CANVAS  # what a drawing fills at least once its face is placed
# Drawings that had the training crop scored at least this share of the best place, others less.
_GOOD_ENOUGH = 0.6
_NO_FACE = 0.15  # drawings of faces score 0.2 to 0.5
# Drawings that are the right way up score less than this much only if they are of no usual face.
_UNSURE = 0.25
_TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
# What is turned scores that much at least, times as much as before, and as when turned the other
# way. No drawing of 37 that was the right way up did.
_SURE, _SURELY, _RATHER = 0.27, 1.4, 1.15
# Eyes from each other and from the mouth, in shares of that size, as the crop of training faces has
# them at most: it holds both in bounds, and a face drawn longer or wider comes out smaller.
_APART, _BELOW = 145 / 335, 150 / 335
_NEARLY, _MOST_TIMES = 1.1, 1.3  # times so far do no harm; more is something else than a face's
_LINE, _GAP = 3, 7  # pixels of half the canvas: what a line closes, and what a pen may leave open
_FEATURES = 4  # apart from each other in an outline make a face of it: eyes, a mouth, a nose, brows
# Middle and size (square root of width x height) of such outlines, without hair and ears, in
# drawings that had the training crop; medians.
_OUTLINE, _OUTLINE_SIZE = (256, 278), 335
_FAR, _OTHER = 70, 1.4  # pixels and times that such an outline is off at most


def centre(strokes: Strokes, anew: bool = False, scanned: bool = False) -> Strokes:
    """The drawing moved and scaled so that its face is where the training faces are.

    The face is an outline with features in it, else where strokes are and where none are. What fits
    already stays as it is, unless it is to be placed `anew`. What was `scanned` may lie on its side
    or its head.
    """
    strokes, extent, enlarged = _large_enough(strokes)
    anew |= enlarged
    raster = _raster_of(strokes)
    places = [_best_place(raster, scale, extent) for scale in _SCALES]
    best = max(range(len(places)), key=lambda k: places[k].score)
    found = places[best]
    if scanned and found.score < _UNSURE:
        turned = _upright(strokes, found.score)
        if turned is not strokes:
            return centre(turned, anew=True)
    if found.score < _NO_FACE:
        return strokes
    here = _score_here(raster, extent)
    outline = _outlined_face(strokes)
    if not anew and here >= _GOOD_ENOUGH * found.score:
        if not outline or not _is_off(outline):
            return strokes
        moved = _by_outline(strokes, outline)
        return moved if _score_here(_raster_of(moved), extent) > here else strokes
    if outline:
        placed = _by_outline(strokes, outline)
    else:  # between two scales, about the middle of the face
        step = _peak(np.array([place.score for place in places]), best) - best
        scale = found.scale * (_SCALES[1] / _SCALES[0]) ** step
        middle = np.array(AVERAGE_FACE[0][0])
        face = (middle - (found.right, found.down)) / found.scale
        placed = strokes.with_points((strokes.points - face) * scale + middle)
    # An outline is found more easily, and whole, where it is large.
    outline = _outlined_face(placed, whole=False)
    if outline:
        return _by_outline(placed, outline)
    # A thick pen joins eyes to brows, and those to the hair.
    outline = _outlined_face(placed, whole=False, features=1)
    if outline and not _is_off(outline):
        moved = _by_outline(placed, outline)
        there, here = (_score_here(_raster_of(drawing), extent) for drawing in (moved, placed))
        return moved if there >= _GOOD_ENOUGH * here else placed
    return placed


def _by_outline(strokes: Strokes, outline: tuple[float, float, float]) -> Strokes:
    """The drawing with this outline (middle and size) where those of training faces are."""
    face, scale = np.array(outline[:2]), _OUTLINE_SIZE / outline[2]
    return strokes.with_points((strokes.points - face) * scale + _OUTLINE)


def _is_off(outline: tuple[float, float, float]) -> bool:
    """Whether an outline is where, or as large as, none is in a drawing with the training crop."""
    away = np.abs(np.array(outline[:2]) - _OUTLINE).max()
    return bool(away > _FAR or not 1 / _OTHER < outline[2] / _OUTLINE_SIZE < _OTHER)


def _upright(strokes: Strokes, score: float) -> Strokes:
    """The drawing turned by a quarter, a half or three of a circle, if it surely is a face then.

    `score` is how much of a face there is now.
    """
    raster = _raster_of(strokes)
    extent = float(np.ptp(strokes.points, axis=0).max())
    scores = [score]
    for turn in _TURNS:
        turned = raster.transpose(turn)
        scores.append(max(_best_place(turned, scale, extent).score for scale in _SCALES[::3]))
    best = int(np.argmax(scores))
    if scores[best] < max(_SURE, _SURELY * score, _RATHER * scores[(best + 2) % 4]):
        return strokes
    x, y = (strokes.points - CANVAS / 2).T
    points = [(x, y), (y, -x), (-x, -y), (-y, x)][best]
    return strokes.with_points(np.stack(points, axis=1) + np.float32(CANVAS / 2))


def _raster_of(strokes: Strokes) -> Image.Image:
    """The drawing in which a face is looked for."""
    return Image.fromarray(pen.draw(strokes, _LOOK * _FINE))


def _score_here(raster: Image.Image, extent: float) -> float:
    """How well a face is where the training faces are."""
    return float(_scores(raster, _LOOK, extent)[_LOOK // 2, _LOOK // 2])


def face_likeness(strokes: Strokes) -> float:
    """How much of a face there is somewhere in the strokes, 0 to 1."""
    strokes, extent, _ = _large_enough(strokes)
    raster = _raster_of(strokes)
    return max(_best_place(raster, scale, extent).score for scale in _SCALES)


def _large_enough(strokes: Strokes) -> tuple[Strokes, float, bool]:
    """The strokes, enlarged if they are too small to look for a face in them; their extent."""
    extent = float(np.ptp(strokes.points, axis=0).max()) if len(strokes) else 0.0
    if not 0 < extent < CANVAS / 2:
        return strokes, extent, False
    middle = (strokes.points.max(axis=0) + strokes.points.min(axis=0)) / 2
    points = (strokes.points - middle) * (0.8 * CANVAS / extent) + CANVAS / 2
    return strokes.with_points(points), 0.8 * CANVAS, True


def _outlined_face(
    strokes: Strokes, whole: bool = True, features: int = _FEATURES
) -> tuple[float, float, float] | None:
    """Middle (x, y) and size of the largest closed outline with `features` in it, if any.

    An outline may have gaps, as pens leave them, and as rules leave them that are taken out. It is
    looked for in the `whole` drawing, or only on the canvas.
    """
    corner, extent = strokes.points.min(axis=0), float(np.ptp(strokes.points, axis=0).max())
    if not whole:
        corner, extent = np.zeros(2, np.float32), float(CANVAS)
    scale = (CANVAS - 8) / max(extent, 1.0)
    filling = strokes.with_points((strokes.points - corner) * scale + 4)
    free = pen.draw(filling, CANVAS // 2) < 64
    inside = ndimage.minimum_filter(free, _LINE)
    for gap in (_GAP, _LINE):
        closed = ndimage.minimum_filter(free, gap)
        faces = _outlined(inside, closed, gap // 2, features)
        if faces:
            x, y, size = max(faces, key=lambda face: face[2])
            return (
                (2 * x - 4) / scale + corner[0],
                (2 * y - 4) / scale + corner[1],
                2 * size / scale,
            )
    return None


def _outlined(
    inside: NDArray[np.bool_], closed: NDArray[np.bool_], shrunk: int, least: int
) -> list[tuple[float, float, float]]:
    """Those among the parts of what is `closed` to gaps, and `shrunk` by as many pixels by it."""
    side = len(closed)
    parts, _ = ndimage.label(closed)
    faces = []
    for index, box in enumerate(ndimage.find_objects(parts), 1):
        top, left = (max(0, along.start - shrunk + 1) for along in box)
        bottom, right = (along.stop + shrunk - 1 for along in box)
        height, width = bottom - top, right - left
        # What is wider than high is a part of a face, under a fringe.
        background = min(top, left) == 0 or max(bottom, right) >= side
        if background or height * width < 0.05 * side**2 or not 1 < height / width < 2:
            continue
        here = slice(top, bottom), slice(left, right)
        skin = parts[here] == index
        if shrunk > 1:  # between features too
            reach = {"iterations": 3 * shrunk, "mask": inside[here]}
            skin = ndimage.binary_dilation(skin, SQUARE, **reach)
        found, features = ndimage.label(ndimage.binary_fill_holes(skin) & ~skin)
        if features >= least and skin.mean() > 0.4:  # not the hair around the face
            size = (height * width) ** 0.5 * _too_far_apart(ndimage.find_objects(found), skin.shape)
            faces.append(((left + right) / 2, (top + bottom) / 2, size))
    return faces


def _too_far_apart(features: list[tuple[slice, slice]], shape: tuple[int, int]) -> float:
    """How many times farther eyes and mouth are apart than in any training face; 1 if hardly.

    `features` are the boxes of what is in a face of this shape. The mouth is the widest in its
    lower half, eyes the lowest two above it that face each other.
    """
    height, width = shape
    size, middle = (height * width) ** 0.5, width / 2
    boxes = [
        ((c.start + c.stop) / 2, (r.start + r.stop) / 2, c.stop - c.start) for r, c in features
    ]
    low = [(w, y) for x, y, w in boxes if y > height / 2 and abs(x - middle) < 0.15 * width]
    if not low:
        return 1.0
    mouth = max(low)[1]
    above = [(x, y) for x, y, _ in boxes if y < mouth - 0.2 * height]
    eyes = [
        (a[1] + b[1], b[0] - a[0])
        for a in above
        for b in above
        if b[0] - a[0] > 0.25 * width
        and abs(a[1] - b[1]) < 0.05 * height
        and abs(a[0] + b[0] - width) < 0.2 * width
    ]
    if not eyes:
        return 1.0
    rows, apart = max(eyes)
    times = max(apart / size / _APART, (mouth - rows / 2) / size / _BELOW)
    return min(times, _MOST_TIMES) if times > _NEARLY else 1.0


class _Place(NamedTuple):
    """How well the face is there, and what brings it from there to the training faces."""

    score: float
    scale: float
    right: float
    down: float


def _cells(raster: Image.Image, size: int) -> NDArray[np.float32]:
    """How much is drawn in each of size x size cells: one line makes a 1, and so do ten."""
    share = np.asarray(raster.resize((size, size), Image.Resampling.BOX), np.float32) / 255
    return ndimage.gaussian_filter(np.minimum(share * _LOOK * _FINE / size * 1.25, 1), 0.75)


def average_face() -> Strokes:
    """The strokes of AVERAGE_FACE."""
    chains = []
    for middle, radii, start, stop in AVERAGE_FACE:
        angle = np.radians(np.linspace(start, stop, 24))
        chains.append(through(middle + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radii))
    return Strokes.of(chains)


@cache
def _face_template() -> NDArray[np.float32]:
    cells = _cells(Image.fromarray(pen.draw(average_face(), _LOOK * _FINE)), _LOOK)[_WINDOW]
    return cells - cells.mean()


@cache
def _template_spectrum(size: int) -> NDArray[np.complexfloating]:
    return rfft2(_face_template()[::-1, ::-1].astype(np.float64), (size, size))


def _scores(raster: Image.Image, size: int, extent: float) -> NDArray[np.floating]:
    """How well the face is placed, for each position of the canvas over size x size cells.

    Normalised correlation with the average face, less where much of the drawing would be cut off.
    At position (i, j) the canvas begins _LOOK / 2 cells above and left of cell (i, j).
    """
    template = _face_template()
    cells = _cells(raster, size)
    padded = np.pad(cells, _LOOK // 2).astype(np.float64)
    count = len(padded) - _LOOK + 1
    rows, columns = (slice(window.start, window.start + count) for window in _WINDOW)
    height, width = template.shape
    # A circular convolution of no more than the picture: what wraps around is not looked at.
    fast = next_fast_len(len(padded), real=True)
    match = irfft2(rfft2(padded, (fast, fast)) * _template_spectrum(fast), (fast, fast))
    match = match[height - 1 :, width - 1 :][rows, columns]
    sums, squares = _sums(padded), _sums(padded**2)
    total = _boxes(sums, height, width)[rows, columns]
    spread = (_boxes(squares, height, width)[rows, columns] - total**2 / template.size).clip(0)
    energy = (template**2).sum()
    inside = _boxes(sums, _LOOK, _LOOK) / max(cells.sum(), 1e-6)
    # Hair, neck and shoulders fill the training canvas: a drawing that would stay small is not it.
    fills = min(1, extent * size / _LOOK / _FULL)
    return match / np.sqrt((spread + energy) * energy) * inside.clip(0, 1) * fills**2


def _sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of all that is above and left of each corner of the values (H, W)."""
    total = np.zeros((len(values) + 1, values.shape[1] + 1))
    values.cumsum(0).cumsum(1, out=total[1:, 1:])
    return total


def _boxes(sums: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """The sum over every height x width box inside, of `_sums`."""
    tall = sums[height:] - sums[:-height]
    return tall[:, width:] - tall[:, :-width]


def _best_place(raster: Image.Image, scale: float, extent: float) -> _Place:
    """The best position for a face that needs to be scaled by about `scale`."""
    size = round(_LOOK * scale)
    scores = _scores(raster, size, extent)
    y, x = np.unravel_index(scores.argmax(), scores.shape)
    cell = CANVAS / _LOOK
    row, column = _peak(scores[:, x], int(y)), _peak(scores[y], int(x))
    right, down = (_LOOK // 2 - column) * cell, (_LOOK // 2 - row) * cell
    return _Place(float(scores[y, x]), size / _LOOK, right, down)


def _peak(values: NDArray[np.floating], at: int) -> float:
    """The top of the parabola through the highest value and its neighbours."""
    if not 0 < at < len(values) - 1:
        return at
    before, top, after = values[at - 1 : at + 2]
    bend = before - 2 * top + after
    return at + float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else at
