"""Strokes from inside the regions: they lie there, follow what is there, and are seen the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, maximum_filter

from deepfacepencil.sketch.inner import inner_strokes
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.parts import is_inner
from deepfacepencil.sketch.strokes import CANVAS

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
    strokes = inner_strokes(*_stripes(angle))
    assert len(strokes) > 30
    ways = np.array([line[-1] - line[0] for line in strokes.polylines()])
    lengths = np.linalg.norm(ways, axis=1)
    along = np.abs(ways @ (np.cos(angle), np.sin(angle))) / lengths
    assert np.median(along) > 0.98


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
    photo[chin] = (photo + hair).clip(0, 255).astype(np.uint8)[chin]
    bearded = inner_strokes(photo, labels)
    hairs = bearded.select((bearded.classes[:, 0] == SKIN) & (np.diff(bearded.starts) == 4))
    assert len(hairs) > 30
    columns, rows = (hairs.points // 2).astype(int).T
    near_chin = maximum_filter(chin, 9)  # roughness is an average over some pixels
    assert near_chin[rows, columns].mean() > 0.98
    assert (shaved.classes[:, 0] == SKIN).sum() < len(hairs) / 4


def test_nothing_is_seen_in_the_background():
    labels = np.zeros((64, 64), np.uint8)
    assert not len(inner_strokes(_photo(labels), labels))
