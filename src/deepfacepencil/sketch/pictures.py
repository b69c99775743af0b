"""A file from outside -> its picture, upright and of 8 bits a channel; or the SVG that it is.

Whatever Pillow can read on its own is a drawing: an animation's fullest frame, the first page of a
PDF. A photo that the studio saved counts as the drawing in it.
"""

import io
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from ..budget import MAX_PIXELS
from ..errors import InputError, missing_package
from ..provenance import DRAWING_KEY
from . import svg
from .seen import on_paper
from .strokes import CANVAS

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
_T = TypeVar("_T")


def read_by_kind(
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


def require_good_size(image: Image.Image, name: str) -> None:
    """Raises InputError for an image too large (before it is decoded), too small or too narrow."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(f"{name}: {width} x {height} pixels, more than {_LIMIT}: scale it down")
    if min(width, height) < _MIN_SIDE:
        raise InputError(f"{name}: {width} x {height} pixels are too small: scan it larger")
    if max(width, height) > _MOST_ELONGATED * min(width, height):
        raise InputError(f"{name}: {width} x {height} pixels are too narrow: cut the face out")


def decoded(image: Image.Image, name: str) -> Image.Image:
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
