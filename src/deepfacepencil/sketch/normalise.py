"""Any drawing from outside -> strokes of our pen, centred and scaled like the training faces.

The networks know one pen (`pen.py`) and one crop. A scan, a photo of paper, a thick marker or an
SVG is first brought to both; the paper's test sketches (section 4) came on its own canvas.
"""

import io
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.draw import line
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import convex_hull_image, skeletonize

from ..budget import MAX_PIXELS, read_file
from ..errors import InputError, missing_package
from ..provenance import DRAWING_KEY
from . import svg
from .around import Mask, closed, grown, highest, lowest, opened, shrunk
from .paper import are_rules, without_rules
from .place import centre, face_likeness
from .seen import contrast, is_what_is_seen, on_paper
from .strokes import CANVAS, Strokes
from .tone import darkness, hatching, noise_of, without_smudges
from .trace import pixel_chains, trace

_MIN_SIDE = 16
_MOST_ELONGATED = 32
_LIMIT = f"{MAX_PIXELS // 10**6} megapixels"
# Not all that Pillow knows: it hands some to other programs.
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
try:  # HEIC, where this plugin of Pillow is installed
    import pillow_heif
except ModuleNotFoundError:
    pass
else:
    pillow_heif.register_heif_opener()
    FORMATS += ("HEIF",)
_HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc")
_ANIMATED = ("PNG", "WEBP", "GIF", "AVIF")
_MOST_FRAMES = 60  # that are looked at
_WANTED = "give a PNG, JPEG, WebP or SVG file"

# Pixels of the canvas, on which a drawing is brought before anything else.
_MASS = 11  # a dark area with room for a circle of this radius is hair, not a brow or an eye
_MASS_AREA = 5000  # a brow, an eye and the hatching around them have less, hair has more
_MERGED = 60  # times a thick pen's width squared, which an eye, its brow and the hair beside have
_SHADING = 0.4  # times as dark as lines: what is darker is no shading, but hair
_HATCHING = 4  # half the distance between lines that hatch an area
_MOST_PIECES = 6  # of a face, that are tried
_APART = 26  # between parts of which one only has the face
# Shares of the face's part: what is that near it still belongs to it, and what is around it.
_BESIDE, _AROUND = 0.04, 0.35
_COLOURED = 0.03  # share of a picture, from where on a drawing is coloured in
_FILLED = 40  # pixels of one colour, at least, that are no line
_GRAIN = 0.01  # noise of black to white, from where on a fill has grain that looks like lines
_SWOLLEN = 2.5  # times as thick as lines: what is thicker is a blob that lines end in
_LINE = 9  # pixels: what is wider is an area
_LIPS = 3  # times as wide as high; brows are more
_GAP = 6  # between two ends that belong together
_BETWEEN = 7  # pixels between two strokes of somebody who colours in
_SCRIBBLED = 31  # pixels that what is coloured in so is wide at least
_PALE = 0.7  # times as dark as lines
_ANOTHER = 0.99  # how alike two colours are (a cosine) that may be one pencil's
_SQUARE = np.ones((3, 3), bool)

Ink = NDArray[np.float32]  # (S, S): 0 for paper, 1 for the blackest of the drawing
_T = TypeVar("_T")


def load_drawing(path: Path | str) -> Strokes:
    """The drawing in an SVG or image file as strokes of our pen, placed like a training face.

    Raises InputError for everything that cannot be used, from a missing file to a blank sheet.
    """
    return read_drawing(io.BytesIO(read_file(Path(path))), str(path))


def read_drawing(file: BinaryIO, name: str) -> Strokes:
    """`load_drawing` for what is open already; `name` is what an error calls it."""
    return _open(file.read(), name, _read_svg, normalise_image)


def look_at(data: bytes, name: str, size: int) -> Image.Image:
    """The drawing in the bytes of a file as a person sees it: RGB, at most `size` pixels wide."""
    picture = _open(data, name, lambda text, name: svg.read(text, name).picture(size), _decoded)
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return on_paper(picture)


def _open(
    data: bytes,
    name: str,
    read_svg: Callable[[bytes | str, str], _T],
    read_image: Callable[[Image.Image, str], _T],
) -> _T:
    """What one of two readers makes of a file, by what the file is. InputError if it is neither."""
    if svg.is_svg(data[: svg.HEAD], name):
        return read_svg(data, name)
    if data.startswith(b"%PDF-"):
        return read_image(_first_page(data, name), name)
    if data[4:12] in _HEIC and "HEIF" not in FORMATS:
        raise InputError(f"{name}: HEIC: {missing_package('pillow-heif', 'formats')}")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise InputError(f"{name}: more than {_LIMIT}: scale it down") from None
    except Exception:  # Pillow meets broken files with many kinds of errors
        raise InputError(f"{name}: is no image that can be read: {_WANTED}") from None
    with image:
        inside = image.info.get(DRAWING_KEY)
        if isinstance(inside, str):
            return read_svg(inside, name)
        return read_image(image, name)


