"""An SVG document from anywhere -> a tree that is safe to draw, without what is not drawn here.

Nothing is fetched or run: links, fonts, scripts and events are left out and the rest is used, as a
browser does that is not allowed them. What would be endless is refused.
"""

import base64
import io
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as DefusedElementTree
from PIL import Image

from ..budget import MAX_PIXELS, require_cheap_bytes, require_cheap_tree
from ..errors import InputError
from .strokes import CANVAS

MAX_BYTES = 5_000_000
MAX_POINTS = 200_000
_MAX_DEPTH = 100  # groups in groups
_MAX_CHARACTERS = 4 * MAX_BYTES  # to parse once every <use> is written out and every style applied
_LONGEST_ENTITY = 128  # characters: of a namespace, as Illustrator declares them

_NUMBER = re.compile(r"\d*\.?\d+(?:e[-+]?\d+)?", re.IGNORECASE)
# Numbers that no drawing has, and resvg has no answer to.
_HUGE = re.compile(r"(?<![\d.])(?:\d*\.?\d+e\+?\d{2,}|\d{10,})", re.IGNORECASE)
_NAMED = re.compile(r"[#\"'][-\w]*|[-a-z_]{2}[-\w]*", re.IGNORECASE)  # colours, words
_SIZES = {
    "d", "points", "transform", "style", "stroke-width", "width", "height", "x", "y", "x1", "y1",
    "x2", "y2", "cx", "cy", "r", "rx", "ry", "viewBox", "stroke-dasharray",
}  # fmt: skip
_LEFT_OUT = {
    "script", "foreignObject", "metadata", "title", "desc", "text", "filter", "animate",
    "animateMotion", "animateTransform", "set", "audio", "video", "iframe", "font", "font-face",
}  # fmt: skip
_REFERENCE = re.compile(r"url\(\s*[\"']?#([^\"')]+)[\"']?\s*\)")
_ELSEWHERE = re.compile(r"url\(\s*[\"']?(?!\s*[\"']?#)[^)]*\)?", re.IGNORECASE)
_RULES_ELSEWHERE = re.compile(
    r"@import[^;]*;?|@font-face\s*\{[^}]*\}|@namespace[^;]*;?", re.IGNORECASE
)
_FILTER = re.compile(r"(?<![-\w])filter\s*:[^;}]*;?")
_VARIABLE = re.compile(r"(--[-\w]+)\s*:\s*([^;{}]{1,100})")
_VAR = re.compile(r"var\(\s*(--[-\w]+)\s*(?:,((?:[^()]|\([^()]*\))*))?\)")
_PAINTS = ("fill", "stroke", "stop-color", "color")
_PAINT_IN_CSS = re.compile(rf"(?<![-\w])({'|'.join(_PAINTS)})\s*:\s*([^;}}]*)")
# Functions in which tools of today write colours, that resvg does not know.
_UNKNOWN_PAINT = re.compile(
    r"\s*(?:$|(?!rgba?\(|hsla?\(|url\()[-\w]+\()|.*!ie\b", re.IGNORECASE | re.DOTALL
)
_PAINT_SERVERS = {"pattern", "mask", "clipPath", "marker"}


