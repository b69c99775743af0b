"""What a drawing from outside may cost, reckoned before any library works on it.

A few hundred bytes can ask for a billion strokes: copies of copies, dashes finer than anything
seen, text that a reader goes through once for each of its letters. Each is counted here in one pass
over the file; whoever still takes too long is ended by the process it is read in (apart.py).
"""

import os
import re
import select
import time
from pathlib import Path
from xml.etree import ElementTree

from .errors import InputError

MAX_FILE = 100_000_000  # bytes: an uncompressed scan of 32 megapixels
MAX_PIXELS = 50_000_000
LONGEST_PAUSE = 10.0  # seconds that nothing comes through a pipe
MAX_ELEMENTS = 50_000
MAX_COPIES = 3_000  # elements that <use> adds: reading one takes a millisecond
MAX_VALUE = 20_000  # characters of an attribute that is no geometry
MAX_STEPS = 5_000_000  # of walks back to the beginning of a path that is closed again and again
_FINEST = 1 / 2_000  # of the page: shorter dashes are seen as a line

_LONG_VALUES = {"d", "points", "href"}
_PATH_PART = re.compile(r"[Mm]|[Zz]|[A-Za-df-ln-y]|\d[\d.]*")
_BRACE = re.compile(r"[{}]")
_DASHES = re.compile(r"(stroke-dasharray\s{0,9}:)([^;{}]{0,400})", re.IGNORECASE)
_NUMBER = re.compile(r"\d*\.?\d+(?:[eE][-+]?\d+)?")


def require_size(size: int, name: str) -> None:
    """InputError for more bytes than a drawing has."""
    if size > MAX_FILE:
        raise InputError(f"{name}: larger than {MAX_FILE // 10**6} MB: scale it down")


def require_regular(path: Path) -> None:
    """InputError for what is there and no file: reading a device or a pipe need not end."""
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a device or pipe"
        raise InputError(f"{path} is {what}, where a file is wanted: remove it, or name another")


