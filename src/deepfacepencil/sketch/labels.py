"""The 19 classes of CelebAMask-HQ; its part masks become one label map (section 4.1, Data)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# A class's position is its id; l and r are the sitter's own left and right.
CLASSES = [
    "background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear",
    "mouth", "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
]  # fmt: skip
PARTS = CLASSES[1:]

# What is painted later covers what was painted before. From back to front as one meets them in a
# portrait: clothes and necklaces lie on the neck, the face before both, its features on it, glasses
# over the eyes, then hair, what hangs in it, and the hat over everything.
PAINTING_ORDER = [
    "neck", "cloth", "neck_l", "skin", "l_ear", "r_ear", "nose", "l_brow", "r_brow",
    "l_eye", "r_eye", "eye_g", "mouth", "u_lip", "l_lip", "hair", "ear_r", "hat",
]  # fmt: skip


def label_map(masks: Mapping[str, NDArray[np.bool_]], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Part masks, {part: (H, W) bool}, painted into one label map of `size` = (H, W), 0 to 18.

    Parts that are absent from the photo are absent from `masks`.
    """
    labels = np.zeros(size, np.uint8)
    for part in PAINTING_ORDER:
        if part in masks:
            labels[masks[part]] = CLASSES.index(part)
    return labels
