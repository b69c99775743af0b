"""What the page has to know as well as the program: the same numbers in both."""

import re

import numpy as np

from deepfacepencil.runtime import overlay
from deepfacepencil.sketch.place import AVERAGE_FACE
from deepfacepencil.studio.server import PAGE


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+", text)]


def test_the_page_knows_the_average_face() -> None:
    table = re.search(r"AVERAGE_FACE = \[\n(.*?)\n\];", (PAGE / "face.js").read_text(), re.DOTALL)
    assert table
    ours = [[*centre, *radii, start, stop] for centre, radii, start, stop in AVERAGE_FACE]
    assert [numbers(row) for row in table[1].splitlines()] == ours


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
