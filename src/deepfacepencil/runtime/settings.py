"""What a drawing of the studio says beside its lines: tolerance, appearance and seed.

They stand in the first tag of its SVG (page/files.js), which a saved photo holds too. Any other
file says nothing.
"""

import base64
import binascii
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..provenance import DRAWING_KEY
from .appearance import AGES, COLOURS, SEXES, Appearance, read_appearance
from .engine import TOLERANCE_SIZE

_HEAD = 100_000  # bytes of an SVG in which its first tag ends; brush and wish have 5,500 each
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Settings:
    """What the engine is asked for beside the strokes."""

    tolerance: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((TOLERANCE_SIZE, TOLERANCE_SIZE), np.float32)
    )
    appearance: Appearance = field(default_factory=Appearance)
    seed: int = 0


def read_settings(data: bytes) -> Settings:
    """The settings in the bytes of an SVG or PNG of the studio; what is damaged is not said."""
    tag = re.search(rb"<svg\b[^<>]*>", _text(data)[:_HEAD])
    if not tag or b'data-studio="1"' not in tag[0]:
        return Settings()
    found = re.findall(r'\bdata-([a-z-]+)="([^"]*)"', tag[0].decode(errors="replace"))
    said = dict(found)
    tolerance = _number(said.get("tolerance"), -1, 1) or 0.0
    cells = _cells(said.get("wish") or said.get("brush"))
    seed = said.get("seed", "")
    return Settings(
        (tolerance + cells).clip(-1, 1).astype(np.float32),
        _appearance(said),
        int(seed) % 2**32 if re.fullmatch(r"\d{1,10}", seed) else 0,
    )


def _text(data: bytes) -> bytes:
    """The SVG that the bytes are, or that a PNG holds as text."""
    if not data.startswith(_PNG):
        return data
    at = len(_PNG)
    key = DRAWING_KEY.encode() + b"\0\0\0\0\0"  # neither compressed nor in a language
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"iTXt" and data.startswith(key, at + 8):
            return data[at + 8 + len(key) : at + 8 + size]
        if data[at + 4 : at + 8] == b"IEND":
            break
        at += 12 + size
    return b""


def _number(text: str | None, low: float, high: float) -> float | None:
    with contextlib.suppress(TypeError, ValueError):
        value = float(text)  # type: ignore[arg-type]
        return value if low <= value <= high else None
    return None


def _cells(encoded: str | None) -> NDArray[np.float32]:
    with contextlib.suppress(binascii.Error, ValueError):
        painted = np.frombuffer(base64.b64decode(encoded or "", validate=True), np.int8)
        if painted.size == TOLERANCE_SIZE**2:
            return (painted.reshape(TOLERANCE_SIZE, TOLERANCE_SIZE) / 127).astype(np.float32)
    return np.zeros((TOLERANCE_SIZE, TOLERANCE_SIZE), np.float32)


def _appearance(said: dict[str, str]) -> Appearance:
    """Each value for itself: one that is damaged is left to the network."""
    values: dict[str, object] = {}
    numbers: dict[str, Callable[[str | None], float | None]] = {
        "age": lambda text: _number(text, *AGES),
        "sex": lambda text: _number(text, *SEXES),
    }
    for name in (*COLOURS, *numbers):
        text = said.get(f"appearance-{name}")
        value = numbers[name](text) if name in numbers else text
        with contextlib.suppress(InputError):
            read_appearance({name: value})
            values[name] = value
    return read_appearance(values)
