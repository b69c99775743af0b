"""The habits of untrained hands: seeded, on the paper, a drawing still (docs/paper.md, F1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfacepencil.sketch.freehand import freehand
from deepfacepencil.sketch.labels import PARTS
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