def _first_page(data: bytes, name: str) -> Image.Image:
    """The first page of a PDF as people see it. Raises InputError."""
    try:
        import pypdfium2
    except ModuleNotFoundError:
        raise InputError(f"{name}: PDF: {missing_package('pypdfium2', 'formats')}") from None
    try:
        page = pypdfium2.PdfDocument(data)[0]
        picture: Image.Image = page.render(scale=2 * CANVAS / max(page.get_size())).to_pil()
    except Exception as error:  # broken, encrypted, without pages
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(
            f"{name}: its first page cannot be drawn ({reason}): save it as PNG"
        ) from None
    return picture


def _read_svg(text: bytes | str, name: str) -> Strokes:
    document = svg.read(text, name)
    known = len(document.strokes) > 0 and document.areas <= len(document.strokes) / 2
    if known and is_what_is_seen(
        document.strokes, document.widths, on_paper(document.picture(CANVAS))
    ):
        strokes = document.strokes.select(~are_rules(document.strokes))
        if len(strokes):
            return centre(strokes)
    return normalise_image(document.picture(2 * CANVAS), name)


def normalise_image(image: Image.Image, name: str) -> Strokes:
    """A drawn or photographed image as strokes, placed; `name` is what an error calls it.

    Raises InputError if it is too large (before it is decoded), too small, broken or blank.
    """
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(f"{name}: {width} x {height} pixels, more than {_LIMIT}: scale it down")
    if min(width, height) < _MIN_SIDE:
        raise InputError(f"{name}: {width} x {height} pixels are too small: scan it larger")
    if max(width, height) > _MOST_ELONGATED * min(width, height):
        raise InputError(f"{name}: {width} x {height} pixels are too narrow: cut the face out")
    image = _decoded(image, name)
    lines = _of_the_face(lines_of(ink_of(image)))
    box = _close_up(lines, image.size)
    if box is not None:
        lines = _of_the_face(lines_of(ink_of(image.crop(box))))
    if not lines.any():
        raise InputError(
            f"{name}: has no strokes: draw dark on light or light on dark; of a photo,"
            " `deepfacepencil sketch` makes drawings"
        )
    return centre(trace(lines), anew=box is not None, scanned=True)


def _decoded(image: Image.Image, name: str) -> Image.Image:
    """The image, upright; of an animation, the frame that has most drawn on it, or the last such.

    8 bits a channel, RGBA where something may be transparent, else RGB. InputError if it is broken.
    """
    try:
        image.draft("RGB", (4 * CANVAS, 4 * CANVAS))  # large JPEGs need not be decoded in full
        if image.format in _ANIMATED and getattr(image, "is_animated", False):
            image = _fullest_frame(image)
        image = ImageOps.exif_transpose(image)
        image.load()
        return _eight_bits(image)
    except Exception as error:  # Pillow meets broken files with many kinds of errors
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(f"{name}: is broken ({reason}): save it again") from None


