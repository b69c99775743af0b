"""A picture of a drawing -> how much ink lies on each pixel of the canvas.

Paper is lit unevenly and lies on tables; pens are dark or light, of any colour, and areas may be
coloured in. Tone that was rubbed in and what is printed on the paper are no ink (tone.py,
paper.py).
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage
from skimage.morphology import convex_hull_image

from .around import SQUARE, Mask, closed, grown, highest, large, lowest, opened
from .paper import without_rules
from .seen import contrast, on_paper
from .strokes import CANVAS
from .tone import darkness, noise_of, without_smudges

_GREY = 5  # of 255: channels of a grey picture differ by no more
_COLOURED = 0.03  # share of a picture, from where on a drawing is coloured in
_FILLED = 40  # pixels of one colour, at least, that are no line
_GRAIN = 0.01  # noise of black to white, from where on a fill has grain that looks like lines
_LINE = 9  # pixels: what is wider is an area
_BETWEEN = 7  # pixels between two strokes of somebody who colours in
_SCRIBBLED = 31  # pixels that what is coloured in so is wide at least
_PALE = 0.7  # times as dark as lines
_ANOTHER = 0.99  # how alike two colours are (a cosine) that may be one pencil's

Ink = NDArray[np.float32]  # (S, S): 0 for paper, 1 for the blackest of the drawing


def ink_of(image: Image.Image) -> Ink:
    """How much ink lies on each pixel of the image, brought to the middle of a CANVAS square."""
    scale = CANVAS / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
    planes = _planes(on_paper(small))
    sheet = _sheet(np.mean(planes, axis=0))
    off = [_off_paper(plane, sheet) for plane in planes]
    ink = _together(off)
    gaps = _gaps(planes, ink)
    if gaps.any():
        planes = [_filled(plane, gaps) for plane in planes]
        ink = _together([_off_paper(plane, sheet) for plane in planes])
    ink = _outlined(ink, planes, small_fills=bool(sheet.all()))
    square = np.zeros((CANVAS, CANVAS), np.float32)
    top, left = (CANVAS - size[1]) // 2, (CANVAS - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = ink
    page = min(float(np.ptp(side)) for side in np.nonzero(sheet))
    return without_rules(without_smudges(square), page)


def _together(off: Sequence[Ink]) -> Ink:
    """How much ink there is, of the channels' ink."""
    # Light pens on white paper (yellow) are strong in one channel only.
    ink: Ink = np.maximum(np.mean(off, axis=0), np.float32(0.6) * reduce(np.maximum, off))
    return ink


def _gaps(planes: Sequence[NDArray[np.float32]], ink: Ink) -> Mask:
    """The areas (H, W) that were coloured in by strokes beside each other, with gaps.

    They are paler than the drawing's lines, and of another colour: else they are shading.
    """
    none = np.zeros(ink.shape, bool)
    if len(planes) == 1:
        return none
    noise = noise_of(ink)
    level = opened(closed(ink, _BETWEEN), _LINE)  # without lines
    lines = ink - level
    pale = (level > 0.06 + 4 * noise) & (level < _PALE * darkness(lines))
    covered = opened(pale, _SCRIBBLED)
    strong, bare = lines > 0.25, ink < 0.03
    if not (covered.any() and strong.any() and bare.any()):
        return none
    parts, count = ndimage.label(covered)
    # What is taken of the paper's light. A colour is told by the eye around a place, not at it.
    papers = [max(float(np.percentile(plane[bare], 75)), 0.05) for plane in planes]
    taken = np.array([1 - plane / paper for plane, paper in zip(planes, papers, strict=True)])
    around = np.array([ndimage.uniform_filter(channel, _SCRIBBLED) for channel in taken])
    of_lines = taken[:, strong].mean(axis=1)
    alike = np.tensordot(of_lines, around, 1) / max(float(np.linalg.norm(of_lines)), 1e-6)
    other = (alike < _ANOTHER * np.linalg.norm(around, axis=0)) & (around.mean(axis=0) > 0)
    coloured = ndimage.mean(other, parts, np.arange(count + 1)) > 0.3
    coloured[0] = False
    return grown(coloured[parts], _BETWEEN)


def _filled(plane: NDArray[np.float32], gaps: Mask) -> NDArray[np.float32]:
    """A channel with the gaps between strokes filled, in these areas, by the strokes' colour."""
    pale = np.maximum(plane, np.float32(np.percentile(plane[gaps], 10)))
    fill = opened(pale, _BETWEEN)
    return np.where(gaps, np.minimum(plane, fill), plane)


def _planes(picture: Image.Image) -> list[NDArray[np.float32]]:
    """The channels (H, W) of an RGB picture, one by one; of a grey one the only one."""
    channels = [np.asarray(channel, np.uint8) for channel in picture.split()]
    spread = reduce(np.maximum, channels) - reduce(np.minimum, channels)
    if spread.max() <= _GREY:
        channels = channels[:1]
    return [channel.astype(np.float32) / np.float32(255) for channel in channels]