def read_file(path: Path) -> bytes:
    """What is in the file of a drawing, or comes through a pipe, unless it is too much.

    Raises InputError, also for a pipe through which nothing comes.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir() and hasattr(select, "poll"):
            data = _piped(path)
        else:
            require_regular(path)
            with path.open("rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}): give a PNG, JPEG, WebP or SVG file"
        ) from None
    require_size(len(data), str(path))
    return data


def _piped(path: Path) -> bytes:
    """What comes through a pipe or device until it ends; it may not pause for long."""
    parts: list[bytes] = []
    size, last = 0, time.monotonic()
    # Not blocking, as nobody may ever write to it.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as pipe:  # noqa: PTH123
        while size <= MAX_FILE:
            select.select([pipe], [], [], LONGEST_PAUSE)
            part = pipe.read(1 << 20)
            if part:
                parts.append(part)
                size, last = size + len(part), time.monotonic()
            elif part is not None and parts:
                break
            elif time.monotonic() - last > LONGEST_PAUSE:
                raise InputError(
                    f"{path} is a device or pipe through which nothing comes: name a file"
                )
            else:  # nobody writes to it yet
                time.sleep(0.02)
    return b"".join(parts)


def require_cheap_bytes(text: bytes | str, name: str) -> None:
    """InputError for an XML document with too many parts to look at."""
    tags = text.count("<") if isinstance(text, str) else text.count(b"<")
    if tags > 2 * MAX_ELEMENTS:
        raise InputError(f"{name}: {tags} tags, more than {2 * MAX_ELEMENTS}: simplify the drawing")


def require_cheap_tree(root: ElementTree.Element, name: str) -> None:
    """InputError for an SVG document that is small and costs too much; tidies what can be tidied.

    Dashes too fine to be seen become lines, and style sheets are left with whole rules only.
    """
    elements = list(root.iter())
    if len(elements) > MAX_ELEMENTS:
        raise InputError(
            f"{name}: {len(elements)} elements, more than {MAX_ELEMENTS}: simplify the drawing"
        )
    finest = _page(root) * _FINEST
    for element in elements:
        for key, value in element.items():
            # What other programs keep for themselves is not read.
            ours = key not in _LONG_VALUES and "}" not in key and not key.startswith("data-")
            if len(value) > MAX_VALUE and ours:
                raise InputError(
                    f"{name}: {_local(key)[:30]} has {len(value)} characters: save it again"
                )
            if _local(key) == "stroke-dasharray" and not _seen(value, finest):
                del element.attrib[key]
            elif _local(key) == "style":
                element.set(key, _without_dust(value, finest))
        if _local(element.tag) == "style":
            element.text = _without_dust(whole_rules(element.text or ""), finest)
    steps = sum(_steps_back(element.get("d", "")) for element in elements)
    if steps > MAX_STEPS:
        raise InputError(f"{name}: a path is closed too often: simplify the drawing")
    copies = _copies(root)
    if copies > MAX_COPIES:
        many = f"{copies:.0f}" if copies < 1e9 else "endlessly many"
        raise InputError(
            f"{name}: too large or too deeply nested ({many} copies by <use>, more than"
            f" {MAX_COPIES}): simplify the drawing"
        )


def whole_rules(css: str) -> str:
    """The rules of a style sheet without what is none: every `{` has a name and its `}`.

    Readers of style sheets go through what is not closed once for each of its letters. Rules that
    begin with an @ are for other media, or have other rules inside: no reader of ours knows them.
    """
    css = _without_comments(css)
    rules, start, opened, depth = [], 0, 0, 0
    for brace in _BRACE.finditer(css):
        if brace[0] == "{":
            opened = opened if depth else brace.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                selector = css[start:opened].rpartition(";")[2].strip()
                body = css[opened + 1 : brace.start()].strip()
                if selector and selector[0] != "@" and body and "{" not in body:
                    rules.append(f"{selector[:MAX_VALUE]} {{{body}}}")
                start = brace.end()
        else:
            start = brace.end()
    return "\n".join(rules)


def _without_comments(css: str) -> str:
    kept, at = [], 0
    while (begin := css.find("/*", at)) >= 0:
        kept.append(css[at:begin])
        end = css.find("*/", begin + 2)
        at = len(css) if end < 0 else end + 2
    return "".join([*kept, css[at:]])


def _copies(root: ElementTree.Element) -> float:
    """How many elements <use> adds to a document; endless where one is inside itself."""
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    inside: dict[ElementTree.Element, float] = {}  # elements of it, written out

    def target(element: ElementTree.Element) -> ElementTree.Element | None:
        if _local(element.tag) != "use":
            return None
        links = [value for key, value in element.items() if _local(key) == "href"]
        return by_id.get(links[0].strip()[1:]) if links else None

    # Children and what is used come first: no recursion, which a deep document would end.
    todo = [(root, False)]
    begun: set[ElementTree.Element] = set()
    while todo:
        element, done = todo.pop()
        used = target(element)
        parts = [*element, *([used] if used is not None else [])]
        if done:
            inside[element] = min(1 + sum(inside.get(part, float("inf")) for part in parts), 1e18)
        elif element not in begun:
            begun.add(element)
            todo += [(element, True), *((part, False) for part in parts)]
    return inside[root] - sum(1 for _ in root.iter())


def _steps_back(path: str) -> int:
    """How far a reader walks that looks for the last `M` at every `z`."""
    steps = since = 0
    for part in _PATH_PART.finditer(path):
        if part[0] in "Mm":
            since = 0
        else:
            since += 1
            steps += since if part[0] in "Zz" else 0
    return steps


def _page(root: ElementTree.Element) -> float:
    """The longer side of the page, in its own units."""
    numbers = [float(number) for number in _NUMBER.findall(root.get("viewBox", "")[:200])]
    return max(numbers[2:4]) if len(numbers) >= 4 else 512.0


def _seen(dashes: str, finest: float) -> bool:
    lengths = [float(number) for number in _NUMBER.findall(dashes[:400])]
    return not lengths or sum(lengths) / len(lengths) >= finest


def _without_dust(css: str, finest: float) -> str:
    return _DASHES.sub(lambda d: d[0] if _seen(d[2], finest) else f"{d[1]}none", css)


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
