"""Strokes in and out of SVG files (section 3.1: a vectorized sketch is a set of Bezier curves).

Our own files come back as they were, classes included. Files from anywhere else are read with
suspicion: nothing in them is fetched, run or expanded, and what would need it is refused.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import resvg_py
import svgelements
from defusedxml import DefusedXmlException
from defusedxml import ElementTree as DefusedElementTree
from numpy.typing import NDArray
from PIL import Image

from ..budget import require_cheap_bytes, require_cheap_tree
from ..errors import InputError
from ..files import atomic_path
from .strokes import CANVAS, UNKNOWN, Strokes

MAX_BYTES = 5_000_000
HEAD = 1 << 16  # bytes in which an SVG has begun: editors write long comments before it
_PICTURES = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"RIFF", b"BM", b"II*", b"MM\0*")
MAX_POINTS = 200_000
_MAX_DEPTH = 100  # groups in groups
_MAX_CHARACTERS = 4 * MAX_BYTES  # to parse once every <use> is written out and every style applied

_NUMBER = re.compile(r"\d*\.?\d+(?:e[-+]?\d+)?", re.IGNORECASE)
_OUTSIDE_CSS = re.compile(r"@import|url\(\s*[\"']?(?!#|data:|[\"'\s])", re.IGNORECASE)
_CLASSES = re.compile(r"(\d{1,2}|255) (\d{1,2}|255)")
# What a line drawing can do without.
_NOT_DRAWN = {"clipPath", "foreignObject", "marker", "mask", "metadata", "pattern", "text"}
_NO_LINES = {"filter", "image"}  # what is in them, or what they do, is not drawn either
_FILTER = re.compile(r"\bfilter\s*:[^;}]*")
_MISPLACED = {"symbol", "svg"}  # inside a document, by svgelements
_NOTHING = re.compile(r"\s*(?:0*\.)?0+%?\s*")
_SAME_COLOUR = 16  # a difference per channel (of 255) that nobody sees


def to_svg(strokes: Strokes) -> str:
    """The drawing as an SVG document: black on white, a path for each stroke, to 0.01 pixel."""
    paths = []
    for chain, (one, other) in zip(strokes, strokes.classes, strict=True):
        start, *rest = (f"{x:.2f} {y:.2f}" for x, y in chain)
        paths.append(f'<path data-classes="{one} {other}" d="M{start}C{" ".join(rest)}"/>\n')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}"'
        f' width="{CANVAS}" height="{CANVAS}">\n'
        f'<rect width="{CANVAS}" height="{CANVAS}" fill="#fff"/>\n'
        f'<g fill="none" stroke="#000" stroke-linecap="round">\n{"".join(paths)}</g>\n</svg>\n'
    )


def save(strokes: Strokes, path: Path) -> None:
    """Write `to_svg` to `path`: the whole file or, when interrupted, none."""
    with atomic_path(path) as temporary:
        temporary.write_text(to_svg(strokes))


def is_svg(head: bytes, name: str) -> bool:
    """Whether a file of this name that begins with these (HEAD) bytes claims to be one.

    Photos of the studio have an SVG inside, and are none.
    """
    if name.lower().endswith(".svg"):
        return True
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
    not. Raises InputError for what is no SVG, is too large, wants something from outside or has
    nothing drawn in it.
    """
    return read(text, name).strokes


class Document(NamedTuple):
    """What an SVG document has in it."""

    strokes: Strokes
    # Whether to trace the picture instead: most strokes are outlines of areas, perhaps lines, as
    # tracing programs save them; or some are not where they belong.
    better_seen: bool
    picture: Callable[[], Image.Image]  # as people see it: 1024 pixels, on paper


def read(text: bytes | str, name: str) -> Document:
    """`parse` for those who want to know more."""
    if len(text) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES // 10**6} MB: simplify the drawing")
    root = _checked_tree(text, name)
    # svgelements is kind to files that are a little wrong; for very wrong ones it has any kind of
    # exception.
    try:
        page = svgelements.SVG.parse(_Source(root))
        shapes = [shape for shape in page.elements() if isinstance(shape, svgelements.Shape)]
        if not (isinstance(page.width, (int, float)) and isinstance(page.height, (int, float))):
            raise ValueError("its page has no size")
        for paper in ("white", "black"):  # black is for light lines on nothing
            chains, classes, areas = _strokes_of(shapes, (page.width, page.height), paper)
            if chains:
                break
    except Exception as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"{name}: cannot be read as SVG ({reason}): save it again") from None
    points = sum(map(len, chains))
    if points > MAX_POINTS:
        raise InputError(f"{name}: {points} points, more than {MAX_POINTS}: simplify the drawing")
    if not chains:
        raise InputError(f"{name}: has no strokes: draw lines, not text or images")
    every = np.concatenate(chains)
    sized = root.get("viewBox") or (root.get("width") and root.get("height"))
    low = np.zeros(2) if sized else every.min(axis=0)
    size = np.array([page.width, page.height]) if sized else np.ptp(every, axis=0)
    if not (np.isfinite(every).all() and np.isfinite(size).all() and size.max() > 0):
        raise InputError(f"{name}: has coordinates that are no finite numbers: save it again")
    scale = CANVAS / size.max()
    margin = (CANVAS - size * scale) / 2
    strokes = Strokes.of([(chain - low) * scale + margin for chain in chains], classes)
    misplaced = any(
        (_local(e.tag) in _MISPLACED and e is not root) or "transform-origin" in e.attrib
        for e in root.iter()
    )
    better_seen = misplaced or areas > len(chains) / 2
    return Document(strokes, better_seen, lambda: _picture(root, paper, name))


