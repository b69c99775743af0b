"""What the page has to know as well as the program: the same numbers in both."""

import re

import numpy as np

from deepfacepencil.runtime import overlay
from deepfacepencil.sketch.place import AVERAGE_FACE
from deepfacepencil.studio.server import PAGE


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+", text)]


def test_the_guide_is_the_average_face() -> None:
    table = re.search(r"GUIDE = \[\n(.*?)\n\];", (PAGE / "face.js").read_text(), re.DOTALL)
    assert table
    shown = [tuple(numbers(row)[:4]) for row in table[1].splitlines()]
    ours = [(*centre, *radii) for centre, radii, _, _ in AVERAGE_FACE]
    assert shown == ours[: len(shown)]
    assert len(ours) == len(shown) + 1


def test_the_veil_has_the_colours_of_the_overlay() -> None:
    script, style = (PAGE / "photo.js").read_text(), (PAGE / "studio.css").read_text()
    painted = re.findall(r"\[((?:\d+, ){3})", script)
    legend = [
        re.search(rf"i\.{kind} \{{\s*background: rgb\((.*?)\)", style)
        for kind in ("strict", "loose")
    ]
    colours = [overlay.STRICT, overlay.LOOSE]
    assert np.array_equal([numbers(text) for text in painted], colours)
    assert np.array_equal([numbers(found[1]) for found in legend if found], colours)
