"""The habits of untrained hands: seeded, on the paper, a drawing still (docs/paper.md, F1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfacepencil.sketch.freehand import _eyes, eyes_behind_glasses, freehand
from deepfacepencil.sketch.labels import CLASSES, PARTS
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.sketch.trace import trace_labels


def _is_a_drawing(strokes):
    return (
        len(strokes) > 0
        and np.isfinite(strokes.points).all()
        and (np.diff(strokes.starts) % 3 == 1).all()
        and (np.diff(strokes.starts) >= 4).all()
        and draw(strokes, 128).any()
    )


@given(st.integers(0, 2**32), st.sets(st.sampled_from(PARTS)), st.sampled_from([64, 256]))
def test_every_face_can_be_redrawn(face_labels, seed, without, size):
    labels = face_labels(seed, size, without)
    if labels.any():
        assert _is_a_drawing(freehand(trace_labels(labels), np.random.default_rng(seed)))


@pytest.mark.parametrize("part", PARTS)
def test_faces_of_one_part(face_labels, part):
    strokes = trace_labels(face_labels(0, without=set(PARTS) - {part}))
    assert all(_is_a_drawing(freehand(strokes, np.random.default_rng(s))) for s in range(20))


def test_seeds_decide(face_labels):
    strokes = trace_labels(face_labels(0))
    one, again, other = (freehand(strokes, np.random.default_rng(s)) for s in (5, 5, 6))
    assert (one.points == again.points).all()
    assert one.points.shape != other.points.shape or (one.points != other.points).any()


def test_hands_stay_near_the_face(face_labels):
    strokes = trace_labels(face_labels(0))
    for seed in range(20):
        redrawn = freehand(strokes, np.random.default_rng(seed)).points
        # On average over the drawing: single strands and jewels may be anywhere.
        assert np.linalg.norm(redrawn.mean(0) - strokes.points.mean(0)) < 80
        assert 0.6 < redrawn.std() / strokes.points.std() < 1.4


def test_nothing_stays_nothing():
    assert len(freehand(Strokes.of([]), np.random.default_rng(0))) == 0


def test_every_habit_is_met_in_some_drawing_and_none_in_all():
    """Pupils, lashes, creases, a lid alone: by what the lines of an eye are."""
    turn = np.linspace(0, 2 * np.pi, 41)
    eye = np.stack([200 + 40 * np.cos(turn), 240 + 16 * np.sin(turn)], axis=1)
    met = {"iris": 0, "pupil": 0, "lashes": 0, "crease": 0, "no lower lid": 0}
    drawings = 200
    for seed in range(drawings):
        lines, _ = _eyes([[(eye, (1, 4))], []], np.random.default_rng(seed))
        round_ones = [line for line in lines if _is_circle(line)]
        met["iris"] += any(4 <= np.ptp(line[:, 0]) / 2 < 30 for line in round_ones)
        met["pupil"] += len(round_ones) > 1
        met["lashes"] += any(len(line) == 2 for line in lines)
        met["crease"] += any(len(line) > 2 and line[:, 1].max() < 239 for line in lines)
        met["no lower lid"] += max(line[:, 1].max() for line in lines if len(line) > 2) < 250
    for habit, count in met.items():
        assert 0.05 < count / drawings < 0.8, habit


def _is_circle(line):
    radii = np.linalg.norm(line - (line.min(0) + line.max(0)) / 2, axis=1)
    return len(line) > 4 and np.ptp(radii) < 0.1 * radii.mean() and np.allclose(line[0], line[-1])


def test_eyes_are_drawn_behind_glasses_where_labels_have_none():
    """One in each lens; nothing where there are eyes already, or no glasses."""
    labels = np.zeros((512, 512), np.uint8)
    labels[100:400, 120:400] = CLASSES.index("skin")
    plain = trace_labels(labels)
    labels[200:250, 140:240] = labels[200:250, 280:380] = CLASSES.index("eye_g")
    worn = trace_labels(labels)
    rng = np.random.default_rng(0)
    assert eyes_behind_glasses(plain, rng) is plain
    drawn = eyes_behind_glasses(worn, rng)
    for eye, left, right in (("l_eye", 140, 240), ("r_eye", 280, 380)):
        chosen = drawn.select((drawn.classes == CLASSES.index(eye)).any(1))
        assert len(chosen) == 4  # two lids, iris, pupil
        assert (left < chosen.points[:, 0]).all() and (chosen.points[:, 0] < right).all()
        assert (chosen.points[:, 1] > 200).all() and (chosen.points[:, 1] < 250).all()
    assert eyes_behind_glasses(drawn, rng) is drawn