def _fullest_frame(image: Image.Image) -> Image.Image:
    count = image.n_frames  # type: ignore[attr-defined]
    step = -(-count // _MOST_FRAMES)
    most, fullest = -1.0, image
    for number in range((count - 1) % step, count, step):
        image.seek(number)
        frame = _eight_bits(image.copy())
        small = on_paper(frame.resize((64, 64), Image.Resampling.BOX)).convert("L")
        detail = float(np.asarray(small, np.float32).std())
        if detail >= 0.9 * most:
            most, fullest = max(most, detail), frame
    return fullest


def _eight_bits(image: Image.Image) -> Image.Image:
    """RGBA or RGB, by what the mode is; more than 8 bits from black to the lightest value."""
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(image, np.float32))
        grey = (values * (255 / max(values.max(), 1e-9))).clip(0, 255).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode == "LAB":
        return image.getchannel("L").convert("RGB")
    if image.mode == "P" and isinstance(image.info.get("transparency"), bytes):
        colours = len(image.getpalette() or ()) // 3  # a file may have more of these than colours
        image.info["transparency"] = image.info["transparency"][:colours]
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _of_the_face(lines: Mask) -> Mask:
    """Without what lies apart from the face: a title, a signature, a frame, an edge."""
    half = lines[::2, ::2] | lines[1::2, ::2] | lines[::2, 1::2] | lines[1::2, 1::2]
    parts, count = ndimage.label(grown(half, _APART / 4))
    if count < 2:
        return lines
    parts = parts.repeat(2, axis=0).repeat(2, axis=1)
    sizes = np.bincount(parts[lines], minlength=count + 1)
    spans = [
        (np.array([down.start, right.start]), np.array([down.stop, right.stop]))
        for down, right in ndimage.find_objects(parts)
    ]
    # What has a face: a part with all that lies in it. A frame has one too, but a smaller one.
    large = np.flatnonzero(sizes >= 0.2 * sizes.max())
    candidates = {
        tuple(_near(parts, lines, lines & (parts == part), sizes, _BESIDE) > 0.5) for part in large
    }
    chosen = np.array(candidates.pop())
    if candidates:
        likeness = {some: _likeness(lines, parts, some) for some in (tuple(chosen), *candidates)}
        best = max(likeness, key=lambda some: likeness[some])
        chosen, likely = np.array(best), likeness[best]
        # A face may be in pieces, where it was rubbed out or crossed by a rule.
        left = np.flatnonzero(~chosen & (sizes >= 0.1 * sizes[chosen].sum()))
        for part in left[np.argsort(-sizes[left])][:_MOST_PIECES]:
            more = chosen | (_near(parts, lines, lines & (parts == part), sizes, _BESIDE) > 0.5)
            if (together := _likeness(lines, parts, tuple(more))) > likely:
                chosen, likely = more, together
    for _ in range(2):
        face = lines & chosen[parts]
        rows, columns = np.nonzero(face)
        # Hair is around the face: in its box and beyond, but not much.
        box = np.array([[rows.min(), columns.min()], [rows.max(), columns.max()]])
        meets = [(np.maximum(a, box[0]) <= np.minimum(b, box[1])).all() for a, b in spans]
        around = _near(parts, lines, face, sizes, _AROUND) > 0.8
        chosen |= around & np.array([False, *meets])
        chosen |= _near(parts, lines, lines & chosen[parts], sizes, _BESIDE) > 0.5
    return lines & chosen[parts]


def _near(
    parts: NDArray[np.integer], lines: Mask, face: Mask, sizes: NDArray[np.integer], margin: float
) -> NDArray[np.floating]:
    """Which share of each part's lines is in the box around a face, with a margin."""
    rows, columns = np.nonzero(face)
    slack = int(margin * max(np.ptp(rows), np.ptp(columns)))
    box = tuple(
        slice(max(0, side.min() - slack), side.max() + slack + 1) for side in (rows, columns)
    )
    return np.bincount(parts[box][lines[box]], minlength=len(sizes)) / np.maximum(sizes, 1)


def _likeness(lines: Mask, parts: NDArray[np.integer], some: tuple[bool, ...]) -> float:
    return face_likeness(trace(lines & np.array(some)[parts]))


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
    scale = CANVAS / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
    colours = np.asarray(on_paper(small), np.float32) / np.float32(255)
    planes = _planes(colours)
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


