"""Strokes in and out of SVG files (section 3.1: a vectorized sketch is a set of Bezier curves).

Our own files come back as they were, classes included. Files from anywhere else are read with
suspicion: nothing in them is fetched or run, and what would need it is left out (foreign.py).
"""

import io
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import resvg_py
import svgelements
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..files import atomic_path
from .foreign import MAX_BYTES, MAX_POINTS, checked_tree
from .lines import to_svg
from .strokes import CANVAS, UNKNOWN, Strokes

HEAD = 1 << 16  # bytes in which an SVG has begun: editors write long comments before it
_PICTURES = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"RIFF", b"BM", b"II*", b"MM\0*")
_GZIP = b"\x1f\x8b"
_CLASSES = re.compile(r"(\d{1,2}|255) (\d{1,2}|255)")
_NOTHING = re.compile(r"\s*(?:0*\.)?0+%?\s*")
_SAME_COLOUR = 16  # a difference per channel (of 255) that nobody sees


def save(strokes: Strokes, path: Path) -> None:
    """Write `to_svg` to `path`: the whole file or, when interrupted, none."""
    with atomic_path(path) as temporary:
        temporary.write_text(to_svg(strokes))


def is_svg(head: bytes, name: str) -> bool:
    """Whether a file of this name that begins with these (HEAD) bytes claims to be one.

    Photos of the studio have an SVG inside, and are none.
    """
    if name.lower().endswith((".svg", ".svgz")):
        return True
    if head.startswith(_GZIP):
        head = zlib.decompressobj(wbits=31).decompress(head, HEAD)
    text = head[:HEAD].replace(b"\0", b"")  # as in UTF-16
    return not head.startswith(_PICTURES) and b"<svg" in text


