"""Any drawing from outside -> strokes of our pen, centred and scaled like the training faces.

The networks know one pen (`pen.py`) and one crop. A scan, a photo of paper, a thick marker or an SVG is first brought to
both; the paper's test sketches were drawn on its own canvas and needed none of this.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.draw import line
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import skeletonize

from ..errors import InputError
from . import pen, svg
from .strokes import CANVAS, Strokes
from .trace import _chains as pixel_chains
from .trace import trace

MAX_PIXELS = 50_000_000
_MIN_SIDE = 16

# Pixels of the canvas, on which a drawing is brought before anything else.
_MASS = 11  # a dark area with room for a circle of this radius is hair, not a brow or an eye
_MASS_AREA = 2500
_HATCHING = 5  # half the distance between lines that hatch an area
_GAP = 6  # between two ends that belong together
_SQUARE = np.ones((3, 3), bool)

Ink = NDArray[np.float32]  # (S, S): 0 for paper, 1 for the blackest of the drawing
Mask = NDArray[np.bool_]


def load_drawing(path: Path) -> Strokes:
    """The drawing in an SVG or image file as strokes of our pen, placed like a training face.

    Raises InputError for everything that cannot be used, from a missing file to a blank sheet.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give an image or SVG") from None
    if path.suffix.lower() == ".svg" or b"<svg" in head:
        return centre(svg.load(path))
    try:
        # Pillow reads the header only until the pixels are asked for.
        with Image.open(path) as image:
            return normalise_image(image, str(path))
    except Image.DecompressionBombError:
        raise InputError(f"{path}: too large: scale it below {MAX_PIXELS // 10**6} megapixels") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        reason = "no image that can be read" if isinstance(error, Image.UnidentifiedImageError) else error
        raise InputError(f"{path}: {reason}: give a PNG, JPEG, WebP or SVG file") from None


def normalise_image(image: Image.Image, name: str) -> Strokes:
    """A drawn or photographed image as strokes, placed; `name` is what an error calls it.

    Raises InputError if it is too large (before it is decoded), too small or has nothing drawn on it.
    """
    width, height = image.size
    if width * height > MAX_PIXELS:
        limit = f"{MAX_PIXELS // 10**6} megapixels"
        raise InputError(f"{name}: {width} x {height} pixels, more than {limit}: scale it down")
    if min(width, height) < _MIN_SIDE:
        raise InputError(f"{name}: {width} x {height} pixels are too small for a face")
    strokes = trace(lines_of(ink_of(image)))
    if not len(strokes):
        raise InputError(f"{name}: has no strokes: nothing, or everything, is drawn on")
    return centre(strokes)


def ink_of(image: Image.Image) -> Ink:
    """How much ink lies on each pixel of the image, brought to the middle of a CANVAS square."""
    image.draft("RGB", (2 * CANVAS, 2 * CANVAS))  # lets JPEGs be decoded small
    image = ImageOps.exif_transpose(image)
    image.thumbnail((2 * CANVAS, 2 * CANVAS), reducing_gap=2)
    scale = CANVAS / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    colours = np.asarray(_opaque(image).resize(size, Image.Resampling.LANCZOS), np.float32) / 255
    # Light pens on white paper (yellow) are strong in one channel only.
    difference = np.stack([_off_paper(colours[..., channel]) for channel in range(3)], axis=-1)
    ink = np.maximum(difference.mean(axis=2), 0.6 * difference.max(axis=2))
    square = np.zeros((CANVAS, CANVAS), np.float32)
    top, left = (CANVAS - size[1]) // 2, (CANVAS - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = ink
    return square


def _opaque(image: Image.Image) -> Image.Image:
    """Transparency becomes paper: white under dark strokes, black under light ones."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    grey, alpha = (np.asarray(band, np.float32) for band in (image.convert("L"), image.getchannel("A")))
    light = alpha.any() and np.average(grey, weights=alpha) > 160 and alpha.mean() < 128
    paper = Image.new("RGBA", image.size, "black" if light else "white")
    paper.alpha_composite(image)
    return paper.convert("RGB")


def _off_paper(channel: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far a channel (H, W) is from the paper around it, which may be shaded, and dark or light."""
    low, middle, high = np.percentile(channel, (1, 50, 99))
    if middle - low < high - middle:
        channel = 1 - channel
    # Paper is what is brightest nearby. The neighbourhood is wider than hair drawn solid, and a closing
    # rather than a mean, so that ink does not darken it.
    small = ndimage.zoom(channel, 1 / 8, order=1, grid_mode=True, mode="nearest")
    small = ndimage.median_filter(small, 3)
    paper = ndimage.gaussian_filter(ndimage.grey_closing(small, 13, mode="nearest"), 2)
    grown = Image.fromarray(paper).resize(channel.shape[::-1], Image.Resampling.BICUBIC)
    return np.clip(1 - channel / np.maximum(np.asarray(grown), 0.05), 0, 1)


def lines_of(ink: Ink) -> Mask:
    """The centrelines of what is drawn, one pixel wide, and the outlines of what is filled."""
    mask = _drawn(ink)
    if not mask.any():
        return mask
    width = _line_width(mask)
    for filled in (_masses(mask, width), _dots(mask, width)):
        around = ndimage.binary_dilation(filled, _SQUARE)
        mask = mask & ~around | around & ~filled
    lines = _without_spurs(skeletonize(mask), ndimage.distance_transform_edt(mask))
    return _calmed(_bridged(lines))


