"""Shading is no stroke, rubbed or hatched; hair is."""

import aggdraw
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from deepfacepencil.sketch.normalise import ink_of, lines_of
from deepfacepencil.sketch.place import average_face

HEAD = (116, 86, 396, 476)  # the box of the outline that the tests draw around the features


def _face() -> Image.Image:
    image = Image.new("L", (512, 512), 255)
    canvas = aggdraw.Draw(image)
    canvas.ellipse(HEAD, aggdraw.Pen(0, 3))
    for line in average_face().polylines()[1:]:
        canvas.line(line.ravel().tolist(), aggdraw.Pen(0, 3))
    canvas.flush()
    return image


def _hatched(grey: int, box: tuple[int, int, int, int], step: int, width: float) -> Image.Image:
    left, top, right, bottom = box
    face = _face()
    canvas = aggdraw.Draw(face)
    for x in range(left, right, step):
        canvas.line((x, top, x + 20, bottom), aggdraw.Pen(grey, width))
    canvas.flush()
    return face


def _smudged() -> Image.Image:
    shade = Image.new("L", (512, 512), 255)
    ImageDraw.Draw(shade).ellipse((300, 280, 400, 440), fill=140)
    soft = np.asarray(shade.filter(ImageFilter.GaussianBlur(25)), np.float32) / 255
    return Image.fromarray((np.asarray(_face()) * soft).astype(np.uint8))


def _lines(image: Image.Image) -> np.ndarray:
    return lines_of(ink_of(image.convert("RGB")))


@pytest.mark.parametrize(
    "shaded",
    [
        _smudged(),
        _hatched(150, (285, 270, 350, 360), 5, 1.2),
        _hatched(165, (270, 260, 360, 360), 10, 1.5),
    ],
    ids=["smudge", "close", "wide"],
)
def test_shading_on_a_cheek_is_no_stroke_and_the_lines_around_it_stay(shaded):
    plain, found = _lines(_face()), _lines(shaded)
    assert (ndimage.distance_transform_edt(~plain)[found] > 4).mean() < 0.02
    assert (ndimage.distance_transform_edt(~found)[plain] > 4).mean() < 0.02


def test_strands_that_stand_up_from_a_head_are_no_shading():
    spiky = _hatched(0, (190, 40, 330, 84), 14, 3)
    assert _lines(spiky)[40:80].sum() > 150  # as strands, or as the border of hair
