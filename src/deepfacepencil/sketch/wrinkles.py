"""Wrinkles as people draw them, on the faces that are old enough (beyond the paper; deviation F1).

Few photos show a wrinkle as a line. Who draws somebody old has signs for it: lines across the
forehead and between the brows, at the outer corners of the eyes, below them, from nose to mouth.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .doodle import Line
from .labels import CLASSES
from .strokes import CANVAS, Strokes, through

_ID = {name: number for number, name in enumerate(CLASSES)}
_SKIN = _ID["skin"]
_YOUNG, _OLD = 44.0, 56.0  # years: none of the signs is drawn, nearly all are
_MOST = 0.85  # of a sign's probability
_SMILING = 0.06  # of younger faces that have the lines from nose to mouth alone
_SHORTEST = 8.0  # canvas pixels of a wrinkle


class Places:
    """Where the features of a face are, on the canvas; None for those that are not seen."""

    def __init__(self, labels: NDArray[np.uint8]) -> None:
        self.labels, self.scale = labels, CANVAS / len(labels)
        self.eyes = [self._box("l_eye"), self._box("r_eye")]
        self.brows = [self._box("l_brow"), self._box("r_brow")]
        self.nose = self._box("nose")
        self.mouth = self._box("mouth", "u_lip", "l_lip")

    def _box(self, *names: str) -> NDArray[np.float64] | None:
        """Left, top, right and bottom of what has these classes, (4,)."""
        rows, columns = np.nonzero(np.isin(self.labels, [_ID[name] for name in names]))
        if len(rows) < 4:
            return None
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return np.array(box) * self.scale

    def on_skin(self, line: Line) -> Line:
        """The first part of a line that lies on skin."""
        column, row = np.clip(line / self.scale, 0, len(self.labels) - 1).astype(np.intp).T
        inside = self.labels[row, column] == _SKIN
        if not inside.any():
            return line[:0]
        first = int(inside.argmax())
        outside = np.flatnonzero(~inside[first:])
        return line[first : first + outside[0]] if len(outside) else line[first:]


def wrinkle_strokes(labels: NDArray[np.uint8], age: float, rng: np.random.Generator) -> Strokes:
    """Strokes for the wrinkles of a face with these labels (S, S), `age` in years.

    Their classes are (skin, skin). None where the face is young or its features are not seen.
    """
    share = _MOST * np.clip((age - _YOUNG) / (_OLD - _YOUNG), 0, 1)
    places, lines = Places(labels), []
    for sign, often in _SIGNS.items():
        if rng.random() < share * often:
            lines += sign(places, rng)
    if not share and rng.random() < _SMILING:
        lines = _folds(places, rng)
    kept = [line for line in map(places.on_skin, lines) if _length(line) > _SHORTEST]
    return Strokes.of([through(line) for line in kept], [(_SKIN, _SKIN)] * len(kept))


def _length(line: Line) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _curve(a: Line, b: Line, bend: float, wave: float = 0.0) -> Line:
    """From a to b (2,), bent by this share of the distance to the left, and waved."""
    t = np.linspace(0, 1, 9)[:, None]
    way = b - a
    left = np.array([way[1], -way[0]])
    return a + t * way + left * (bend * np.sin(np.pi * t) + wave * np.sin(2 * np.pi * t))


def _forehead(places: Places, rng: np.random.Generator) -> list[Line]:
    """Lines across, one above the other, over both brows."""
    left, right = places.brows
    if left is None or right is None:
        return []
    low, wide = min(left[1], right[1]), max(left[2], right[2]) - min(left[0], right[0])
    middle = (left[[0, 2]].mean() + right[[0, 2]].mean()) / 2
    gap, lines = rng.uniform(0.06, 0.13) * wide, []
    for number in range(1, int(rng.integers(2, 5))):
        half = 0.5 * wide * rng.uniform(0.35, 0.9)
        ends = middle + np.array([-half, half]) + rng.normal(0, 0.04 * wide, 2)
        y = low - gap * (number + rng.normal(0, 0.15))
        bend = rng.normal(0.03, 0.03)
        a, b = (np.array([x, y + rng.normal(0, 2)]) for x in ends)
        line = _curve(a, b, bend, rng.normal(0, 0.015))
        lines += [line[:4], line[5:]] if rng.random() < 0.2 else [line]
    return lines


def _between_brows(places: Places, rng: np.random.Generator) -> list[Line]:
    """One or two short upright lines."""
    left, right = places.brows
    if left is None or right is None:
        return []
    a, b = sorted((left, right), key=lambda box: float(box[0]))
    gap, middle = b[0] - a[2], (b[0] + a[2]) / 2
    if gap < 6:
        return []
    height, y = rng.uniform(14, 30), (a[3] + b[3]) / 2 + rng.normal(0, 4)
    sides = (-1, 1) if rng.random() < 0.7 else (0,)
    return [
        _curve(
            np.array([middle + side * 0.25 * gap, y - height / 2]),
            np.array([middle + side * 0.2 * gap + rng.normal(0, 2), y + height / 2]),
            side * rng.uniform(-0.1, 0.15),
        )
        for side in sides
    ]


def _beside_eyes(places: Places, rng: np.random.Generator) -> list[Line]:
    """Crow's feet: two to four short lines that fan out of the outer corner of each eye."""
    seen = [eye for eye in places.eyes if eye is not None]
    if len(seen) < 2:
        return []
    middle = np.mean([eye[[0, 2]].mean() for eye in seen])
    lines = []
    for eye in seen:
        side = 1.0 if eye[[0, 2]].mean() > middle else -1.0
        width = eye[2] - eye[0]
        corner = np.array([eye[2] if side > 0 else eye[0], eye[[1, 3]].mean()])
        for angle in np.linspace(-0.6, 0.6, int(rng.integers(2, 5))) + rng.normal(0, 0.1):
            way = np.array([side * np.cos(angle), np.sin(angle)])
            near, far = width * rng.uniform(0.15, 0.3), width * rng.uniform(0.4, 0.8)
            lines.append(_curve(corner + near * way, corner + far * way, rng.normal(0, 0.08)))
    return lines


