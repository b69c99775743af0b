"""What the page and the server say to each other, and what the server refuses to hear.

The page sends its whole drawing as JSON; the answer is one binary message: photo, measures, veil.
Strokes travel as the points a hand drew, [x, y, x, y, ...] on the canvas of `sketch/strokes.py`.
"""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..runtime.appearance import Appearance, read_appearance
from ..runtime.engine import QUICK, RESOLUTION, SIZES
from ..sketch.lines import MAX_POINTS, MAX_STROKES, REACH
from ..sketch.strokes import CANVAS, Strokes, through

MAX_MESSAGE = 1_500_000  # bytes; a rich drawing has 50,000
MAX_LENGTH = 200_000  # pixels of all strokes together; a rich drawing has 20,000
_MAX_COMMAS = 2 * MAX_POINTS + MAX_STROKES + 1_000
_MAX_COLONS = 1_000

_FINE, _JOINTS = 2.0, 4  # a stroke is smoothed in steps of 2 px, and every fourth becomes a joint
_KERNEL = np.array([1, 4, 6, 4, 1]) / 16

_FRAME = {"id", "strokes", "tolerance", "brush", "veil", "appearance", "seed", "size", "instead"}

Known = dict[bytes, NDArray[np.float64]]  # strokes as drawn -> smooth ones, see `fitted`


@dataclass(frozen=True, eq=False)
class Frame:
    """One state of a drawing, as the page sends it."""

    id: int  # counted by the page, which finds it in the answer
    strokes: Strokes
    tolerance: NDArray[np.float32]  # (cells, cells) in [-1, 1], what the engine is asked for
    veil: bool  # whether the chosen tolerance is to be shown
    appearance: Appearance  # what is said beside the lines
    seed: int  # of what neither says
    size: int  # pixels of the photo, or QUICK
    instead: bool = False  # whether the photo that is being drawn for this page is not wanted more


def read_frame(text: str, cells: int, known: Known) -> Frame:
    """The frame in a message from outside; raises InputError, in words for people, for any other.

    `cells` is the number of cells per side of the tolerance; `known` is of the same page's last
    frame.
    """
    message = read_json(text)
    unknown = message.keys() - _FRAME
    if unknown:
        raise InputError(f"a frame has no {sorted(unknown)[0][:30]!r}")
    number, veil = message.get("id"), message.get("veil", False)
    instead = message.get("instead", False)
    if type(number) is not int or not 0 <= number < 2**53:
        raise InputError("id is not a number that counts frames")
    for name, value in (("veil", veil), ("instead", instead)):
        if type(value) is not bool:
            raise InputError(f"{name} is neither true nor false")
    seed, size = message.get("seed", 0), message.get("size", RESOLUTION)
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise InputError("seed is no whole number from 0 to 4294967295")
    if type(size) is not int or size not in (QUICK, *SIZES):
        raise InputError(f"size is none of {', '.join(map(str, SIZES))} pixels")
    appearance = read_appearance(message.get("appearance", {}))
    wish = message.get("tolerance", 0)
    if type(wish) not in (int, float) or not -1 <= wish <= 1:
        raise InputError("tolerance is no number from -1 to 1")
    tolerance = wish + _brush(message.get("brush"), cells)
    strokes = fitted(read_strokes(message.get("strokes")), known)
    tolerance = tolerance.clip(-1, 1).astype(np.float32)
    return Frame(number, strokes, tolerance, veil, appearance, seed, size, instead)


def packed(frame: Frame) -> tuple[dict[str, Any], list[bytes]]:
    """A frame on its way from one process to another; `unpacked` is the way back."""
    head = {name: getattr(frame, name) for name in ("id", "veil", "seed", "size", "instead")}
    head["appearance"] = frame.appearance.to_json()
    return head, [*frame.strokes.to_bytes(), frame.tolerance.tobytes()]


def unpacked(head: dict[str, Any], parts: Sequence[bytes]) -> Frame:
    """The frame that was `packed`."""
    *strokes, wish = parts
    tolerance = np.frombuffer(wish, np.float32)
    side = math.isqrt(len(tolerance))
    return Frame(
        head["id"],
        Strokes.from_bytes(strokes),
        tolerance.reshape(side, side),
        head["veil"],
        read_appearance(head["appearance"]),
        head["seed"],
        head["size"],
        head["instead"],
    )


