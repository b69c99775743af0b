"""Shifted pictures say exactly what filters and distances say."""

import numpy as np
import pytest
from scipy import ndimage

from deepfacepencil.sketch.around import closed, depth_of, grown, highest, large, lowest, shrunk


@pytest.mark.parametrize(("down", "right"), [(1, 3), (7, 1), (9, 9), (61, 5)])
def test_windows(down: int, right: int) -> None:
    values = np.random.default_rng(0).random((70, 40), dtype=np.float32)
    assert (highest(values, down, right) == ndimage.maximum_filter(values, (down, right))).all()
    assert (lowest(values, down, right) == ndimage.minimum_filter(values, (down, right))).all()


def test_closing() -> None:
    values = np.random.default_rng(1).random((50, 60), dtype=np.float32)
    assert (closed(values, 9) == ndimage.grey_closing(values, 9)).all()


@pytest.mark.parametrize("reach", [1, 1.5, 2, 4.5, 6.5, 11, 41.5])
@pytest.mark.parametrize("share", [0.003, 0.5, 0.997])
def test_distances(reach: float, share: float) -> None:
    mask = np.random.default_rng(2).random((60, 80)) < share
    assert (grown(mask, reach) == (ndimage.distance_transform_edt(~mask) <= reach)).all()
    assert (shrunk(mask, reach) == (ndimage.distance_transform_edt(mask) > reach)).all()


@pytest.mark.parametrize("reach", [0.5, 3, 25])
def test_depths(reach: float) -> None:
    mask = grown(np.random.default_rng(3).random((60, 80)) < 0.01, reach)
    mask[:, :9] = False
    assert (depth_of(mask) == ndimage.distance_transform_edt(mask)).all()


def test_large_parts() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:4, 2:6] = mask[10:13, 10:13] = mask[13, 13] = True
    left = large(mask, 9)
    assert left.sum() == 9 and left[10:13, 10:13].all()


def test_nothing_and_everything() -> None:
    nothing = np.zeros((5, 6), bool)
    assert not grown(nothing, 3).any()
    assert shrunk(~nothing, 3).all()