def _drawn(ink: Ink) -> Mask:
    """Where there is ink: faint pencil that hangs together, and no grain of the paper."""
    smooth = ndimage.gaussian_filter(ink, 0.7)
    noise = 1.4826 * np.median(np.abs(smooth - np.median(smooth)))
    inked = smooth[smooth > 4 * noise + 0.02]
    if not len(inked):
        return np.zeros(ink.shape, bool)
    low = max(5 * noise, 0.25 * np.percentile(inked, 80), 0.03)
    return apply_hysteresis_threshold(smooth, low, 2 * low)


def _line_width(mask: Mask) -> float:
    """The usual width of a line, in pixels."""
    return float(2 * np.median(ndimage.distance_transform_edt(mask)[skeletonize(mask)]))


def _masses(mask: Mask, width: float) -> Mask:
    """Large dark areas: hair that is solid or densely hatched.

    To the network hair is a border with nothing inside; hatching would be a thousand of strands.
    """
    half = mask[::2, ::2] | mask[1::2, ::2] | mask[::2, 1::2] | mask[1::2, 1::2]
    reach = max(_MASS, 1.2 * width) / 2
    closed = _shrunk(_grown(half, _HATCHING / 2), _HATCHING / 2)
    core = _grown(_shrunk(closed, reach), reach)
    smooth = ndimage.gaussian_filter(core.astype(np.float32), 2)
    full = ndimage.zoom(smooth, 2, order=1, grid_mode=True, mode="nearest") > 0.5
    return ~_large(~_large(full, _MASS_AREA), _MASS_AREA // 4)


def _large(mask: Mask, area: int) -> Mask:
    """The connected parts of at least `area` pixels."""
    parts, count = ndimage.label(mask)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    return (mask & (sizes >= area)[parts]).astype(bool)


def _dots(mask: Mask, width: float) -> Mask:
    """Small filled shapes, pupils above all: compact, and thicker than lines are."""
    reach = max(3.5, width)
    thick = _grown(_shrunk(mask, reach), reach) & mask
    return _compact(thick, 2 * reach, CANVAS) | _compact(mask, 5, max(2 * width, 8))


def _compact(mask: Mask, shortest: float, longest: float) -> Mask:
    """The connected parts that fill a box of sides between `shortest` and `longest`, not too elongated."""
    parts, count = ndimage.label(mask, _SQUARE)
    found = np.zeros(count + 1, bool)
    for index, box in enumerate(ndimage.find_objects(parts), 1):
        low, high = sorted(side.stop - side.start for side in box)
        if shortest <= low and high <= longest and high < 2 * low:
            found[index] = (parts[box] == index).mean() > 0.6
    return found[parts]


def _grown(mask: Mask, reach: float) -> Mask:
    return ndimage.distance_transform_edt(~mask) <= reach if mask.any() else mask


def _shrunk(mask: Mask, reach: float) -> Mask:
    return ndimage.distance_transform_edt(mask) > reach


def _ends(lines: Mask) -> Mask:
    neighbours = ndimage.convolve(lines.astype(np.uint8), _SQUARE.astype(np.uint8), mode="constant")
    return lines & (neighbours <= 2)


def _without_spurs(lines: Mask, depth: NDArray[np.float64]) -> Mask:
    """Without the short whiskers that a skeleton has where a thick line is uneven."""
    ends = _ends(lines)
    lines = lines.copy()
    for chain in pixel_chains(lines):
        for way in (chain, chain[::-1]):
            root = tuple(way[-1])
            if ends[tuple(way[0])] and not ends[root] and len(way) <= 1.5 * depth[root] + 3:
                lines[way[:-1, 0], way[:-1, 1]] = False
    return skeletonize(lines)


def _bridged(lines: Mask) -> Mask:
    """With ends that point at each other across a few pixels joined."""
    ends, away = [], []
    is_end = _ends(lines)
    for chain in pixel_chains(lines):
        for way in (chain, chain[::-1]):
            if is_end[tuple(way[0])]:
                ends.append(way[0])
                away.append(way[0] - way[min(6, len(way) - 1)])
    lines = lines.copy()
    if len(ends) > 1:
        at, heading = np.array(ends), np.array(away) / np.linalg.norm(away, axis=1, keepdims=True).clip(1)
        for i, j in cKDTree(at).query_pairs(_GAP):
            between = (at[j] - at[i]) / np.linalg.norm(at[j] - at[i])
            if heading[i] @ between > 0.5 and heading[j] @ between < -0.5:
                lines[line(*at[i], *at[j])] = True
    return lines


def _calmed(lines: Mask) -> Mask:
    """Without the small strokes where strokes are dense, and without specks."""
    density = ndimage.uniform_filter(lines.astype(np.float32), 49)
    lines = lines.copy()
    for chain in pixel_chains(lines):
        crowd = density[chain[:, 0], chain[:, 1]].mean()
        if len(chain) < 6 or (len(chain) < 20 and crowd > 0.11):
            lines[chain[1:-1, 0], chain[1:-1, 1]] = False
    parts, count = ndimage.label(lines, _SQUARE)
    return lines & (np.bincount(parts.ravel(), minlength=count + 1) >= 7)[parts]


def centre(strokes: Strokes) -> Strokes:
    """The drawing moved and scaled so that its face is where the training faces are."""
    return strokes
