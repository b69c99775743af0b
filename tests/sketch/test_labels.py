"""Part masks -> one label map in the painting order (section 4.1, Data)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfacepencil.sketch.labels import CLASSES, PAINTING_ORDER, PARTS, label_map

EVERYWHERE = np.ones((4, 6), bool)


def test_classes_are_those_of_celebamask_hq():
    assert len(CLASSES) == 19
    assert CLASSES[0] == "background"
    assert [CLASSES.index(p) for p in ("skin", "l_eye", "hair", "cloth")] == [1, 4, 13, 18]
    assert sorted(PAINTING_ORDER) == sorted(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_painted(part):
    labels = label_map({part: EVERYWHERE}, (4, 6))
    assert labels.dtype == np.uint8
    assert (labels == CLASSES.index(part)).all()


@pytest.mark.parametrize(
    ("over", "under"),
    [
        ("hair", "skin"), ("hat", "skin"), ("hat", "hair"), ("eye_g", "l_eye"), ("eye_g", "r_eye"),
        ("eye_g", "l_brow"), ("l_eye", "skin"), ("nose", "skin"), ("u_lip", "mouth"),
        ("l_lip", "mouth"), ("skin", "neck"), ("cloth", "neck"), ("neck_l", "neck"),
        ("neck_l", "cloth"), ("ear_r", "l_ear"), ("ear_r", "hair"), ("hair", "r_ear"),
    ],
)  # fmt: skip
def test_what_lies_in_front_covers_what_lies_behind(over, under):
    labels = label_map({over: EVERYWHERE, under: EVERYWHERE}, (4, 6))
    assert (labels == CLASSES.index(over)).all()


@given(st.dictionaries(st.sampled_from(PARTS), st.integers(0, 2**24 - 1)))
def test_pixels_get_a_class_that_claims_them(claims):
    masks = {
        p: (bits >> np.arange(24) & 1).astype(bool).reshape(4, 6) for p, bits in claims.items()
    }
    labels = label_map(masks, (4, 6))
    masks["background"] = ~np.any([np.zeros((4, 6), bool), *masks.values()], axis=0)
    for name in CLASSES:
        assert masks.get(name, ~EVERYWHERE)[labels == CLASSES.index(name)].all()
