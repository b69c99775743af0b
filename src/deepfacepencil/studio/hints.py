"""What a drawing still lacks to be a face, in the order in which people miss it.

The network has seen faces in one place: where strokes are missing there, it has to invent.
"""

import numpy as np
from numpy.typing import NDArray

from ..sketch.strokes import Strokes

# Where the training faces have their features (see `sketch/place.py`), with room for other ones:
# ellipses as centre and radii, and how many pixels of stroke a feature has at least. Brows lie
# outside those of eyes.
_FEATURES = {
    "left eye": ((193, 242), (48, 22), 50),
    "right eye": ((319, 242), (48, 22), 50),
    "mouth": ((256, 381), (85, 36), 60),
    "nose": ((256, 310), (50, 42), 25),
}
_MIDDLE = 256  # of the paper
_APART = 110  # pixels from the one eye's outer corner to the other's, at least
# How heads turn: how far features move sideways, and how much nearer they come to each other.
_TURNS = ((0, 1.0), (-28, 0.9), (28, 0.9), (-56, 0.75), (56, 0.75))
_OUTLINE = ((256, 281), (140, 195), 0.72, 1.3, 260)  # centre, radii, from and to, pixels of stroke


def missing(strokes: Strokes) -> list[str]:
    """Features of a face that nothing has been drawn for; empty for a whole face."""
    lines = strokes.polylines(4)
    if not lines:
        return []
    starts = np.concatenate([line[:-1] for line in lines])
    ends = np.concatenate([line[1:] for line in lines])
    middles, lengths = (starts + ends) / 2, np.hypot(*(ends - starts).T)
    gone = min((_gone(middles, lengths, *turn) for turn in _TURNS), key=len)
    centre, radii, low, high, least = _OUTLINE
    away = _away(middles, centre, radii)
    below = middles[:, 1] > centre[1] - 60  # hair is no outline of a face
    if lengths[(away > low**2) & (away < high**2) & below].sum() < least:
        gone.append("outline")
    eyes = {"left eye", "right eye"}
    return ["eyes", *(name for name in gone if name not in eyes)] if eyes <= set(gone) else gone


def _gone(
    middles: NDArray[np.floating], lengths: NDArray[np.floating], shift: float, narrow: float
) -> list[str]:
    """Features without strokes in a head that is turned so far; strokes as middles and lengths."""
    inside = {}
    for name, ((x, y), radii, _) in _FEATURES.items():
        centre = (_MIDDLE + shift + narrow * (x - _MIDDLE), y)
        inside[name] = _away(middles, centre, radii) < 1
    found = [
        name for name, (_, _, least) in _FEATURES.items() if lengths[inside[name]].sum() < least
    ]
    eyes = middles[inside["left eye"] | inside["right eye"], 0]
    if not {"left eye", "right eye"} & set(found) and np.ptp(eyes) < narrow * _APART:
        # One eye, where both of a turned head would be, is not two.
        found.insert(0, "right eye" if eyes.mean() < _MIDDLE else "left eye")
    return found


def _away(
    places: NDArray[np.floating], centre: tuple[float, float], radii: tuple[float, float]
) -> NDArray[np.floating]:
    """How far places are from the middle of an ellipse, squared; its edge is at 1."""
    x, y = ((places[:, axis] - centre[axis]) / radii[axis] for axis in (0, 1))
    return np.asarray(x * x + y * y)