def checked_tree(text: bytes | str, name: str) -> ElementTree.Element:
    """The document without what is never drawn; InputError where it is not safe to go on."""
    if len(text) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES // 10**6} MB: simplify the drawing")
    require_cheap_bytes(text, name)
    root = _parsed(text, name)
    if local(root.tag) != "svg":
        raise InputError(f"{name}: is no SVG file: its root is <{local(root.tag)[:30]}>")
    _refuse_depth(root, name)
    variables: dict[str, str] = {}
    for element in root.iter():
        css = (element.text or "") if local(element.tag) == "style" else element.get("style", "")
        variables |= {found[1]: found[2].strip() for found in _VARIABLE.finditer(css)}
    named = {
        found
        for element in root.iter()
        for value in (*element.attrib.values(), element.text or "")
        for found in _REFERENCE.findall(value)
    }
    pixels = 0
    for element in list(root.iter()):
        kept = []
        for child in element:
            tag = local(child.tag)
            if tag == "image":
                pixels = _embed(child, pixels)
            elsewhere = tag in ("use", "image") and not _link(child).startswith(("#", "data:"))
            unused = tag in _PAINT_SERVERS and child.get("id") not in named
            if not (elsewhere or unused or tag in _LEFT_OUT):
                kept.append(child)
        element[:] = kept
        _clean(element, variables)
        sizes = [value for key, value in element.items() if key in _SIZES - {"style"}]
        sheets = [element.get("style", ""), (element.text or "") * (local(element.tag) == "style")]
        sizes += [_NAMED.sub("", sheet) for sheet in sheets]
        if any(map(_HUGE.search, sizes)):
            raise InputError(f"{name}: has coordinates that are no finite numbers: save it again")
    if root.get("viewBox"):  # says the page's shape; its size on a screen (1em) says nothing
        for side in ("width", "height"):
            root.attrib.pop(side, None)
    require_cheap_tree(root, name)
    _check_size(root, name)
    return root


