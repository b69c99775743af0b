"""Stroke deformation: seeded, bounded by d, joints stay joined, d = 0 is nothing (section 3.1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfacepencil.sketch.deform import DEFAULT_D, deform
from deepfacepencil.sketch.strokes import Strokes, through
from deepfacepencil.sketch.trace import trace_labels


@pytest.fixture(scope="module")
def strokes(face_labels):
    return trace_labels(face_labels(0))


def _closed(strokes):
    return np.array([(chain[0] == chain[-1]).all() for chain in strokes])


@given(st.integers(0, 2**32), st.floats(0, 60), st.floats(0, 1))
def test_offsets_stay_below_d_and_chains_stay_chains(strokes, seed, d, share):
    deformed = deform(strokes, np.random.default_rng(seed), d, share)
    assert np.abs(deformed.points - strokes.points).max() <= d + 1e-3
    assert (deformed.starts == strokes.starts).all()
    assert (deformed.classes == strokes.classes).all()
    assert _closed(deformed)[_closed(strokes)].all()


def test_no_offset_is_the_same_drawing(strokes):
    assert _closed(strokes).any()
    assert (deform(strokes, np.random.default_rng(0), 0).points == strokes.points).all()


def test_the_paper_moves_every_point_by_up_to_eleven(strokes):
    offsets = deform(strokes, np.random.default_rng(0)).points - strokes.points
    assert DEFAULT_D == 11
    assert (np.abs(offsets) > 1e-4).any(axis=1).all()
    assert 10 < np.abs(offsets).max() <= 11 + 1e-3
    np.testing.assert_allclose(offsets.std(), 11 / 3**0.5, rtol=0.1)  # uniform
    assert abs(offsets.mean()) < 1


@pytest.mark.parametrize("share", [0, 0.5])
def test_share_is_the_part_of_points_that_move(strokes, share):
    moved = deform(strokes, np.random.default_rng(1), 11, share).points != strokes.points
    assert (moved[:, 0] == moved[:, 1]).all()
    np.testing.assert_allclose(moved[:, 0].mean(), share, atol=0.08)


def test_curves_of_a_chain_share_their_joints(strokes):
    # The line through all curves has no jump.
    for line in deform(strokes, np.random.default_rng(2), 40).polylines(50):
        steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
        assert steps.max() < 25


def test_seeds_decide(strokes):
    one, again, other = (deform(strokes, np.random.default_rng(s)).points for s in (5, 5, 6))
    assert (one == again).all()
    assert (one != other).any()


def test_nothing_to_deform():
    assert len(deform(Strokes.of([]), np.random.default_rng(0))) == 0


@pytest.mark.parametrize("end", [(100, 300), (300, 100)])
def test_a_chain_whose_ends_share_a_row_or_a_column_is_not_closed(end):
    line = Strokes.of([through(np.array([(100, 100), (200, 220), end]))])
    moved = deform(line, np.random.default_rng(0)).points - line.points
    assert (np.abs(moved[0] - moved[-1]) > 1e-3).all()
