"""Whatever a file is, reading it gives strokes or one line: trees of SVG, damaged pictures, modes.

DEEPFACEPENCIL_FUZZ_SECONDS makes it longer than the gate's; what was tried is counted and printed.
"""

import io
import os
import random
import resource
import time
from collections import Counter
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from deepfacepencil.errors import InputError
from deepfacepencil.runtime.reading import Reader
from deepfacepencil.sketch.pen import draw

SECONDS = float(os.environ.get("DEEPFACEPENCIL_FUZZ_SECONDS", 24))
CASES = Path(__file__).parent / "sketch" / "cases"
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I", "F")
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "AVIF")
# What is said of a file that the reading process had to be ended for, or had no answer to.
ENDED = ("takes too long", "too much memory", "cannot be read (")
counts: Counter[str] = Counter()

NUMBERS = ["1e30", "-1e-30", "0", "100%", "1em", "", "NaN", "url(#a)", "9" * 40, "inf", "3"]
PAINTS = [
    "none", "#000", "#fff", "red", "url(#a)", "url(#none)", "var(--x)", "currentColor",
    "oklch(0.5 0.1 20)", "url(http://x/#a)", "rgba(0,0,0,.5)", "inherit", "",
]  # fmt: skip
TAGS = [
    "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "use", "image", "svg",
    "symbol", "defs", "mask", "clipPath", "pattern", "marker", "text", "a", "style", "switch",
    "linearGradient", "script", "filter", "foreignObject",
]  # fmt: skip
LINKS = ["#a", "#b", "x.png", "data:image/png;base64,AAAA", "data:,", "#"]
SIZES = ["width", "height", "x", "y", "r", "rx", "cx", "cy", "x2", "stroke-width", "opacity"]


def _numbers(chance: random.Random, most: int) -> str:
    return " ".join(_number(chance) for _ in range(chance.randrange(most)))


def _number(chance: random.Random) -> str:
    return chance.choice(
        [
            str(chance.randint(-600, 1200)),
            str(chance.gauss(256, 200)),
            chance.choice(NUMBERS) if chance.random() < 0.3 else "7",
        ]
    )


def _path(chance: random.Random) -> str:
    return "M9 9" + "".join(
        chance.choice("MmLlHhVvCcSsQqTtAaZz") + _numbers(chance, 8)
        for _ in range(chance.randrange(8))
    )


def _element(chance: random.Random, depth: int) -> str:
    said = {
        "d": _path(chance), "points": _numbers(chance, 9), "id": chance.choice("abc"),
        "href": chance.choice(LINKS), "onload": "x()", "display": "none", "style":
        f"fill:{chance.choice(PAINTS)};stroke-width:{_number(chance)}",
        "transform": f"{chance.choice(['scale', 'rotate', 'matrix'])}({_numbers(chance, 7)})",
        "viewBox": _numbers(chance, 6),
    }  # fmt: skip
    said |= {key: chance.choice(PAINTS) for key in ("fill", "stroke", "mask", "clip-path")}
    said |= {key: _number(chance) for key in SIZES}
    kept = chance.sample([*said], chance.randrange(8))
    inside = [_element(chance, depth - 1) for _ in range(chance.randrange(5))] if depth else []
    tag = chance.choice(TAGS)
    given = "".join(f' {key}="{said[key]}"' for key in kept)
    return f"<{tag}{given}>{''.join(inside)}</{tag}>"


def _document(seed: int) -> bytes:
    chance = random.Random(seed)
    view = "0 0 512 512" if chance.random() < 0.7 else _numbers(chance, 6)
    line = '<path d="M150 230C145 330 180 430 256 450" stroke="#000" fill="none"/>'
    body = "".join(_element(chance, chance.randrange(4)) for _ in range(chance.randrange(6)))
    body = line + body if chance.random() < 0.7 else body
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}">{body}</svg>'.encode()


@cache
def _face(mode: str, kind: str) -> bytes:
    image = Image.open(CASES / "paper-plain.png").convert("L").resize((160, 160))
    if mode in ("I;16", "I", "F"):
        image = Image.fromarray(
            np.asarray(image).astype({"I;16": "u2", "I": "i4", "F": "f4"}[mode])
        )
    elif mode == "LAB":
        image = Image.merge("LAB", [image] * 3)
    else:
        image = image.convert("RGB").convert(mode)
    file = io.BytesIO()
    try:
        image.save(file, kind)
    except (OSError, ValueError, KeyError, TypeError):
        return b""
    return file.getvalue()


def _damaged(mode: str, kind: str, seed: int, share: float) -> bytes:
    data, chance = bytearray(_face(mode, kind)), random.Random(seed)
    for _ in range(chance.choice([0, 1, 3, 30]) if data else 0):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: max(1, int(len(data) * share))])


def _odd(wide: int, high: int, mode: str, grey: int) -> bytes:
    file = io.BytesIO()
    image = Image.new("L", (wide, high), grey)
    image.paste(0, (wide // 3, high // 3, wide // 3 + 3, max(high // 3 + 3, high - 5)))
    image.convert(mode).save(file, "PNG")
    return file.getvalue()


share = st.one_of(st.just(1.0), st.floats(0, 1))
damaged = st.builds(
    _damaged, st.sampled_from(MODES), st.sampled_from(FORMATS), st.integers(0, 2**32), share
)
document = st.integers(0, 2**40).map(_document)
side = st.one_of(st.integers(1, 40), st.integers(40, 700), st.just(4000))
odd = st.builds(_odd, side, side, st.sampled_from(["1", "L", "RGB", "RGBA"]), st.integers(0, 255))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", ["svg", "damaged", "odd"])
def test_whatever_a_file_is_it_gives_strokes_or_one_line(kind: str) -> None:
    """In a process that may compute for ten seconds and take 1 GB, which never has to be ended."""
    strategy = {"svg": document, "damaged": damaged, "odd": odd}[kind]
    end = time.monotonic() + SECONDS / 3
    reader = Reader()
    batches = count()
    while time.monotonic() < end:

        @seed(next(batches))
        @settings(
            max_examples=20,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def read(data: bytes) -> None:
            try:
                strokes = reader.strokes(data, "file.svg" if kind == "svg" else "file")
            except InputError as problem:
                text = str(problem)
                assert "\n" not in text
                assert not any(ended in text for ended in ENDED), text
                counts[f"{kind} one line"] += 1
            else:
                assert np.isfinite(strokes.points).all()
                draw(strokes, 256)
                counts[f"{kind} strokes"] += 1

        read()
    reader.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(dict(counts), f"{used.ru_maxrss / 1024:.0f} MB at most, {used.ru_utime:.0f} CPU-s")
