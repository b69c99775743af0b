"""Faithfulness by landmarks: distances by part, in the drawing's own measure (section 4.3.2)."""

import numpy as np
import pytest

from deepfacepencil.data.landmarks import eyes, parts_of_face, points_of
from deepfacepencil.evaluation.faithfulness import faithfulness

pytest.importorskip("mediapipe")


def _face(seed=0):
    """478 points whose eyes' centres are 50 apart."""
    points = np.random.default_rng(seed).uniform(0, 256, (478, 2))
    for eye, x in zip(eyes(), (150, 100), strict=True):
        points[eye] += (x, 120) - points[eye].mean(axis=0)
    return points


def test_a_photo_with_the_drawings_landmarks_is_faithful():
    zero = faithfulness(_face(), _face())
    assert zero == dict.fromkeys(["eyes", "brows", "nose", "mouth", "outline", "all"], 0)


def test_a_shift_counts_in_inter_ocular_distances_of_the_drawing():
    errors = faithfulness(_face(), _face() + (3, 4))
    assert errors == pytest.approx(dict.fromkeys(errors, 5 / 50))
    twice = faithfulness(2 * _face(), 2 * (_face() + (3, 4)))
    assert twice == pytest.approx(errors)
    larger_photo, larger_drawing = (_face(), 2 * _face()), (2 * _face(), _face())
    assert faithfulness(*larger_photo)["all"] == 2 * faithfulness(*larger_drawing)["all"]


def test_a_part_is_wrong_alone():
    photo = _face()
    mouth = points_of(parts_of_face()["mouth"])
    photo[mouth, 1] += 10
    errors = faithfulness(_face(), photo)
    points = sum(len(points_of(lines)) for lines in parts_of_face().values())
    share = len(mouth) / points
    assert errors["mouth"] == pytest.approx(0.2)
    assert errors["all"] == pytest.approx(0.2 * share)
    assert errors["eyes"] == errors["brows"] == errors["nose"] == errors["outline"] == 0
