"""Any drawing from outside -> strokes of our pen, centred and scaled like the training faces.

The networks know one pen (`pen.py`) and one crop. A scan, a photo of paper, a thick marker or an
SVG is first brought to both; the paper's test sketches (section 4) came on its own canvas.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.draw import line
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import convex_hull_image, skeletonize

from ..budget import MAX_PIXELS
from ..errors import InputError
from ..provenance import DRAWING_KEY
from . import svg
from .place import centre
from .strokes import CANVAS, Strokes
from .trace import pixel_chains, trace

_MIN_SIDE = 16
_LIMIT = f"{MAX_PIXELS // 10**6} megapixels"
# Not all that Pillow knows: it hands some to other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_WANTED = "give a PNG, JPEG, WebP or SVG file"

# Pixels of the canvas, on which a drawing is brought before anything else.
_MASS = 11  # a dark area with room for a circle of this radius is hair, not a brow or an eye
_MASS_AREA = 5000  # a brow, an eye and the hatching around them have less, hair has more
_HATCHING = 4  # half the distance between lines that hatch an area
_GAP = 6  # between two ends that belong together
_SQUARE = np.ones((3, 3), bool)

Ink = NDArray[np.float32]  # (S, S): 0 for paper, 1 for the blackest of the drawing
Mask = NDArray[np.bool_]


def load_drawing(path: Path) -> Strokes:
    """The drawing in an SVG or image file as strokes of our pen, placed like a training face.

    Raises InputError for everything that cannot be used, from a missing file to a blank sheet.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): {_WANTED}") from None
    with file:
        return read_drawing(file, str(path))


def read_drawing(file: BinaryIO, name: str) -> Strokes:
    """`load_drawing` for what is open already; `name` is what an error calls it."""
    head = file.read(svg.HEAD)
    file.seek(0)
    if svg.is_svg(head, name):
        return _read_svg(file.read(svg.MAX_BYTES + 1), name)
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise InputError(f"{name}: more than {_LIMIT}: scale it down") from None
    except (OSError, SyntaxError, ValueError):
        raise InputError(f"{name}: is no image that can be read: {_WANTED}") from None
    with image:
        inside = image.info.get(DRAWING_KEY)
        if isinstance(inside, str):
            return _read_svg(inside, name)
        return normalise_image(image, name)


def _read_svg(text: bytes | str, name: str) -> Strokes:
    document = svg.read(text, name)
    if document.better_seen:
        return normalise_image(document.picture(), name)
    return centre(document.strokes)


def normalise_image(image: Image.Image, name: str) -> Strokes:
    """A drawn or photographed image as strokes, placed; `name` is what an error calls it.

    Raises InputError if it is too large (before it is decoded), too small, broken or blank.
    """
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(f"{name}: {width} x {height} pixels, more than {_LIMIT}: scale it down")
    if min(width, height) < _MIN_SIDE:
        raise InputError(f"{name}: {width} x {height} pixels are too small: scan it larger")
    try:
        image.draft("RGB", (4 * CANVAS, 4 * CANVAS))  # large JPEGs need not be decoded in full
        image = ImageOps.exif_transpose(image)
        image.load()
    except Exception as error:  # Pillow meets broken files with many kinds of errors
        raise InputError(f"{name}: is broken ({error}): save it again") from None
    lines = lines_of(ink_of(image))
    box = _close_up(lines, image.size)
    if box is not None:
        lines = lines_of(ink_of(image.crop(box)))
    if not lines.any():
        raise InputError(
            f"{name}: has no strokes: draw dark on light or light on dark; of a photo,"
            " `deepfacepencil sketch` makes drawings"
        )
    return centre(trace(lines))


