"""What a drawing of the studio says beside its lines, read from its SVG and from its photo."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deepfacepencil.provenance import DRAWING_KEY
from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.runtime.settings import read_settings


def svg(attributes: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" data-studio="1" {attributes}></svg>'.encode()


def test_all_that_is_said_is_read() -> None:
    cells = np.zeros((64, 64), np.int8)
    cells[3, 4] = 127
    wish = base64.b64encode(cells.tobytes()).decode()
    text = svg(
        f'data-tolerance="-0.5" data-wish="{wish}" data-seed="4294967295"'
        ' data-appearance-skin="#c08a6a" data-appearance-age="40"'
    )
    photo = io.BytesIO()
    info = PngInfo()
    info.add_itxt(DRAWING_KEY, text.decode())
    Image.new("RGB", (8, 8)).save(photo, "PNG", pnginfo=info)
    for data in (text, photo.getvalue()):
        said = read_settings(data)
        assert said.tolerance[0, 0] == -0.5
        assert said.tolerance[3, 4] == 0.5
        assert said.appearance == Appearance(skin=(192, 138, 106), age=40)
        assert said.seed == 2**32 - 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffiTXt",
        b'<svg data-tolerance="1"></svg>',
        svg('data-tolerance="7" data-wish="?" data-seed="-1" data-appearance-age="x"'),
        svg('data-tolerance="nan" data-brush="AAAA" data-appearance-skin="red"'),
    ],
)
def test_what_is_damaged_or_not_ours_says_nothing(data: bytes) -> None:
    said = read_settings(data)
    assert not said.tolerance.any()
    assert (said.appearance, said.seed) == (Appearance(), 0)
