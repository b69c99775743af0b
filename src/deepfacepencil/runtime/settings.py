"""What is asked for beside the lines: what a drawing of the studio says, and what options say.

Tolerance, appearance and seed stand in the first tag of the studio's SVG (page/files.js), which a
saved photo holds too. Any other file says nothing.
"""

import base64
import binascii
import contextlib
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..provenance import DRAWING_KEY
from ..sketch.lines import points_of, to_svg
from ..sketch.strokes import Strokes, through
from .appearance import AGES, COLOURS, SEXES, Appearance, read_appearance
from .engine import RESOLUTION, TOLERANCE_SIZE

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


@dataclass(frozen=True)
class Asked:
    """What options ask for; it goes before what a drawing says."""

    appearance: Appearance = field(default_factory=Appearance)
    seed: int | None = None  # of the first variant; None: the drawing's own
    size: int = RESOLUTION  # pixels of the photos
    variants: int = 1  # different people of one drawing

    def of(self, said: Settings, variant: int = 0) -> Settings:
        """What the engine is asked for in all; each variant has a seed of its own."""
        seed = said.seed if self.seed is None else self.seed
        return replace(
            said,
            appearance=self.appearance.over(said.appearance),
            seed=(seed + variant) % 2**32,
        )

    def options(self) -> list[str]:
        """Those that a model which does not listen leaves out."""
        named = [f"--{name}" for name in self.appearance.to_json()]
        named += ["--seed"] if self.seed is not None else []
        named += ["--size"] if self.size != RESOLUTION else []
        return named + (["--variants"] if self.variants > 1 else [])


def drawing_inside(data: bytes, strokes: Strokes, settings: Settings) -> str:
    """The SVG that a photo holds, as the studio saves it: opening the photo brings it back.

    A drawing of the studio stays what it was, whatever the hand did; `strokes` become of any other.
    Raises InputError for more strokes than the studio can hold.
    """
    svg = _text(data)
    tag = _studio_tag(svg)
    if tag:
        text = svg.decode(errors="replace")
    else:
        lines = (np.array(line).reshape(-1, 2) for line in points_of(strokes))
        text = to_svg(Strokes.of(map(through, lines)))
        tag = text[text.index("<svg") : text.index(">") + 1]
    said: dict[str, object] = {"seed": settings.seed}
    said |= {f"appearance-{name}": value for name, value in settings.appearance.to_json().items()}
    kept = re.sub(r'\sdata-(?:studio|seed|appearance-[a-z]+)="[^"]*"', "", tag).rstrip("/>")
    added = "".join(f' data-{name}="{value}"' for name, value in {"studio": 1, **said}.items())
    return text.replace(tag, f"{kept}{added}>", 1)


def own_seed(strokes: Strokes) -> int:
    """The seed of a drawing that says none: a digest of its lines, so that no two show siblings."""
    digest = hashlib.sha256(np.rint(strokes.points).astype("<i4").tobytes())
    return int.from_bytes(digest.digest()[:4], "little")


def read_settings(data: bytes, seed: int = 0) -> Settings:
    """The settings in the bytes of an SVG or PNG of the studio; what is damaged is not said.

    `seed` is that of a drawing that says none: see `own_seed`.
    """
    tag = _studio_tag(_text(data))
    if tag is None:
        return Settings(seed=seed)
    said = dict(re.findall(r'\bdata-([a-z-]+)="([^"]*)"', tag))
    tolerance = _number(said.get("tolerance"), -1, 1) or 0.0
    cells = _cells(said.get("wish") or said.get("brush"))
    number = said.get("seed", "")
    return Settings(
        (tolerance + cells).clip(-1, 1).astype(np.float32),
        _appearance(said),
        int(number) % 2**32 if re.fullmatch(r"\d{1,10}", number) else seed,
    )


def _studio_tag(svg: bytes) -> str | None:
    """The first tag of an SVG, if the studio wrote it."""
    tag = re.search(r"<svg\b[^<>]*>", svg[:_HEAD].decode(errors="replace"))
    return tag[0] if tag and 'data-studio="1"' in tag[0] else None


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