def load(path: Path) -> Strokes:
    """The strokes of an SVG file, its page fitted into the middle of the canvas.

    Raises InputError if there is no such file or `parse` cannot use it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give an SVG file") from None
    return parse(data, str(path))


def parse(text: bytes | str, name: str) -> Strokes:
    """The strokes of an SVG document; `name` is what an error calls it.

    Lines, curves and outlines of shapes become strokes; text, images and the colour of areas do
    not. Raises InputError for what is no SVG, is too large or has nothing drawn in it.
    """
    strokes = read(text, name).strokes
    if not len(strokes):
        raise InputError(f"{name}: has no strokes: draw lines, not text")
    return strokes


class Document(NamedTuple):
    """What an SVG document has in it."""

    strokes: Strokes  # none where the document can only be looked at
    widths: NDArray[np.float64]  # (strokes,) of their pens, on the canvas; 0 around an area
    areas: int  # strokes that are outlines of areas: perhaps lines, as tracing programs save them
    root: ElementTree.Element  # checked
    name: str

    def picture(self, size: int) -> Image.Image:
        """As people see it, RGBA, its longer side `size` pixels. Raises InputError."""
        return _picture(self.root, size, self.name)


def read(text: bytes | str, name: str) -> Document:
    """`parse` for those who also want to look at it; a document without strokes is none's fault.

    Raises InputError for what is no SVG, or too large.
    """
    root = checked_tree(_unzipped(text, name), name)
    # svgelements is kind to files that are a little wrong; for very wrong ones it has any kind of
    # exception. Such a document can still be looked at.
    try:
        return _vectors(root, name)
    except InputError:
        raise
    except Exception:
        return Document(Strokes.of([]), np.zeros(0), 0, root, name)


def _vectors(root: ElementTree.Element, name: str) -> Document:
    page = svgelements.SVG.parse(_Source(root))
    shapes = [shape for shape in page.elements() if isinstance(shape, svgelements.Shape)]
    if not (isinstance(page.width, (int, float)) and isinstance(page.height, (int, float))):
        raise ValueError("its page has no size")
    for paper in ("white", "black"):  # black is for light lines on nothing
        chains, classes, widths = _strokes_of(shapes, (page.width, page.height), paper)
        if chains:
            break
    points = sum(map(len, chains))
    if points > MAX_POINTS:
        raise InputError(f"{name}: {points} points, more than {MAX_POINTS}: simplify the drawing")
    if not chains:
        return Document(Strokes.of([]), np.zeros(0), 0, root, name)
    every = np.concatenate(chains)
    low, size = np.zeros(2), np.array([page.width, page.height])
    sized = root.get("viewBox") or (root.get("width") and root.get("height"))
    # A drawing beside its page is seen where drawings are made.
    beside = not ((every >= low) & (every <= size)).all(axis=1).any()
    if not sized or beside:
        low, size = every.min(axis=0), np.ptp(every, axis=0)
    if not (np.isfinite(every).all() and np.isfinite(size).all() and size.max() > 0):
        raise InputError(f"{name}: has coordinates that are no finite numbers: save it again")
    if not sized or beside:
        root = _viewed(root, low, size)
    scale = CANVAS / size.max()
    margin = (CANVAS - size * scale) / 2
    strokes = Strokes.of([(chain - low) * scale + margin for chain in chains], classes)
    areas = sum(width == 0 for width in widths)
    return Document(strokes, np.array(widths) * scale, areas, root, name)


def _viewed(
    root: ElementTree.Element, low: NDArray[np.float64], size: NDArray[np.float64]
) -> ElementTree.Element:
    """The document with another page: from `low` on, `size` large."""
    corner = [float(number) for number in root.get("viewBox", "0 0").replace(",", " ").split()[:2]]
    left, top = low + corner
    width, height = np.maximum(size, 1e-3 * size.max())
    view = {"viewBox": f"{left} {top} {width} {height}"}
    kept = {key: value for key, value in root.attrib.items() if key not in ("width", "height")}
    viewed = ElementTree.Element(root.tag, kept | view)
    viewed.extend(root)
    return viewed


def _picture(root: ElementTree.Element, size: int, name: str) -> Image.Image:
    """The checked document by resvg."""
    try:
        png = resvg_py.svg_to_bytes(
            ElementTree.tostring(_enlarged(root, size), "unicode"),
            dpi=96,
            skip_system_fonts=True,
            width=size,  # it fits into both; one alone leaves the other without a bound
            height=size,
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in resvg is no Exception
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"{name}: cannot be drawn ({reason}): save it again") from None
    return Image.open(io.BytesIO(png)).convert("RGBA")


def _enlarged(root: ElementTree.Element, size: int) -> ElementTree.Element:
    """The document, whose page is said to be large if it is a few pixels: resvg rounds its size."""
    try:
        width, height = map(float, root.get("viewBox", "").replace(",", " ").split()[2:])
    except ValueError:
        return root
    if not 0 < max(width, height) < size / 4:
        return root
    scale = size / max(width, height)
    said = {"width": str(width * scale), "height": str(height * scale)}
    enlarged = ElementTree.Element(root.tag, {**root.attrib, **said})
    enlarged.extend(root)
    return enlarged


def _unzipped(text: bytes | str, name: str) -> bytes | str:
    """What is in an SVGZ; anything else as it is."""
    if isinstance(text, str) or not text.startswith(_GZIP):
        return text
    try:
        return zlib.decompressobj(wbits=31).decompress(text, MAX_BYTES + 1)
    except zlib.error as error:
        raise InputError(f"{name}: is a broken SVGZ ({error}): save it again") from None


class _Source:
    """A checked tree as the file that svgelements wants to read: not the bytes that came in."""

    def __init__(self, root: ElementTree.Element):
        self._rest = ElementTree.tostring(root)

    def read(self, count: int) -> bytes:
        now, self._rest = self._rest[:count], self._rest[count:]
        return now


def _strokes_of(
    shapes: Iterable[svgelements.Shape], size: tuple[float, float], background: str
) -> tuple[list[NDArray[np.float64]], list[tuple[int, int]], list[float]]:
    """The chains of all shapes that may be seen, the classes our own files give them, and the
    widths of their pens: 0 for the outline of an area without a line around.
    """
    paper = svgelements.Color(background)
    chains: list[NDArray[np.float64]] = []
    classes: list[tuple[int, int]] = []
    widths: list[float] = []
    for shape in shapes:
        values = shape.values
        transparent = _NOTHING.fullmatch(str(values.get("opacity", "")))
        hidden = transparent or values.get("visibility") in ("hidden", "collapse")
        line = _paint(shape, "stroke") if shape.stroke_width else None
        fill = _paint(shape, "fill")
        if hidden or not (_shows(line, None) or _shows(fill, None)):
            continue
        if _shows(fill, None) and _covers(shape, size):
            paper = fill
            continue
        if _shows(line, paper) or _shows(fill, paper):
            found = list(_chains(shape))
            known = _CLASSES.fullmatch(values.get("data-classes", ""))
            pair = (int(known[1]), int(known[2])) if known else (UNKNOWN, UNKNOWN)
            width = float(shape.implicit_stroke_width) if _shows(line, paper) else 0.0
            chains += found
            classes += [pair] * len(found)
            widths += [width] * len(found)
    return chains, classes, widths


def _paint(shape: svgelements.Shape, of: str) -> svgelements.Color | None:
    """The colour of a shape's `stroke` or `fill`; a pattern or gradient is none."""
    if str(shape.values.get(of, "")).strip().startswith("url("):
        return None
    return getattr(shape, of)


