"""How faithful a photo is to its drawing, without a true photo to compare with (section 4.3.2).

What can be compared is where the two have their eyes, nose and mouth.
"""

import numpy as np
from numpy.typing import NDArray

from ..data.landmarks import eyes, parts_of_face, points_of


def faithfulness(drawing: NDArray[np.floating], photo: NDArray[np.floating]) -> dict[str, float]:
    """How far the photo's landmarks (478, 2) are from the drawing's: {part: mean distance}, "all".

    In distances between the eyes' centres in the *drawing*: photos that several models make of one
    drawing are measured with one ruler. "all" is the mean over the points of all parts. Both have
    the pixels of one size. Raises InputError without the `evaluate` extra.
    """
    left, right = eyes()
    ruler = np.linalg.norm(drawing[left].mean(axis=0) - drawing[right].mean(axis=0))
    away = np.linalg.norm(np.asarray(photo, np.float64) - drawing, axis=1) / ruler
    parts = {part: points_of(joined) for part, joined in parts_of_face().items()}
    parts["all"] = np.concatenate(list(parts.values()))
    return {part: float(away[points].mean()) for part, points in parts.items()}