def read_json(text: str | bytes) -> dict[str, Any]:
    """A JSON object from outside, without the numbers that JSON does not have."""
    if len(text) > MAX_MESSAGE:
        raise InputError(f"a message of {len(text)} bytes, more than {MAX_MESSAGE}")
    # Before it is read: json lets nobody else work meanwhile.
    commas, colons = (_count(text, character) for character in ",:")
    if commas > _MAX_COMMAS:
        raise InputError(f"{commas // 2} points, more than {MAX_POINTS}: simplify the drawing")
    if colons > _MAX_COLONS:
        raise InputError(f"{colons} names, more than a message has")
    try:
        message = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InputError("a message that is no JSON") from None
    if not isinstance(message, dict):
        raise InputError("a message that is no JSON object")
    return message


def _count(text: str | bytes, character: str) -> int:
    return text.count(character) if isinstance(text, str) else text.count(character.encode())


def _no_number(name: str) -> NoReturn:
    raise InputError(f"coordinates that are no finite numbers ({name})")


def read_strokes(strokes: object) -> list[NDArray[np.float64]]:
    """Lines (n, 2) from [[x, y, x, y, ...], ...]; InputError for what is not that, or too much."""
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) for stroke in strokes):
        raise InputError("strokes is no list of lists")
    if len(strokes) > MAX_STROKES:
        raise InputError(f"{len(strokes)} strokes, more than {MAX_STROKES}: simplify the drawing")
    points = sum(map(len, strokes)) // 2
    if points > MAX_POINTS:
        raise InputError(f"{points} points, more than {MAX_POINTS}: simplify the drawing")
    lines = []
    for stroke in strokes:
        if not stroke or len(stroke) % 2:
            raise InputError("a stroke without points, or with half a point")
        if not all(type(value) in (int, float) for value in stroke):
            raise InputError("coordinates that are no numbers")
        # Comparing also keeps out NaN, and whole numbers too large for a float.
        if not all(-REACH <= value <= CANVAS + REACH for value in stroke):
            raise InputError("coordinates far outside the paper")
        lines.append(np.array(stroke, np.float64).reshape(-1, 2))
    length = sum(float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in lines)
    if length > MAX_LENGTH:
        raise InputError(f"{length:.0f} pixels of strokes, more than {MAX_LENGTH}: simplify it")
    return lines


def _brush(encoded: object, cells: int) -> NDArray[np.float32]:
    """Tolerance painted on parts: base64 of int8 (cells, cells), 127 for 1; none is zero."""
    if encoded is None:
        return np.zeros((cells, cells), np.float32)
    if not isinstance(encoded, str):
        raise InputError("brush is no text")
    try:
        painted = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("brush is no base64") from None
    if len(painted) != cells * cells:
        raise InputError(f"brush has {len(painted)} cells instead of {cells} x {cells}")
    values = np.frombuffer(painted, np.int8).reshape(cells, cells)
    return (values / np.float32(127)).clip(-1, 1)


def fitted(lines: list[NDArray[np.float64]], known: Known) -> Strokes:
    """What a hand drew as smooth strokes: without its tremor, with a joint every 8 pixels.

    Most strokes are those of the frame before: `known` has them, and then those of this one.
    """
    names = [line.tobytes() for line in lines]
    fits = {
        name: known[name] if name in known else _fit(line)
        for name, line in zip(names, lines, strict=True)
    }
    known.clear()
    known.update(fits)
    return Strokes.of(fits[name] for name in names)


def _fit(line: NDArray[np.float64]) -> NDArray[np.float64]:
    line = line[np.r_[True, (np.diff(line, axis=0) != 0).any(axis=1)]]
    if np.ptp(line, axis=0).max() < _FINE:  # a dot
        middle = line.mean(axis=0)
        return through(np.array([middle - (1, 0), middle + (1, 0)]))
    (line,) = Strokes.of([through(line)]).polylines(4)  # fast hands leave points far apart
    along = np.r_[0, np.hypot(*np.diff(line, axis=0).T).cumsum()]
    count = max(2, math.ceil(along[-1] / _FINE))
    at = np.linspace(0, along[-1], count + 1)
    fine = np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], axis=1)
    # Turned about its ends and smoothed, a stroke keeps them.
    turned = np.pad(fine, ((2, 2), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = sum(weight * turned[shift : shift + len(fine)] for shift, weight in enumerate(_KERNEL))
    joints = np.linspace(0, count, max(1, round(count / _JOINTS)) + 1).round().astype(int)
    return through(np.asarray(smooth)[joints])


def answer(
    frame: Frame,
    photo: NDArray[np.uint8],
    veil: NDArray[np.uint8] | None,
    facts: dict[str, Any],
) -> bytes:
    """Length of a head (two bytes, little-endian), the head as JSON, RGB pixels, veil if any."""
    head = {"id": frame.id, "size": len(photo), "veil": 0 if veil is None else len(veil), **facts}
    text = json.dumps(head, separators=(",", ":")).encode()
    body = b"" if veil is None else veil.tobytes()
    return len(text).to_bytes(2, "little") + text + photo.tobytes() + body
