"""Curly hair: it is told from straight hair, and drawn within hair with one of several signs."""

import numpy as np
import pytest
from scipy import ndimage

from deepfacepencil.sketch.curls import _SIGNS, curl_strokes, curliness
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import CANVAS

HAIR = CLASSES.index("hair")


def head(size: int = 256) -> np.ndarray:
    """Hair to both sides of a face."""
    labels = np.zeros((size, size), np.uint8)
    step = size // 16
    labels[2 * step : 14 * step, 3 * step : 13 * step] = HAIR
    labels[5 * step : 14 * step, 6 * step : 10 * step] = CLASSES.index("skin")
    return labels


def photo(light: np.ndarray) -> np.ndarray:
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_rings_are_curly_and_lines_and_fog_are_not() -> None:
    noise = np.random.default_rng(0).standard_normal((256, 256))
    spots = ndimage.gaussian_filter(noise, 2)
    strands = ndimage.gaussian_filter(noise, (12, 1.2))
    tangle, straight = (photo(90 + 35 * x / x.std()) for x in (spots, strands))
    foggy = photo(90 + 3 * spots / spots.std())
    assert curliness(tangle, head()) > 0.7
    assert curliness(straight, head()) < 0.1
    assert curliness(foggy, head()) < 0.1
    assert curliness(np.rot90(tangle).copy(), head()) > 0.7
    assert curliness(tangle, np.zeros_like(head())) == 0


@pytest.mark.parametrize("seed", range(12))
def test_they_are_drawn_within_hair(seed: int) -> None:
    labels = head(128)
    strokes = curl_strokes(labels, np.random.default_rng(seed))
    assert len(strokes) > 3 and (strokes.classes == HAIR).all()
    inked = draw(strokes, 128) > 100
    near = ndimage.binary_dilation(labels == HAIR, iterations=10)  # bows stand out of its border
    assert inked[near].sum() > 0.97 * inked.sum()
    again = curl_strokes(labels, np.random.default_rng(seed))
    np.testing.assert_array_equal(strokes.points, again.points)


@pytest.mark.parametrize("sign", _SIGNS)
def test_signs_turn_round(sign) -> None:
    area = head(128) == HAIR
    lines = sign(area, np.random.default_rng(1))
    assert len(lines) > 5
    for line in lines:
        steps = np.diff(line, axis=0)
        angles = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        assert np.abs(np.diff(angles)).sum() > 1.5
        assert np.ptp(line, axis=0).max() < CANVAS / 3


def test_who_has_hardly_any_hair_has_no_curls() -> None:
    labels = np.zeros((128, 128), np.uint8)
    labels[10:20, 10:30] = HAIR
    assert not len(curl_strokes(labels, np.random.default_rng(0)))