def _planes(colours: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The channels (H, W) of a picture (H, W, 3), one by one; of a grey one the only one."""
    planes = list(np.ascontiguousarray(colours.transpose(2, 0, 1)))
    spread = reduce(np.maximum, planes) - reduce(np.minimum, planes)
    return planes if spread.max() > 0.02 else planes[:1]


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
        here = grown(_large((uneven < 0.06) & hued & (ink > 0.3), _FILLED), 2 * _LINE)
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
    inside = ndimage.binary_erosion(hull, _SQUARE, iterations=2)
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


def lines_of(ink: Ink) -> Mask:
    """The centrelines of what is drawn, one pixel wide, and the outlines of what is filled."""
    smooth = ndimage.gaussian_filter(ink, 0.7)
    noise = noise_of(smooth)
    mask = _drawn(smooth, noise)
    if not mask.any():
        return mask
    depth, lines = ndimage.distance_transform_edt(mask), skeletonize(mask)
    width = float(2 * np.median(depth[lines]))  # the usual one, of a line
    masses = _masses(mask, width)
    tone = hatching(lines & ~grown(_dark(masses, smooth), 2), smooth, noise)
    if tone.any():
        others = lines & ~tone
        around = grown(tone, np.percentile(depth[tone], 90) + 1)
        mask = mask & (grown(others, width / 2) | ~around)
        depth, lines = ndimage.distance_transform_edt(mask), skeletonize(mask)
        masses = _masses(mask, width)
    dots = _dots(mask & ~grown(masses, _MASS) if masses.any() else mask, width, depth)
    # A pen that fills goes along the border on the inside.
    for filled in (masses, shrunk(dots, width / 2 - 1) if width > 4 else dots):
        around = grown(filled, 1.5)
        mask = mask & ~around | around & ~filled
    if masses.any() or dots.any():
        depth, lines = ndimage.distance_transform_edt(mask), skeletonize(mask)
    return _without_clutter(_bridged(_without_spurs(lines, depth)))


def _drawn(smooth: Ink, noise: float) -> Mask:
    """Where there is ink: faint pencil that hangs together, and no grain of the paper."""
    inked = smooth[smooth > 4 * noise + 0.02]
    if not len(inked):
        return np.zeros(smooth.shape, bool)
    low = max(5 * noise, 0.25 * float(np.percentile(inked, 80)), 0.03)
    return apply_hysteresis_threshold(smooth, low, 2 * low)


def _masses(mask: Mask, width: float) -> Mask:
    """Large dark areas: hair that is solid or densely hatched.

    To the network hair is a border with nothing inside; hatching would be a thousand strands.
    """
    half = mask[::2, ::2] | mask[1::2, ::2] | mask[::2, 1::2] | mask[1::2, 1::2]
    area = max(_MASS_AREA, _MERGED * width**2)
    reach = max(_MASS, 1.2 * width) / 2
    hatched = shrunk(grown(half, _HATCHING / 2), _HATCHING / 2)
    core = grown(shrunk(hatched, reach), reach)
    if not core.any():
        return np.zeros_like(mask)
    smooth = ndimage.gaussian_filter(core.astype(np.float32), 2)
    full = ndimage.zoom(smooth, 2, order=1, grid_mode=True, mode="nearest") > 0.5
    return ~_large(~_large(full, area), area / 3)


def _dark(masses: Mask, ink: Ink) -> Mask:
    """Those of the masses that are no pale shading."""
    if not masses.any():
        return masses
    parts, count = ndimage.label(masses)
    level = ndimage.mean(ink, parts, np.arange(1, count + 1))
    dark = np.concatenate([[False], level > _SHADING * darkness(ink)])
    return dark[parts].astype(bool)


def _large(mask: Mask, area: float) -> Mask:
    """The connected parts of at least `area` pixels."""
    parts, count = ndimage.label(mask)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    return (mask & (sizes >= area)[parts]).astype(bool)


def _dots(mask: Mask, width: float, depth: NDArray[np.float64]) -> Mask:
    """Small filled shapes, pupils above all: compact, and thicker than lines are."""
    reach = max(4.5, 0.9 * width)
    thick = shrunk(mask, reach)
    if thick.any():
        thick = _compact(grown(thick, reach) & mask, 2 * reach, CANVAS, _LIPS)
        thick = _without_swellings(thick, mask, depth > _SWOLLEN / 2 * width)
    return thick | _compact(mask, 5, max(2 * width, 8))


def _without_swellings(blobs: Mask, mask: Mask, deep: Mask) -> Mask:
    """Without what lines swell to where they turn or meet: not `deep`, and lines leave it."""
    parts, _ = ndimage.label(blobs, _SQUARE)
    blobs = blobs.copy()
    for index, box in enumerate(ndimage.find_objects(parts), 1):
        here = tuple(slice(max(0, along.start - 4), along.stop + 4) for along in box)
        own = parts[here] == index
        _, leaving = ndimage.label(grown(own, 3) & ~grown(own, 1.5) & mask[here], _SQUARE)
        if leaving > 1 and not (own & deep[here]).any():
            blobs[here] &= ~own
    return blobs


def _compact(mask: Mask, shortest: float, longest: float, elongated: float = 2) -> Mask:
    """The connected parts that fill a box, less `elongated`, of sides within these limits."""
    parts, count = ndimage.label(mask, _SQUARE)
    found = np.zeros(count + 1, bool)
    for index, box in enumerate(ndimage.find_objects(parts), 1):
        low, high = sorted(side.stop - side.start for side in box)
        if shortest <= low and high <= longest and high < elongated * low:
            found[index] = (parts[box] == index).mean() > 0.6
    return found[parts]


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


def _without_clutter(lines: Mask) -> Mask:
    """Without the small strokes where strokes are dense, and without specks."""
    density = ndimage.uniform_filter(lines.astype(np.float32), 49)
    lines = lines.copy()
    for chain in pixel_chains(lines):
        crowd = density[chain[:, 0], chain[:, 1]].mean()
        if len(chain) < 6 or (len(chain) < 20 and crowd > 0.11):
            lines[chain[1:-1, 0], chain[1:-1, 1]] = False
    parts, count = ndimage.label(lines, _SQUARE)
    return lines & (np.bincount(parts.ravel(), minlength=count + 1) >= 7)[parts]
