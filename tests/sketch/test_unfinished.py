"""Unfinished drawings: they begin with one stroke, grow, and end as the drawing."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfacepencil.sketch.parts import is_inner, parts_of
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


@pytest.mark.parametrize("share", [0.2, 0.5, 0.75, 0.95])
@pytest.mark.parametrize("curves", [1, 4])
def test_what_is_there_of_a_stroke_lies_where_it_will_lie(share, curves):
    drawing = Strokes.of([np.random.default_rng(0).uniform(0, 512, (3 * curves + 1, 2))])
    (whole,), (begun,) = drawing.polylines(2000), first_of(drawing, share).polylines(100)
    done, twentieths = divmod(round(20 * share * curves), 20)  # curves, and of the next one
    last = np.arange(101 if twentieths else 1)
    seen = np.concatenate([np.arange(0, 2000 * done, 20), 2000 * done + twentieths * last])
    np.testing.assert_allclose(begun, whole[seen], atol=1e-3)


def test_a_part_is_drawn_in_one_go_mostly_and_what_is_inside_last(strokes):
    """Both eyes one after the other."""
    inside = Strokes.of([np.array([(9, 9), (20, 20), (30, 30), (40, 40)])] * 3, [(13, 13)] * 3)
    whole = strokes.joined(inside)
    one_go = side_by_side = last = 0
    for seed in range(60):
        drawn = in_order(whole, np.random.default_rng(seed))
        inner = is_inner(drawn)
        outer = [part for part, _ in groupby(parts_of(drawn)[~inner].tolist())]
        one_go += len(outer) == len(set(outer))
        side_by_side += abs(outer.index("l_eye") - outer.index("r_eye")) == 1
        last += inner[-3:].all()
    assert 0.75 < one_go / 60 < 0.98 and one_go <= side_by_side
    assert 0.4 < last / 60 < 0.8


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
