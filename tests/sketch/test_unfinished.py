"""Unfinished drawings: they begin with one stroke, grow, and end as the drawing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.sketch.trace import trace_labels
from deepfacepencil.sketch.unfinished import first_of, in_order, unfinished, without_something


@pytest.fixture(scope="module")
def strokes(face_labels):
    return trace_labels(face_labels(0))


def _sorted(strokes):
    return sorted(chain.tobytes() for chain in strokes)


@given(st.integers(0, 2**32))
def test_an_order_is_the_same_strokes(strokes, seed):
    assert _sorted(in_order(strokes, np.random.default_rng(seed))) == _sorted(strokes)


def test_people_begin_with_different_parts(strokes):
    firsts = {
        tuple(in_order(strokes, np.random.default_rng(s)).classes[0].tolist()) for s in range(60)
    }
    assert len(firsts) > 4


@given(st.floats(0, 60), st.floats(0, 60))
def test_prefixes_grow(strokes, one, other):
    short, long = (first_of(strokes, amount) for amount in sorted((one, other)))
    assert len(short) <= len(long) <= len(strokes)
    whole = max(len(short) - 1, 0)
    for before, after in zip(list(short)[:whole], list(long)[:whole], strict=True):
        assert (before == after).all()
    assert _length(short) <= _length(long) + 0.5


def _length(strokes):
    return sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in strokes.polylines())


@pytest.mark.parametrize("share", [0.2, 0.5, 0.77])
def test_the_last_stroke_is_cut_on_its_way(strokes, share):
    k = int(np.diff(strokes.starts).argmax())
    only = Strokes.of([list(strokes)[k]], [tuple(strokes.classes[k])])
    (cut,) = first_of(only, share).polylines(64)
    (whole,) = only.polylines(64)
    apart = np.linalg.norm(cut[:, None] - whole, axis=2).min(1)
    assert apart.max() < 1.5
    assert len(cut) < len(whole)


def test_all_is_the_drawing_and_nothing_is_nothing(strokes):
    assert _sorted(first_of(strokes, len(strokes))) == _sorted(strokes)
    assert len(first_of(strokes, 0)) == 0
    assert len(unfinished(Strokes.of([]), np.random.default_rng(0))) == 0


def test_unfinished_drawings_have_from_one_stroke_to_nearly_all(strokes):
    counts = [len(unfinished(strokes, np.random.default_rng(s))) for s in range(200)]
    assert min(counts) == 1
    assert max(counts) > 0.9 * len(strokes)
    assert 0.2 < np.mean(np.array(counts) <= 6) < 0.6


@given(st.integers(0, 2**32))
def test_something_is_left_out_and_something_left(strokes, seed):
    rest = without_something(strokes, np.random.default_rng(seed))
    assert 0 < len(rest) <= len(strokes)
    assert set(_sorted(rest)) <= set(_sorted(strokes))