def _shows(colour: svgelements.Color | None, paper: svgelements.Color | None) -> bool:
    """Whether the colour is one, and is not the paper's."""
    if colour is None or colour.value is None or colour.alpha == 0:
        return False
    return paper is None or any(
        abs(getattr(colour, channel) - getattr(paper, channel)) > _SAME_COLOUR
        for channel in ("red", "green", "blue")
    )


def _covers(shape: svgelements.Shape, size: tuple[float, float]) -> bool:
    """Whether a shape is (almost) the page or more, without holes or round sides: the paper."""
    box = shape.bbox()
    if box is None:
        return False
    slack = 0.02 * max(size)
    if max(box[:2]) > slack or box[2] < size[0] - slack or box[3] < size[1] - slack:
        return False
    outlines = list(_chains(shape))
    if len(outlines) != 1:
        return False
    x, y = outlines[0][::3].T
    area = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    return bool(area > 0.95 * (box[2] - box[0]) * (box[3] - box[1]))


def _chains(shape: svgelements.Shape) -> Iterator[NDArray[np.float64]]:
    """The outline of a shape as chains of cubic Beziers, each (3 n + 1, 2)."""
    path = svgelements.Path(shape)
    path.reify()
    path.approximate_arcs_with_cubics()
    chain: list[tuple[float, float]] = []
    for segment in path:
        if isinstance(segment, svgelements.Move):
            if len(chain) > 1:
                yield np.array(chain)
            chain = [tuple(segment.end)]
            continue
        if segment.end is None:
            continue
        p0, p3 = np.array(chain[-1]), np.array(tuple(segment.end))
        if isinstance(segment, svgelements.CubicBezier):
            p1, p2 = np.array(tuple(segment.control1)), np.array(tuple(segment.control2))
        elif isinstance(segment, svgelements.QuadraticBezier):
            control = np.array(tuple(segment.control))
            p1, p2 = p0 + (control - p0) * 2 / 3, p3 + (control - p3) * 2 / 3
        else:  # Line or Close
            p1, p2 = p0 + (p3 - p0) / 3, p0 + (p3 - p0) * 2 / 3
        if (np.stack([p1, p2, p3]) != p0).any():
            chain += [tuple(p1), tuple(p2), tuple(p3)]
    if len(chain) > 1:
        yield np.array(chain)
