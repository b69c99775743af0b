"""Strokes from inside the regions: they lie there, follow what is there, and are seen the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion, gaussian_filter, maximum_filter
from scipy.spatial.distance import cdist

from deepfacepencil.sketch.inner import _along, _depth, _follow, _iris, inner_strokes
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.parts import is_inner
from deepfacepencil.sketch.strokes import CANVAS, Strokes

HAIR, SKIN, CLOTH = (CLASSES.index(name) for name in ("hair", "skin", "cloth"))


def _photo(labels, seed=0):
    """A colour per class with soft dark specks on it, so that there is something to draw."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(60, 230, (19, 3))[labels].astype(float)
    specks = gaussian_filter(rng.normal(0, 1, labels.shape), len(labels) / 100)
    photo = colours * (1 - 0.3 * np.clip(specks / specks.std(), -1, 2))[..., None]
    return photo.clip(0, 255).astype(np.uint8)


def _stripes(angle, size=256, period=9):
    """Hair all over, dark and light stripes that run in the direction `angle`."""
    rows, columns = np.mgrid[:size, :size]
    across = -np.sin(angle) * columns + np.cos(angle) * rows
    grey = 120 + 60 * np.sin(2 * np.pi * across / period)
    return grey[..., None].repeat(3, 2).astype(np.uint8), np.full((size, size), HAIR, np.uint8)