def _picture(root: ElementTree.Element, paper: str, name: str) -> Image.Image:
    """The checked document by resvg."""
    try:
        png = resvg_py.svg_to_bytes(
            ElementTree.tostring(root, "unicode"),
            background=paper,
            dpi=96,
            skip_system_fonts=True,
            width=2 * CANVAS,  # it fits into both; one alone leaves the other without a bound
            height=2 * CANVAS,
        )
    except ValueError as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"{name}: cannot be drawn ({reason}): save it again") from None
    return Image.open(io.BytesIO(png)).convert("RGB")


class _Source:
    """A checked tree as the file that svgelements wants to read: not the bytes that came in."""

    def __init__(self, root: ElementTree.Element):
        self._rest = ElementTree.tostring(root)

    def read(self, count: int) -> bytes:
        now, self._rest = self._rest[:count], self._rest[count:]
        return now


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _checked_tree(text: bytes | str, name: str) -> ElementTree.Element:
    """The document without what is never drawn; InputError where it is not safe to go on."""
    require_cheap_bytes(text, name)
    try:
        root = DefusedElementTree.fromstring(text)
    except DefusedXmlException:
        raise InputError(
            f"{name}: declares XML entities, which are refused: save it as plain SVG"
        ) from None
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputError(f"{name}: is not well-formed SVG ({error}): save it again") from None
    if _local(root.tag) != "svg":
        raise InputError(f"{name}: is no SVG file: its root is <{_local(root.tag)[:30]}>")
    for element in root.iter():
        tag = _local(element.tag)
        if tag == "script" or any(_local(key).lower().startswith("on") for key in element.attrib):
            raise InputError(f"{name}: contains a script, which is refused: save it as plain SVG")
        links = [value for key, value in element.items() if _local(key) in ("href", "src")]
        css = [*element.attrib.values(), (element.text or "") if tag == "style" else ""]
        if any(not link.strip().startswith(("#", "data:")) for link in links) or any(
            map(_OUTSIDE_CSS.search, css)
        ):
            raise InputError(
                f"{name}: refers to something outside it, which is refused: remove links"
            )
        element[:] = [child for child in element if _local(child.tag) not in _NOT_DRAWN]
    for element in list(root.iter()):
        element[:] = [child for child in element if _local(child.tag) not in _NO_LINES]
        # What refers to a filter that is gone would not be drawn.
        element.attrib.pop("filter", None)
        if "style" in element.attrib:
            element.set("style", _FILTER.sub("", element.get("style", "")))
        if _local(element.tag) == "style":
            element.text = _FILTER.sub("", element.text or "")
    if root.get("viewBox"):  # says the page's shape; its size on a screen (1em) says nothing
        for side in ("width", "height"):
            root.attrib.pop(side, None)
    require_cheap_tree(root, name)
    _check_size(root, name)
    return root


def _check_size(root: ElementTree.Element, name: str) -> None:
    """InputError for a drawing that is small on disk and huge or endless once it is written out."""
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    style = sum(len(e.text or "") for e in root.iter() if _local(e.tag) == "style")
    numbers = characters = 0
    todo = [(root, style, 0)]
    while todo:
        element, inherited, depth = todo.pop()
        inherited += len(element.get("transform", ""))
        geometry = element.get("d", "") + " " + element.get("points", "")
        numbers += len(_NUMBER.findall(geometry))
        characters += inherited + sum(map(len, element.attrib.values())) + 1
        if numbers > 2 * MAX_POINTS or characters > _MAX_CHARACTERS or depth > _MAX_DEPTH:
            raise InputError(f"{name}: too large or too deeply nested: simplify the drawing")
        inside = list(element)
        if _local(element.tag) == "use":
            links = [value for key, value in element.items() if _local(key) == "href"]
            inside += [by_id[link[1:]] for link in links if link[1:] in by_id]
        todo += [(child, inherited, depth + 1) for child in inside]


def _strokes_of(
    shapes: Iterable[svgelements.Shape], size: tuple[float, float], background: str
) -> tuple[list[NDArray[np.float64]], list[tuple[int, int]], int]:
    """The chains of all shapes that can be seen, and the classes our own files give them.

    And how many of the chains are outlines of areas without a line around.
    """
    paper = svgelements.Color(background)
    chains, classes, areas = [], [], 0
    for shape in shapes:
        values = shape.values
        transparent = _NOTHING.fullmatch(str(values.get("opacity", "")))
        hidden = transparent or values.get("visibility") in ("hidden", "collapse")
        line = shape.stroke if shape.stroke_width else None
        if hidden or not (_shows(line, None) or _shows(shape.fill, None)):
            continue
        alone = isinstance(shape, svgelements.Rect) or not _shows(line, None)
        if alone and _shows(shape.fill, None) and _covers(shape, size):
            paper = shape.fill
            continue
        if _shows(line, paper) or _shows(shape.fill, paper):
            found = list(_chains(shape))
            known = _CLASSES.fullmatch(values.get("data-classes", ""))
            pair = (int(known[1]), int(known[2])) if known else (UNKNOWN, UNKNOWN)
            chains += found
            classes += [pair] * len(found)
            areas += 0 if _shows(line, paper) else len(found)
    return chains, classes, areas


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
