"""Beards as people draw them: strokes of the skin, where the beard is, and nowhere else."""

import numpy as np
import pytest

from deepfacepencil.sketch.beard import beard_strokes
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import CANVAS


def chin(strength: float) -> np.ndarray:
    beard = np.zeros((32, 32))
    beard[20:28, 10:22] = strength
    return beard


@pytest.mark.parametrize("seed", range(24))
def test_a_beard_is_drawn_where_it_is(seed: int) -> None:
    strokes = beard_strokes(chin(1.0), np.random.default_rng(seed))
    assert len(strokes) and draw(strokes, 128).any()
    assert (strokes.classes == CLASSES.index("skin")).all()
    low, high = strokes.points.min(0), strokes.points.max(0)
    cell = CANVAS / 32
    # Hairs hang over the edge by up to half their length.
    assert (low > (10 * cell - 40, 20 * cell - 40)).all()
    assert (high < (22 * cell + 40, 28 * cell + 40)).all()
    again = beard_strokes(chin(1.0), np.random.default_rng(seed))
    np.testing.assert_array_equal(strokes.points, again.points)


def test_who_has_none_gets_none() -> None:
    few = np.zeros((32, 32))
    few[25, 15] = 1
    for beard in (chin(0.0), chin(0.2), few):
        assert not len(beard_strokes(beard, np.random.default_rng(0)))


def test_there_is_more_than_one_way_to_draw_it() -> None:
    counts = {len(beard_strokes(chin(1.0), np.random.default_rng(seed))) for seed in range(30)}
    assert min(counts) <= 2 and max(counts) > 60  # an outline or a scribble; hatching