def _close_up(lines: Mask, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The box around a drawing that covers a small part only of an image of `size`, else None."""
    rows, columns = np.nonzero(lines)
    if not len(rows):
        return None
    low = np.array([columns.min(), rows.min()])
    high = np.array([columns.max(), rows.max()])
    extent = (high - low).max()
    if extent >= CANVAS / 2:
        return None
    scale = max(size) / CANVAS
    left, top = ((low - 0.1 * extent - CANVAS / 2) * scale + np.array(size) / 2).clip(0)
    right, bottom = ((high + 0.1 * extent - CANVAS / 2) * scale + np.array(size) / 2).clip(0, size)
    return int(left), int(top), int(right), int(bottom)


def ink_of(image: Image.Image) -> Ink:
    """How much ink lies on each pixel of the image, brought to the middle of a CANVAS square."""
    if image.mode in ("1", "P", "PA"):  # Pillow would not smooth these
        image = image.convert("RGBA")
    image = eight_bits(image)
    scale = CANVAS / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
    colours = np.asarray(_opaque(small), np.float32) / 255
    sheet = _sheet(colours.mean(axis=2))
    channels = range(3 if np.ptp(colours, axis=2).max() > 0.02 else 1)
    difference = np.stack([_off_paper(colours[..., k], sheet) for k in channels], axis=-1)
    # Light pens on white paper (yellow) are strong in one channel only.
    ink = np.maximum(difference.mean(axis=2), 0.6 * difference.max(axis=2))
    square = np.zeros((CANVAS, CANVAS), np.float32)
    top, left = (CANVAS - size[1]) // 2, (CANVAS - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = ink
    return square


def eight_bits(image: Image.Image) -> Image.Image:
    """The image, scans with more than 8 bits a pixel from black to their lightest value."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image, np.float32))
    return Image.fromarray((values * (255 / max(values.max(), 1e-9))).clip(0, 255).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """8-bit RGB. Transparency becomes paper: white under dark strokes, black under light ones."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    grey, alpha = (
        np.asarray(band, np.float32) for band in (image.convert("L"), image.getchannel("A"))
    )
    light = alpha.any() and np.average(grey, weights=alpha) > 160 and alpha.mean() < 128
    paper = Image.new("RGBA", image.size, "black" if light else "white")
    paper.alpha_composite(image)
    return paper.convert("RGB")


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
    inside = ndimage.binary_erosion(hull, _SQUARE, iterations=2)
    rows, columns = (np.arange(side) * small.shape[k] // side for k, side in enumerate(grey.shape))
    return inside[rows[:, None], columns]


def _thumbnail(values: NDArray[np.floating]) -> NDArray[np.float32]:
    size = [max(1, side // 8) for side in values.shape[::-1]]
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _skew(values: NDArray[np.floating], reach: float) -> float:
    """Whether light (> 0) or dark (< 0) is the exception within `reach` pixels."""
    detail = values - ndimage.gaussian_filter(values, reach)
    return float((detail**3).mean() / ((detail**2).mean() ** 1.5 + 1e-9))


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


def lines_of(ink: Ink) -> Mask:
    """The centrelines of what is drawn, one pixel wide, and the outlines of what is filled."""
    mask = _drawn(ink)
    if not mask.any():
        return mask
    depth = ndimage.distance_transform_edt(mask)
    width = float(2 * np.median(depth[skeletonize(mask)]))  # the usual one, of a line
    masses = _masses(mask, width)
    dots = _dots(mask & ~_grown(masses, _MASS), width)
    for filled in (masses, dots):
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


def _masses(mask: Mask, width: float) -> Mask:
    """Large dark areas: hair that is solid or densely hatched.

    To the network hair is a border with nothing inside; hatching would be a thousand strands.
    """
    half = mask[::2, ::2] | mask[1::2, ::2] | mask[::2, 1::2] | mask[1::2, 1::2]
    reach = max(_MASS, 1.2 * width) / 2
    closed = _shrunk(_grown(half, _HATCHING / 2), _HATCHING / 2)
    core = _grown(_shrunk(closed, reach), reach)
    smooth = ndimage.gaussian_filter(core.astype(np.float32), 2)
    full = ndimage.zoom(smooth, 2, order=1, grid_mode=True, mode="nearest") > 0.5
    return ~_large(~_large(full, _MASS_AREA), _MASS_AREA // 3)


def _large(mask: Mask, area: int) -> Mask:
    """The connected parts of at least `area` pixels."""
    parts, count = ndimage.label(mask)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    return (mask & (sizes >= area)[parts]).astype(bool)


def _dots(mask: Mask, width: float) -> Mask:
    """Small filled shapes, pupils above all: compact, and thicker than lines are."""
    reach = max(4.5, 0.9 * width)
    thick = _grown(_shrunk(mask, reach), reach) & mask
    return _compact(thick, 2 * reach, CANVAS) | _compact(mask, 5, max(2 * width, 8))


def _compact(mask: Mask, shortest: float, longest: float) -> Mask:
    """The connected parts that fill a box, not too elongated, of sides within these limits."""
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
        at = np.array(ends)
        heading = np.array(away) / np.linalg.norm(away, axis=1, keepdims=True).clip(1)
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