def _below_eyes(places: Places, rng: np.random.Generator) -> list[Line]:
    """Bags: one arc or two below each eye."""
    lines = []
    count = 1 if rng.random() < 0.7 else 2
    for eye in places.eyes:
        if eye is None:
            continue
        width = eye[2] - eye[0]
        for number in range(count):
            y = eye[3] + width * (rng.uniform(0.12, 0.3) + 0.15 * number)
            a, b = (np.array([x, y]) for x in (eye[0] + 0.05 * width, eye[2] - 0.1 * width))
            lines.append(_curve(a, b, -rng.uniform(0.1, 0.22)))
    return lines


def _folds(places: Places, rng: np.random.Generator) -> list[Line]:
    """From the wings of the nose around the corners of the mouth."""
    nose, mouth = places.nose, places.mouth
    if nose is None or mouth is None:
        return []
    wide, lines, end = mouth[2] - mouth[0], [], rng.uniform(-0.3, 0.6)
    for side, wing, corner in ((-1, nose[0], mouth[0]), (1, nose[2], mouth[2])):
        top = np.array([wing + side * rng.uniform(2, 8), nose[3] - 0.15 * (nose[3] - nose[1])])
        low = np.array([corner + side * rng.uniform(0.04, 0.16) * wide, 0.0])
        low[1] = mouth[[1, 3]].mean() + end * (mouth[3] - mouth[1])
        lines.append(_curve(top, low, side * rng.uniform(0.02, 0.16)))
    return lines


def _below_mouth(places: Places, rng: np.random.Generator) -> list[Line]:
    """From the corners of the mouth down, a little outwards."""
    mouth = places.mouth
    if mouth is None:
        return []
    length, lines = rng.uniform(14, 36), []
    for side, x in ((-1, mouth[0]), (1, mouth[2])):
        a = np.array([x + side * rng.uniform(0, 6), mouth[[1, 3]].mean() + rng.uniform(0, 6)])
        b = a + np.array([side * rng.uniform(-2, 6), length])
        lines.append(_curve(a, b, side * rng.uniform(0, 0.12)))
    return lines


def _cheeks(places: Places, rng: np.random.Generator) -> list[Line]:
    """Hollow cheeks: a long line or two on each side, outside of the folds."""
    nose, mouth = places.nose, places.mouth
    if nose is None or mouth is None:
        return []
    wide, lines = mouth[2] - mouth[0], []
    for side, corner in ((-1, mouth[0]), (1, mouth[2])):
        x = corner + side * rng.uniform(0.25, 0.5) * wide
        a = np.array([x, nose[3] - rng.uniform(0, 0.4) * (nose[3] - nose[1])])
        b = np.array([x - side * rng.uniform(0, 0.15) * wide, mouth[3] + rng.uniform(-10, 15)])
        lines.append(_curve(a, b, side * rng.uniform(0, 0.15)))
    return lines


# How often, of those who draw wrinkles at all.
_SIGNS: dict[Callable[[Places, np.random.Generator], list[Line]], float] = {
    _forehead: 1.0,
    _between_brows: 0.6,
    _beside_eyes: 0.8,
    _below_eyes: 0.7,
    _folds: 1.0,
    _below_mouth: 0.5,
    _cheeks: 0.4,
}
