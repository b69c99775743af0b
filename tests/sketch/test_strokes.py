"""Strokes: chained cubic Beziers as flat arrays, smooth curves through points (section 3.1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepfacepencil.sketch.strokes import CANVAS, UNKNOWN, Strokes, through

COORDINATE = st.floats(-100, 612, width=32)
CHAIN = st.integers(1, 4).flatmap(lambda n: arrays(np.float32, (3 * n + 1, 2), elements=COORDINATE))
CHAINS = st.lists(CHAIN, max_size=5)


def _de_casteljau(corners, t):
    while len(corners) > 1:
        corners = corners[:-1] * (1 - t) + corners[1:] * t
    return corners[0]


@given(CHAINS, st.integers(1, 9))
def test_polylines_lie_on_the_curves(chains, per_curve):
    lines = Strokes.of(chains).polylines(per_curve)
    assert len(lines) == len(chains)
    for line, chain in zip(lines, chains, strict=True):
        corners = [chain[k : k + 4].astype(float) for k in range(0, len(chain) - 1, 3)]
        steps = np.arange(1, per_curve + 1) / per_curve
        expected = [chain[0], *(_de_casteljau(four, t) for four in corners for t in steps)]
        np.testing.assert_allclose(line, expected, atol=1e-3)


@given(CHAINS)
def test_chains_come_back(chains):
    strokes = Strokes.of(chains)
    assert len(strokes) == len(chains)
    assert all((a == b).all() for a, b in zip(strokes, chains, strict=True))
    assert (strokes.classes == UNKNOWN).all()
    assert strokes.classes.shape == (len(chains), 2)


@given(CHAINS)
def test_mirrored_twice_is_the_same(chains):
    strokes = Strokes.of(chains)
    mirrored = strokes.mirrored()
    np.testing.assert_allclose(mirrored.points[:, 0], CANVAS - strokes.points[:, 0], atol=1e-3)
    assert (mirrored.points[:, 1] == strokes.points[:, 1]).all()
    np.testing.assert_allclose(mirrored.mirrored().points, strokes.points, atol=1e-3)


def test_drawings_are_joined_and_packed_stroke_by_stroke():
    chains = [np.full((3 * k + 4, 2), k) for k in range(5)]
    for first in range(6):
        one, other = Strokes.of(chains[:first]), Strokes.of(chains[first:], [(0, 1)] * (5 - first))
        joined = Strokes.from_bytes(one.joined(other).to_bytes())
        assert [chain.tolist() for chain in joined] == [chain.tolist() for chain in chains]
        assert joined.classes.tolist() == [[UNKNOWN] * 2] * first + [[0, 1]] * (5 - first)


def test_select_keeps_points_and_classes():
    chains = [np.full((4, 2), k) for k in range(3)]
    chosen = Strokes.of(chains, [(0, 1), (1, 2), (0, 13)]).select(np.array([True, False, True]))
    assert [chain[0, 0] for chain in chosen] == [0, 2]
    assert chosen.classes.tolist() == [[0, 1], [0, 13]]
    assert len(chosen.select(np.array([False, False]))) == 0


@pytest.mark.parametrize("n", [2, 3, 10])
def test_through_passes_every_point(n):
    line = np.random.default_rng(n).uniform(0, 512, (n, 2))
    chain = through(line)
    assert len(chain) == 3 * n - 2
    np.testing.assert_array_equal(chain[::3], line)


def test_through_two_points_is_straight():
    (line,) = Strokes.of([through(np.array([[10, 20], [40, 80]]))]).polylines(6)
    np.testing.assert_allclose(line[:, 1], 2 * line[:, 0], atol=1e-4)
