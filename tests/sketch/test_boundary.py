"""Label map -> one-pixel boundaries that know their two classes (section 3.1)."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.morphology import skeletonize

from deepfacepencil.sketch.boundary import boundaries, pair_of

# Blocks of 3 x 3 pixels, so that regions have an inside.
BLOCKS = arrays(np.uint8, (7, 7), elements=st.integers(0, 18)).map(
    lambda small: small.repeat(3, 0).repeat(3, 1)
)


def _pairs_near(labels, row, column):
    """The pairs of classes that meet in the 5 x 5 pixels around one."""
    near = labels[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
    meeting = [*zip(near[1:].flat, near[:-1].flat, strict=True)]
    meeting += zip(near[:, 1:].flat, near[:, :-1].flat, strict=True)
    return {(int(min(pair)), int(max(pair))) for pair in meeting if pair[0] != pair[1]}


@given(BLOCKS)
def test_pixels_know_two_classes_that_meet_there(labels):
    drawing = boundaries(labels)
    assert drawing.shape == labels.shape
    for row, column in np.argwhere(drawing):
        assert pair_of(drawing[row, column]) in _pairs_near(labels, row, column)


@pytest.mark.parametrize("size", [128, 256, 512])
def test_lines_of_faces_are_one_pixel_wide(face_labels, size):
    line = boundaries(face_labels(3, size)) > 0
    assert (skeletonize(line) == line).all()
    blocks = line[1:, 1:] & line[:-1, 1:] & line[1:, :-1] & line[:-1, :-1]  # at some junctions
    assert blocks.sum() < 0.01 * line.sum()


@pytest.mark.parametrize("value", [0, 13])
def test_one_class_has_no_boundary(value):
    assert not boundaries(np.full((32, 32), value, np.uint8)).any()


def test_two_halves_of_any_classes_meet_in_one_line():
    for one, other in permutations(range(19), 2):
        labels = np.full((32, 32), one, np.uint8)
        labels[:, 20:] = other
        drawing = boundaries(labels)
        columns = np.argwhere(drawing)[:, 1]
        assert set(columns) == {19}  # the border runs at 19.5 between the pixels 19 and 20
        assert pair_of(drawing.max()) == (min(one, other), max(one, other))
        assert len(columns) >= 30