def _outlined(ink: Ink, planes: Sequence[NDArray[np.float32]], small_fills: bool) -> Ink:
    """Of a drawing that is coloured in, the lines on its colours and the borders of these.

    Whatever the colours are: a line on dark skin is as dark as one on light skin. `small_fills`:
    also where little is coloured in, such as lips. Beside a table it may be a finger.
    """
    level = reduce(np.maximum, planes)
    coloured = (ink > 0.1) & (level > np.percentile(level, 1) + 0.06)
    if not lowest(coloured, 5, 5).any():
        return ink
    calm = [ndimage.gaussian_filter(plane, 1) for plane in planes]  # less noise of a camera
    noise = [
        1.4826 * float(np.median(np.abs(plane - smooth)[coloured]))
        for plane, smooth in zip(planes, calm, strict=True)
    ]
    uneven = np.where(coloured, contrast(calm, 5), 1)
    here = np.ones(ink.shape, bool)
    if (uneven < 0.06 + max(noise)).mean() < _COLOURED:
        if not small_fills:
            return ink
        hued = reduce(np.maximum, calm) - reduce(np.minimum, calm) > 0.15
        here = grown(large((uneven < 0.06) & hued & (ink > 0.3), _FILLED), 2 * _LINE)
        if not here.any():
            return ink
    if max(noise) > _GRAIN:
        planes = calm
    fills = [closed(plane, _LINE) for plane in planes]
    # A channel that is as dark as it is noisy has no lines to tell from noise.
    lines = reduce(
        np.maximum,
        [
            (fill - own) / np.maximum(fill, max(0.12, 10 * grain))
            for fill, own, grain in zip(fills, planes, noise, strict=True)
        ],
    )
    lines = np.where(lines > 0.25, lines, 0)
    borders = contrast(fills, 3) > 0.12
    drawn = highest(lines > 0.4, _LINE, _LINE)
    outlined = np.where(borders & ~drawn, np.maximum(lines, 0.8), lines)
    return np.where(here, outlined, ink).astype(np.float32)


def _sheet(grey: NDArray[np.float32]) -> Mask:
    """Where the sheet of paper is: everywhere, unless a darker table surrounds a bright sheet."""
    everywhere = np.ones(grey.shape, bool)
    small = _thumbnail(grey)
    rim = np.ones(small.shape, bool)
    rim[1:-1, 1:-1] = False
    table, top = np.median(small[rim]), np.percentile(small, 95)
    if top - table < 0.2:
        return everywhere
    bright = small > table + 0.15 * (top - table)
    parts, _ = ndimage.label(bright)
    sheet = parts == 1 + np.argmax(np.bincount(parts.ravel(), minlength=2)[1:])
    hull = convex_hull_image(sheet)
    # A sheet fills its outline, as a white drawing on black does not, and leaves most of the rim.
    if not 0.25 < sheet.mean() < 0.95 or sheet[hull].mean() < 0.8 or hull[rim].mean() > 0.3:
        return everywhere
    inside = ndimage.binary_erosion(hull, SQUARE, iterations=2)
    rows, columns = (np.arange(side) * small.shape[k] // side for k, side in enumerate(grey.shape))
    return inside[rows[:, None], columns]


def _thumbnail(values: NDArray[np.floating]) -> NDArray[np.float32]:
    size = [max(1, side // 8) for side in values.shape[::-1]]
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _skew(values: NDArray[np.floating], reach: float) -> float:
    """Whether light (> 0) or dark (< 0) is the exception within `reach` pixels."""
    blurred = Image.fromarray((values * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(reach)
    )
    detail = values - np.asarray(blurred, np.float32) / np.float32(255)
    square = detail * detail
    return float((square * detail).mean() / (square.mean() ** 1.5 + 1e-9))


def _off_paper(channel: NDArray[np.floating], sheet: Mask) -> Ink:
    """How far a channel (H, W) is from the paper around it, shaded or not, dark or light."""
    if not sheet.all():
        nearest = ndimage.distance_transform_edt(
            ~sheet, return_distances=False, return_indices=True
        )
        channel = channel[tuple(nearest)]
    # Strokes are fewer and stand out more than what is between them, whichever is lighter: fine
    # ones against their neighbourhood, those of a marker against a wider one.
    if _skew(channel, 12) + _skew(_thumbnail(channel), 4) > 0:
        channel = 1 - channel
    # Paper is what is brightest nearby: a closing rather than a mean, as ink must not darken it. On
    # even paper the neighbourhood is wider than hair drawn solid; shadows want a small one.
    small = ndimage.median_filter(_thumbnail(channel), 3)
    paper = ndimage.grey_closing(small, 13, mode="nearest")
    if np.ptp(np.percentile(paper, (5, 95))) > 0.1:
        paper = ndimage.grey_closing(small, 5, mode="nearest")
    paper = ndimage.gaussian_filter(paper, 1)
    grown = Image.fromarray(paper).resize(channel.shape[::-1], Image.Resampling.BICUBIC)
    ink = np.clip(1 - channel / np.maximum(np.asarray(grown), 0.05), 0, 1)
    return np.where(sheet, ink, 0).astype(np.float32)
