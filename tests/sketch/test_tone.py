"""Shading is no stroke, rubbed or hatched; hair is."""

import aggdraw
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage
from skimage.morphology import skeletonize

from deepfacepencil.sketch.centrelines import lines_of
from deepfacepencil.sketch.ink import ink_of
from deepfacepencil.sketch.place import average_face
from deepfacepencil.sketch.tone import _enclosed, _over_crossings, _side_by_side, without_smudges
from deepfacepencil.sketch.trace import pixel_chains

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
        _hatched(110, (270, 260, 360, 360), 10, 2),
    ],
    ids=["smudge", "close", "wide"],
)
def test_shading_on_a_cheek_is_no_stroke_and_the_lines_around_it_stay(shaded):
    plain, found = _lines(_face()), _lines(shaded)
    assert (ndimage.distance_transform_edt(~plain)[found] > 4).mean() < 0.02
    assert (ndimage.distance_transform_edt(~found)[plain] > 4).mean() < 0.02


def test_pale_lines_that_hatch_nothing_stay():
    """A wrinkle beside a hatched cheek, the hairs of a beard."""
    face = _hatched(110, (270, 260, 360, 360), 10, 2)
    canvas = aggdraw.Draw(face)
    canvas.line((170, 280, 200, 360), aggdraw.Pen(110, 2))
    for x in range(180, 340, 12):
        canvas.line((x, 440, x + 2, 454), aggdraw.Pen(110, 2))
    canvas.flush()
    plain, found = _lines(_face()), _lines(face)
    assert found[265:355, 290:350].sum() <= plain[265:355, 290:350].sum() + 9
    assert found[285:355, 165:205].sum() > 60
    assert found[438:456, 175:345].sum() > plain[438:456, 175:345].sum() + 100


def test_a_dark_line_among_pale_ones_that_hatch_is_an_outline():
    face = _face()
    canvas = aggdraw.Draw(face)
    canvas.line((140, 300, 380, 300, 380, 380, 140, 380, 140, 300), aggdraw.Pen(0, 3))
    for x in range(150, 380, 8):
        grey, width = (0, 3) if x == 222 else (150, 1.5)
        canvas.line((x, 300, x, 380), aggdraw.Pen(grey, width))
    canvas.flush()
    found = _lines(face)[305:375]
    assert found[:, 216:229].sum() > 60
    assert found[:, 150:210].sum() < 10


def test_strands_that_stand_up_from_a_head_are_no_shading():
    spiky = _hatched(0, (190, 40, 330, 84), 14, 3)
    assert _lines(spiky)[40:80].sum() > 150  # as strands, or as the border of hair


@pytest.mark.parametrize(("dark", "fades"), [(0.4, True), (0.4, False), (0.9, True)])
def test_what_is_rubbed_goes_and_lines_and_what_is_dark_or_has_an_edge_stay(dark, fades):
    y, x = np.mgrid[:512, :512]
    away = np.hypot(x - 256, y - 256)
    tone = dark * (np.exp(-((away / 60) ** 2)) if fades else away < 60)
    line = (np.abs(y - 250) < 2) & (x > 60)
    ink = np.maximum(tone, line).astype(np.float32)
    left = without_smudges(ink)
    if fades and dark < 0.5:
        np.testing.assert_allclose(left[line], 1, atol=0.01)
        assert left[ndimage.maximum_filter(line, 9) == 0].max() < 0.1
    else:
        np.testing.assert_array_equal(left, ink)


@pytest.mark.parametrize(("gap", "closed"), [(3, True), (16, False)])
def test_what_lines_surround_is_enclosed_across_small_gaps(gap, closed):
    y, x = np.mgrid[:128, :128]
    ring = (np.abs(np.hypot(x - 64, y - 64) - 40) < 1) & ~((np.abs(y - 64) < gap / 2) & (x > 64))
    enclosed = _enclosed(ring)
    assert enclosed[64, 64] == closed and not enclosed[[0, -1]].any()


def test_lines_go_straight_on_where_they_cross():
    image = Image.new("L", (128, 128))
    canvas = ImageDraw.Draw(image)
    for x in (30, 60, 90):
        canvas.line((x, 10, x, 118), 255)
        canvas.line((10, x + 4, 118, x - 4), 255)
    chains = pixel_chains(skeletonize(np.asarray(image) > 0))
    chains = [chain for chain in chains if len(chain) > 2]
    line_of = _over_crossings(chains)
    assert len(chains) == 24 and np.bincount(line_of).tolist() == [4] * 6
    for number in range(6):
        own = np.concatenate([c for c, k in zip(chains, line_of, strict=True) if k == number])
        assert sorted(np.ptp(own, axis=0) > 100) == [False, True]


def test_lines_that_cross_at_a_small_angle_stay_two():
    along = np.arange(41)
    flat = np.stack([0 * along, along - 20], axis=1)
    steep = np.stack([np.round(0.32 * (along - 20)).astype(int), along - 20], axis=1)
    chains = [line[part] + 40 for line in (flat, steep) for part in (slice(20), slice(21, None))]
    one, same, other, too = _over_crossings(chains)
    assert one == same != other == too
    one, same, other = _over_crossings(chains[:3])  # a line that ends at another
    assert one == same != other


@pytest.mark.parametrize(("gap", "together"), [(6, True), (16, True), (20, False)])
def test_lines_side_by_side_are_one_group_to_the_border_of_the_picture(gap, together):
    height, columns = 60, [0, gap, 2 * gap]
    chains = [np.stack([np.arange(height), np.full(height, x)], axis=1) for x in columns]
    size = height, columns[-1] + 1
    ways = np.tile(np.array([1, 0], np.float32), (3 * height, 1))
    own, length = np.repeat([0, 1, 2], height), np.full(3, height)
    group = _side_by_side(np.concatenate(chains), own, ways, np.ones(size, bool), length)
    assert len(set(group.tolist())) == (1 if together else 3)