@given(st.integers(0, 2**32), st.sampled_from([128, 256, 512]))
def test_strokes_lie_in_their_region(face_labels, seed, size):
    labels = face_labels(seed, size)
    strokes = inner_strokes(_photo(labels, seed), labels)
    assert len(strokes)
    assert is_inner(strokes).all()
    within = [maximum_filter(labels == c, 1 + 2 * size // 128) for c in range(19)]
    for line, (number, _) in zip(strokes.polylines(), strokes.classes.tolist(), strict=True):
        assert line.min() >= 0
        assert line.max() <= CANVAS
        columns, rows = np.clip(line * size / CANVAS, 0, size - 1).astype(int).T
        assert within[number][rows, columns].mean() > 0.9, CLASSES[number]


def test_the_same_photo_gives_the_same_strokes(face_labels):
    labels = face_labels(3)
    one, other = (inner_strokes(_photo(labels), labels) for _ in range(2))
    assert (one.points == other.points).all()
    assert (one.classes == other.classes).all()


@pytest.mark.parametrize("angle", [0, 0.5, np.pi / 2, 2.2])
def test_strands_follow_the_hair(angle):
    photo, labels = _stripes(angle)
    strokes = inner_strokes(photo, labels)
    assert len(strokes) > 30
    ways = np.array([line[-1] - line[0] for line in strokes.polylines()])
    lengths = np.linalg.norm(ways, axis=1)
    along = np.abs(ways @ (np.cos(angle), np.sin(angle))) / lengths
    assert np.median(along) > 0.98
    columns, rows = (strokes.points // 2).astype(int).clip(0, 255).T
    assert photo[rows, columns].mean() < photo.mean() - 45  # and are where it is dark


def test_a_narrow_lock_has_strands_too():
    photo, labels = _stripes(np.pi / 2)
    labels[:, :99] = labels[:, 109:] = 0
    strands = inner_strokes(photo, labels).polylines()
    assert strands and all(((line > 198) & (line < 218))[:, 0].all() for line in strands)


def test_the_first_strands_are_all_over_the_hair():
    photo, labels = _stripes(0.5)
    uneven = photo * (1 - gaussian_filter(np.random.default_rng(0).random((256, 256, 1)), 3))
    few = inner_strokes(uneven.astype(np.uint8), labels).points[:100] > CANVAS / 2
    assert len(np.unique(few, axis=0)) == 4


@pytest.mark.parametrize("name", ["skin", "cloth", "hat", "mouth", "eye_g"])
def test_a_dark_line_becomes_a_stroke_and_a_plain_region_none(name):
    labels = np.full((256, 256), CLASSES.index(name), np.uint8)
    photo = np.full((256, 256, 3), 170, np.uint8)
    assert not len(inner_strokes(photo, labels))
    photo[120:123, 60:200] = 90
    strokes = inner_strokes(photo, labels)
    points = np.concatenate(strokes.polylines())
    np.testing.assert_allclose(points[:, 1], 243, atol=4)  # the row 121.5 on the canvas
    assert np.ptp(points[:, 0]) > 240


def test_the_darkest_lines_of_a_region_come_first():
    photo, rows = np.full((256, 256, 3), 170, np.uint8), [40, 200, 120, 80, 160]
    for row, grey in zip(rows, (70, 90, 105, 115, 125), strict=True):
        photo[row : row + 3, 60:200] = grey
    lines = inner_strokes(photo, np.full((256, 256), CLOTH, np.uint8)).polylines()
    np.testing.assert_allclose(
        [line[:, 1].mean() for line in lines], np.array(rows) * 2 + 3, atol=4
    )


def test_long_lines_come_before_short_ones():
    photo = np.full((256, 256, 3), 170, np.uint8)
    for row, length in ((80, 20), (120, 130), (160, 60)):
        photo[row : row + 3, 60 : 60 + length] = 90
    lines = inner_strokes(photo, np.full((256, 256), CLOTH, np.uint8)).polylines()
    lengths = [np.ptp(line[:, 0]) for line in lines]
    assert len(lines) == 3 and lengths == sorted(lengths, reverse=True)


def test_a_region_is_as_deep_as_its_border_is_far():
    labels = np.zeros((256, 256), np.uint8)
    labels[:, 100:] = SKIN
    depth = _depth(labels)
    expected = np.minimum(np.abs(np.arange(256) - 99.5) - 0.5, 3)
    assert (depth == expected).all() and (_depth(labels.T) == expected[:, None]).all()


def test_along_a_line_it_is_as_dark_as_it_is_and_noise_is_less():
    rows, columns = np.mgrid[:256, :256]
    for x, y in ((1, 0), (0, 1), (0.5**0.5, 0.5**0.5), (-(0.5**0.5), 0.5**0.5)):
        lines = np.sin((np.sign(y) * columns - np.sign(x) * rows) / 3.0)
        inside = (slice(8, -8),) * 2  # lines end at the picture's edge
        along = _along(lines, np.full(rows.shape, x), np.full(rows.shape, y))
        np.testing.assert_allclose(along[inside], lines[inside], atol=1e-6)
        noise = np.random.default_rng(0).normal(size=rows.shape)
        assert _along(noise, np.full(rows.shape, x), np.full(rows.shape, y)).std() < 0.5


def test_a_strand_is_followed_both_ways_to_where_the_hair_ends():
    y, x = np.mgrid[:256, :256]
    hair, flow = np.hypot(x - 128, y - 128) < 30, np.full((256, 256, 2), (0.8, 0.6))
    flow[::2] *= -1  # nobody knows which way hair flows
    seeds = np.array([(128.5, 120.5), (110.5, 141.5), (130.5, 131.5)])
    for seed, (line, at) in zip(
        seeds, _follow(seeds.T, flow.transpose(2, 0, 1), hair), strict=True
    ):
        np.testing.assert_allclose(line[at], seed)
        steps = np.diff(line, axis=0)
        np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-9)
        assert hair[tuple(line[:, ::-1].astype(int).T)].all()
        for beyond in (line[0] - steps[0], line[-1] + steps[0]):
            assert not hair[tuple(beyond[::-1].astype(int))]


@pytest.mark.parametrize("height", [11, 40])
def test_iris_and_pupil_are_where_an_eye_is_darkest_as_far_as_lids_show_them(height):
    y, x = np.mgrid[:256, :256]
    eye = ((x - 128) / 30) ** 2 + ((y - 128) / height) ** 2 < 1
    middle, light = (134.5, 128.5), np.hypot(x - 134, y - 128) / 100
    circles: dict[bool, list] = {True: [], False: []}
    for line in Strokes.of(_iris(light, eye)).polylines():
        radii = np.linalg.norm(line - middle, axis=1)
        assert np.ptp(radii) < 1.5  # no chord across what is hidden
        around = np.diff(np.unwrap(np.arctan2(*(line - middle).T)))
        assert (around > 0).all() or (around < 0).all()
        ways = np.diff(line, axis=0)
        assert np.ptp(np.unwrap(np.arctan2(ways[:, 1], ways[:, 0]))) > 0.6  # nor along it
        circles[bool(radii.mean() > 9)].append(line)
        assert maximum_filter(eye, 5)[tuple(line[:, ::-1].astype(int).T)].all()
    assert [len(some) for some in circles.values()] == [2 if height == 11 else 1, 1]
    turn = np.linspace(0, 2 * np.pi, 60)
    for some in circles.values():
        drawn = np.concatenate(some)
        radius = np.linalg.norm(drawn - middle, axis=1).mean()
        whole = middle + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        seen = binary_erosion(eye, iterations=3)[tuple(whole[:, ::-1].astype(int).T)]
        assert cdist(whole[seen], drawn).min(axis=1).max() < 4
    assert not _iris(light, eye & (np.hypot(x - 128, y - 128) < 3))


def test_what_is_rough_about_the_mouth_is_a_beard_and_a_shadow_is_not(face_labels):
    labels = face_labels(0, without=("hat", "eye_g"))
    photo = np.full((256, 256, 3), 90, np.uint8)
    photo[labels == SKIN] = 215, 160, 135
    shaved = inner_strokes(photo, labels)
    chin = (labels == SKIN) & (np.arange(256)[:, None] > 165)
    photo[chin] = 110, 80, 70
    shadow = inner_strokes(photo, labels)
    assert (shadow.classes[:, 0] == SKIN).sum() < 12
    hair = np.random.default_rng(0).normal(0, 20, (256, 256, 1))
    one_sided = photo.copy()
    photo[chin] = (photo + hair).clip(0, 255).astype(np.uint8)[chin]
    side = np.arange(256) < np.argwhere(labels == CLASSES.index("nose"))[:, 1].mean()
    one_sided[:, side] = photo[:, side]
    (left, hairs) = (
        found.select((found.classes[:, 0] == SKIN) & (np.diff(found.starts) == 4))
        for found in (inner_strokes(picture, labels) for picture in (one_sided, photo))
    )
    assert len(left) < 12  # it is lit from one side
    assert len(hairs) > 30
    lengths = [np.linalg.norm(line[-1] - line[0]) for line in hairs.polylines()]
    assert 6 < min(lengths) < 0.7 * max(lengths)  # all are seen, none is like the next
    columns, rows = (hairs.points // 2).astype(int).T
    near_chin = maximum_filter(chin, 9)  # roughness is an average over some pixels
    assert near_chin[rows, columns].mean() > 0.98
    assert (shaved.classes[:, 0] == SKIN).sum() < len(hairs) / 4


def test_nothing_is_seen_in_the_background():
    labels = np.zeros((64, 64), np.uint8)
    assert not len(inner_strokes(_photo(labels), labels))
