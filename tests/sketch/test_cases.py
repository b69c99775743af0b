"""Drawings that come in many ways are read as the drawing they are: a file for each kind.

What is around a drawing, hides it or fills it does not change its strokes or their place.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from deepfacepencil.sketch.normalise import load_drawing
from deepfacepencil.sketch.pen import draw

CASES = Path(__file__).parent / "cases"
REFERENCES = {"reference.svg", "paper-plain.png", "coloured-skin-light.png"}
_NEAR = 6  # pixels at 256


@cache
def _ink(name: str) -> NDArray[np.bool_]:
    return draw(load_drawing(CASES / name), 256) > 64


def _reference(name: str) -> str:
    if name.startswith("paper-"):
        return "paper-plain.png"
    return "coloured-skin-light.png" if name.startswith("coloured") else "reference.svg"


@pytest.mark.parametrize("name", sorted({f.name for f in CASES.iterdir()} - REFERENCES))
def test_what_is_drawn_is_what_is_seen(name: str) -> None:
    wanted, found = _ink(_reference(name)), _ink(name)
    lost = (distance_transform_edt(~found)[wanted] > _NEAR).mean()
    extra = (distance_transform_edt(~wanted)[found] > _NEAR).mean()
    assert lost <= 0.05
    assert extra <= 0.05
