"""The one pen: strokes -> raster, the same width at every size."""

import numpy as np
import pytest

from deepfacepencil.sketch.pen import draw, picture
from deepfacepencil.sketch.strokes import Strokes, through

SIZES = [64, 128, 256, 512]


def _line(*points):
    return Strokes.of([through(np.array(points, float))])


@pytest.mark.parametrize("size", SIZES)
def test_a_line_is_as_wide_at_every_size(size):
    drawing = draw(_line((100, 300), (412, 300)), size)
    assert drawing.shape == (size, size)
    assert drawing.dtype == np.uint8
    # Ink over a column is the width, wherever the line lies between the pixels.
    np.testing.assert_allclose(drawing[:, size // 2].sum() / 255, 1.25, atol=0.1)


@pytest.mark.parametrize("size", SIZES)
def test_coordinates_are_those_of_the_canvas(size):
    drawing = draw(_line((256, 0), (256, 512)), size).astype(float)
    assert (drawing.argmax(axis=1) // (size // 2 - 1) == 1).all()
    columns = np.arange(size) + 0.5
    np.testing.assert_allclose(drawing @ columns / drawing.sum(axis=1), size / 2, atol=0.05)
    rows = draw(_line((0, 128), (512, 128)), size).astype(float).T
    np.testing.assert_allclose(rows @ columns / rows.sum(axis=1), size / 4, atol=0.05)


def test_stroke_is_one_and_paper_is_zero():
    drawing = draw(_line((10, 129), (500, 129)), 256)
    assert drawing.max() == 255
    assert (np.delete(drawing, [63, 64, 65], axis=0) == 0).all()
    np.testing.assert_array_equal(picture(_line((10, 129), (500, 129)), 256), 255 - drawing)


def test_nothing_and_what_lies_outside_draw_nothing():
    assert not draw(Strokes.of([]), 64).any()
    assert not draw(_line((-900, -900), (-300, -700)), 64).any()
