"""What a drawing still lacks to be a face, in the order in which people miss it.

The network has seen faces in one place: where strokes are missing there, it has to invent.
"""

import numpy as np

from ..sketch.strokes import Strokes

# Where the training faces have their features (see `sketch/place.py`), with room for other ones:
# ellipses as centre and radii, and how many pixels of stroke a feature has at least.
_FEATURES = {
    "left eye": ((193, 238), (48, 28), 50),
    "right eye": ((319, 238), (48, 28), 50),
    "mouth": ((256, 381), (85, 36), 60),
    "nose": ((256, 310), (50, 42), 25),
}
_OUTLINE = ((256, 281), (140, 195), 0.72, 1.3, 260)  # centre, radii, from and to, pixels of stroke


def missing(strokes: Strokes) -> list[str]:
    """Features of a face that nothing has been drawn for; empty for a whole face."""
    lines = strokes.polylines(4)
    if not lines:
        return []
    middles = np.concatenate([(line[1:] + line[:-1]) / 2 for line in lines])
    lengths = np.concatenate([np.hypot(*np.diff(line, axis=0).T) for line in lines])
    gone = [
        name
        for name, (centre, radii, least) in _FEATURES.items()
        if lengths[np.hypot(*((middles - centre) / radii).T) < 1].sum() < least
    ]
    centre, radii, low, high, least = _OUTLINE
    away = np.hypot(*((middles - centre) / radii).T)
    below = middles[:, 1] > centre[1] - 60  # hair is no outline of a face
    if lengths[(away > low) & (away < high) & below].sum() < least:
        gone.append("outline")
    eyes = {"left eye", "right eye"}
    return ["eyes", *(name for name in gone if name not in eyes)] if eyes <= set(gone) else gone
