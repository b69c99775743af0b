"""Wrinkles as people draw them: on the skin of those who are old enough, where they have them."""

import numpy as np
import pytest

from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.strokes import CANVAS
from deepfacepencil.sketch.wrinkles import (
    _SIGNS,
    Places,
    _below_eyes,
    _beside_eyes,
    _between_brows,
    _folds,
    _forehead,
    wrinkle_strokes,
)

_OF = {name: number for number, name in enumerate(CLASSES)}
# Left, top, right, bottom of 128.
BOXES = {
    "skin": (32, 24, 96, 120),
    "l_brow": (38, 50, 58, 54),
    "r_brow": (70, 50, 90, 54),
    "l_eye": (42, 58, 54, 63),
    "r_eye": (74, 58, 86, 63),
    "nose": (58, 64, 70, 82),
    "mouth": (52, 92, 76, 99),
}


def face(*without: str) -> np.ndarray:
    labels = np.zeros((128, 128), np.uint8)
    for name, (left, top, right, bottom) in BOXES.items():
        if name not in without:
            labels[top:bottom, left:right] = _OF[name]
    return labels


def many(age: float, *without: str) -> list:
    return [wrinkle_strokes(face(*without), age, np.random.default_rng(seed)) for seed in range(40)]


def test_the_older_the_more() -> None:
    young, middle, old = ([len(strokes) for strokes in many(age)] for age in (30, 50, 75))
    assert max(young) <= 2  # from nose to mouth, who smiles
    assert 0 < np.mean([n > 0 for n in young]) < 0.2
    assert 2 < np.mean(middle) < np.mean(old) < 30
    assert np.std(old) > 2  # nobody draws them all, and everybody others


def test_they_lie_on_skin_and_are_the_same_again() -> None:
    labels = face()
    for seed in range(20):
        strokes = wrinkle_strokes(labels, 70, np.random.default_rng(seed))
        assert (strokes.classes == _OF["skin"]).all()
        for line in strokes.polylines(4):
            column, row = (line / (CANVAS / 128)).astype(int).T
            # A smooth curve may leave by a little between the points that lie on it.
            assert np.mean(labels[row, column] == _OF["skin"]) > 0.8
        again = wrinkle_strokes(labels, 70, np.random.default_rng(seed))
        np.testing.assert_array_equal(strokes.points, again.points)


def box_of(name: str) -> np.ndarray:
    return np.array(BOXES[name]) * CANVAS / 128


@pytest.mark.parametrize("seed", range(8))
def test_each_sign_is_where_it_belongs(seed: int) -> None:
    places = Places(face())

    def drawn(sign) -> np.ndarray:
        return np.concatenate(sign(places, np.random.default_rng(seed)))

    left, right = box_of("l_brow"), box_of("r_brow")
    x, y = drawn(_forehead).T
    assert (y < left[1] + 2).all() and (x > left[0] - 40).all() and (x < right[2] + 40).all()
    x, y = drawn(_between_brows).T
    assert (x > left[2] - 10).all() and (x < right[0] + 10).all()
    assert (np.abs(y - left[[1, 3]].mean()) < 40).all()
    x, _ = drawn(_beside_eyes).T
    assert ((x < box_of("l_eye")[0]) | (x > box_of("r_eye")[2])).all()
    assert (x < box_of("l_eye")[0]).any() and (x > box_of("r_eye")[2]).any()
    _, y = drawn(_below_eyes).T
    assert (y > box_of("l_eye")[3]).all() and (y < box_of("nose")[3]).all()
    x, y = drawn(_folds).T
    nose, mouth = box_of("nose"), box_of("mouth")
    assert ((x < nose[0]) | (x > nose[2])).all()
    assert (y > nose[1]).all() and (y < mouth[3] + 20).all()


def test_what_is_not_seen_has_none() -> None:
    rng = np.random.default_rng(0)
    blind = Places(face("l_eye", "r_eye", "l_brow", "r_brow", "nose", "mouth"))
    assert all(sign(blind, rng) == [] for sign in _SIGNS)
    one = Places(face("r_eye", "r_brow"))
    assert _beside_eyes(one, rng) == _forehead(one, rng) == _between_brows(one, rng) == []
    assert len(_below_eyes(one, rng)) in (1, 2)
    assert all(not len(strokes) for strokes in many(80, "skin"))
