"""The levels of deformation, stroke width and missing strokes."""

import numpy as np
import pytest
from scipy import ndimage

from deepfacepencil.evaluation.levels import CLEAN, DEFORMATION, MISSING, WIDTHS, Level
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import Strokes, through


@pytest.fixture
def strokes() -> Strokes:
    """Twelve level lines, far from each other."""
    ends = [np.array([[60.0, y], [450.0, y]]) for y in range(40, 480, 38)]
    return Strokes.of(map(through, ends))


def sketch(level: Level, strokes: Strokes, seed: int = 0) -> np.ndarray:
    return level.sketch(strokes, 256, np.random.default_rng(seed))


def test_they_are_those_of_the_paper_and_begin_with_the_clean_sketch(strokes: Strokes) -> None:
    assert [level.d for level in DEFORMATION] == [0, 5, 11, 20, 30]
    assert DEFORMATION[0] == CLEAN
    assert (sketch(CLEAN, strokes) == draw(strokes, 256)).all()
    every = (*DEFORMATION, *WIDTHS, *MISSING)
    assert len({level.name for level in every}) == len({level.label for level in every}) == 10


def test_one_seed_is_one_sketch_that_goes_further_with_d(strokes: Strokes) -> None:
    assert (sketch(Level(d=11), strokes) == sketch(Level(d=11), strokes)).all()
    assert (sketch(Level(d=11), strokes) != sketch(Level(d=11), strokes, seed=1)).any()
    to_a_line = ndimage.distance_transform_edt(draw(strokes, 256) == 0)
    away = [to_a_line[sketch(level, strokes) > 128].mean() for level in DEFORMATION]
    assert away == sorted(away)
    assert away[4] == pytest.approx(30 / 11 * away[2], rel=0.3)  # the same offsets, scaled


@pytest.mark.parametrize("width", [2, 4])
def test_wide_strokes_are_as_wide_as_they_say(strokes: Strokes, width: int) -> None:
    ink = sketch(Level(width=width), strokes).sum(dtype=float)
    assert ink / draw(strokes, 256).sum(dtype=float) == pytest.approx(width, rel=0.05)


def test_what_is_missing_stays_missing(strokes: Strokes) -> None:
    before = ndimage.label(sketch(CLEAN, strokes))[0] > 0
    for level, left in zip(MISSING, (11, 9, 6), strict=True):
        drawn = sketch(level, strokes)
        assert ndimage.label(drawn)[1] == left
        assert (before | (drawn == 0)).all()
        before = drawn > 0