def local(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


class _Parser(DefusedElementTree.DefusedXMLParser):
    """Lets short entities in: Illustrator writes its namespaces with them."""

    entities = 0

    def defused_entity_decl(self, name, is_parameter, value, base, system, public, notation):  # type: ignore[no-untyped-def]
        plain = not is_parameter and value is not None and len(value) <= _LONGEST_ENTITY
        if not plain or "&" in value or "%" in value or "<" in value:
            super().defused_entity_decl(name, is_parameter, value, base, system, public, notation)
        self.entities += 1


def _parsed(text: bytes | str, name: str) -> ElementTree.Element:
    try:
        parser = _Parser(
            target=ElementTree.TreeBuilder(),
            forbid_dtd=False,
            forbid_entities=True,
            forbid_external=True,
        )
        parser.feed(text)
        root = parser.close()
        uses = text.count("&") if isinstance(text, str) else text.count(b"&")
    except DefusedXmlException:
        raise InputError(
            f"{name}: declares XML entities, which are refused: save it as plain SVG"
        ) from None
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputError(f"{name}: is not well-formed SVG ({error}): save it again") from None
    if parser.entities and uses * _LONGEST_ENTITY > _MAX_CHARACTERS:
        raise InputError(f"{name}: uses too many XML entities: save it as plain SVG")
    return root


def _refuse_depth(root: ElementTree.Element, name: str) -> None:
    level = [root]
    for _ in range(_MAX_DEPTH + 1):
        level = [child for element in level for child in element]
    if level:
        raise InputError(f"{name}: too large or too deeply nested: simplify the drawing")


def _link(element: ElementTree.Element) -> str:
    return next((v.strip() for k, v in element.items() if local(k) == "href"), "")


def _embed(image: ElementTree.Element, pixels: int) -> int:
    """A picture inside the document as a plain PNG; one from elsewhere, or broken, loses its link.

    `pixels` is how many pictures had before; returns how many they have now.
    """
    link = _link(image)
    for key in [key for key in image.attrib if local(key) == "href"]:
        del image.attrib[key]
    head, comma, data = link.partition(",")
    if not (comma and re.match(r"data:image/(?!svg)", head, re.IGNORECASE)):
        return pixels
    try:
        base = head.rstrip().lower().endswith("base64")
        raw = base64.b64decode(unquote_to_bytes(data)) if base else unquote_to_bytes(data)
        with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG", "GIF", "WEBP", "BMP")) as picture:
            width, height = picture.size
            pixels += width * height
            if pixels > MAX_PIXELS:
                return pixels
            picture.draft("RGB", (2 * CANVAS, 2 * CANVAS))
            small = picture.convert("RGBA")
    except Exception:  # Pillow meets broken files with many kinds of errors
        return pixels
    small.thumbnail((2 * CANVAS, 2 * CANVAS))
    encoded = io.BytesIO()
    small.save(encoded, "PNG", compress_level=1)
    for side, length in (("width", width), ("height", height)):
        image.attrib.setdefault(side, str(length))
    image.set("href", f"data:image/png;base64,{base64.b64encode(encoded.getvalue()).decode()}")
    return pixels


def _clean(element: ElementTree.Element, variables: dict[str, str]) -> None:
    """Without events, links and filters; with variables and unknown paint replaced."""
    tag = local(element.tag)
    if tag == "a":
        element.tag = element.tag[: -len("a")] + "g"
    for key, value in list(element.items()):
        name = local(key)
        link = name == "href" and tag != "image" and not value.strip().startswith("#")
        if link or name.lower().startswith("on") or name in ("filter", "base", "src"):
            del element.attrib[key]
        elif name == "style":
            element.set(key, _cleaned_css(value, variables))
        elif name in _PAINTS or "url(" in value or "var(" in value:
            value = _ELSEWHERE.sub("none", _resolved(value, variables))
            if name in _PAINTS and _UNKNOWN_PAINT.match(value):
                value = "#000" if name == "stroke" else "none"
            element.set(key, value)
    if tag == "style":
        element.text = _cleaned_css(element.text or "", variables)


def _cleaned_css(css: str, variables: dict[str, str]) -> str:
    css = _RULES_ELSEWHERE.sub("", _FILTER.sub("", css))
    css = _ELSEWHERE.sub("none", _resolved(css, variables))

    def known(found: re.Match[str]) -> str:
        value = found[2]
        if _UNKNOWN_PAINT.match(value):
            value = "#000" if found[1] == "stroke" else "none"
        return f"{found[1]}:{value}"

    return _PAINT_IN_CSS.sub(known, css)


def _resolved(value: str, variables: dict[str, str]) -> str:
    """With the values of CSS variables for var(), which svgelements and resvg do not know."""
    for _ in range(4):  # a variable may name another
        if "var(" not in value:
            break
        value = _VAR.sub(lambda found: variables.get(found[1], (found[2] or "").strip()), value)
    return value


def _check_size(root: ElementTree.Element, name: str) -> None:
    """InputError for a drawing that is small on disk and huge or endless once it is written out."""
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    styles = [element.text or "" for element in root.iter() if local(element.tag) == "style"]
    everywhere = [
        by_id[found]
        for text in styles
        for found in set(_REFERENCE.findall(text))
        if found in by_id and local(by_id[found].tag) in _PAINT_SERVERS
    ]
    style = sum(map(len, styles))
    numbers = characters = 0
    todo = [(root, style, 0)]
    while todo:
        element, inherited, depth = todo.pop()
        inherited += len(element.get("transform", ""))
        geometry = element.get("d", "") + " " + element.get("points", "")
        numbers += len(_NUMBER.findall(geometry))
        if local(element.tag) != "image":
            characters += inherited + sum(map(len, element.attrib.values())) + 1
        if numbers > 2 * MAX_POINTS or characters > _MAX_CHARACTERS or depth > _MAX_DEPTH:
            raise InputError(f"{name}: too large or too deeply nested: simplify the drawing")
        inside = list(element)
        if local(element.tag) == "use":
            inside += [by_id[link[1:]] for link in [_link(element)] if link[1:] in by_id]
        inside += _painted_with(element, by_id)
        if depth == 1:  # what a style sheet may paint any element with
            inside += everywhere
        todo += [(child, inherited, depth + 1) for child in inside]


def _painted_with(
    element: ElementTree.Element, by_id: dict[str | None, ElementTree.Element]
) -> Iterator[ElementTree.Element]:
    """The patterns, masks, clips and markers that an element is drawn with."""
    for value in element.attrib.values():
        if "url(" in value:
            for found in _REFERENCE.findall(value):
                if found in by_id and local(by_id[found].tag) in _PAINT_SERVERS:
                    yield by_id[found]
