"""Parts of a face as a doodle has them: an eye is a dot, a nose an L, a mouth one curve.

Each function takes the lines of a part and gives those that stand for it, in the same place, about
as large. Which of the signs, comes from `rng`; both eyes, or both brows, are given together.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Line = NDArray[np.float64]  # (n, 2) points of the canvas
Box = tuple[NDArray[np.float64], NDArray[np.float64]]  # centre, size


def circle(centre: ArrayLike, radii: ArrayLike, begin: float = 0, end: float = 360) -> Line:
    """An ellipse or a part of one, clockwise from the right in degrees."""
    # Every fourth point becomes a joint: a large one needs more of them to be round.
    turn = np.radians(np.linspace(begin, end, 17 if np.max(np.abs(radii)) < 15 else 49))
    return np.asarray(centre) + np.stack([np.cos(turn), np.sin(turn)], axis=1) * np.asarray(radii)


def zigzag(corners: Line) -> Line:
    """A line that goes straight from corner to corner; every fourth of its points is one."""
    quarters = np.linspace(0, 1, 4, endpoint=False)[:, None]
    return np.concatenate([*(a + (b - a) * quarters for a, b in pairwise(corners)), corners[-1:]])


def eyes(both: Sequence[Sequence[Line]], rng: np.random.Generator) -> list[list[Line]]:
    """Dots, circles with or without a pupil, ovals, arcs, lines, crosses, spirals."""
    sign = rng.choice(
        [
            "dot",
            "circle",
            "pupil",
            "oval",
            "closed",
            "smiling",
            "line",
            "cross",
            "spiral",
            "almond",
        ],
        p=[0.22, 0.08, 0.18, 0.1, 0.08, 0.08, 0.06, 0.03, 0.05, 0.12],
    )
    size, gaze = rng.uniform(0.7, 1.5), rng.normal(0, 0.15, 2)
    result: list[list[Line]] = []
    for lines in both:
        if not lines:
            result.append([])
            continue
        centre, (width, height) = _box(lines)
        half = width / 2 * size
        small = max(half * rng.uniform(0.12, 0.3), 2.5)
        pupil = [circle(centre + gaze * half, (r, r)) for r in (small, small / 2)]
        match sign:
            case "dot":
                drawn = [circle(centre, (r, r)) for r in (small, small * 0.6, small * 0.25)]
            case "circle":
                drawn = [circle(centre, (half * 0.7, half * 0.7))]
            case "pupil":
                drawn = [circle(centre, (half * 0.8, half * 0.8)), *pupil]
            case "oval":
                drawn = [circle(centre, (half * 0.5, half * 0.9)), *pupil[: rng.integers(0, 3)]]
            case "closed":
                drawn = [circle(centre - (0, height / 2), (half, half / 2), 0, 180)]
            case "smiling":
                drawn = [circle(centre + (0, height / 2), (half, half * 0.7), 180, 360)]
            case "line":
                drawn = [np.stack([centre - (half, 0), centre + (half, 0)])]
            case "cross":
                slant = np.array([half, half]) * 0.6
                drawn = [np.stack([centre - way, centre + way]) for way in (slant, slant * (1, -1))]
            case "spiral":
                turn = np.linspace(0, 5 * np.pi, 40)[:, None]
                around = np.hstack([np.cos(turn), np.sin(turn)])
                drawn = [centre + around * turn / turn[-1] * half * 0.8]
            case _:
                lids = [
                    circle(centre, (half, max(height, half) * 0.6), *a)
                    for a in ((180, 360), (0, 180))
                ]
                drawn = [*lids, *pupil]
        result.append(drawn)
    return result


def brows(both: Sequence[Sequence[Line]], rng: np.random.Generator) -> list[list[Line]]:
    """A stroke or an arc, slanted as one feels, or none."""
    sign, slant = rng.choice(["line", "arc", "none"], p=[0.45, 0.35, 0.2]), rng.normal(0, 0.2)
    result: list[list[Line]] = []
    for lines, side in zip(both, (1, -1), strict=True):
        if not lines or sign == "none":
            result.append([])
            continue
        centre, (width, height) = _box(lines)
        if sign == "arc":
            result.append([circle(centre + (0, height / 2), (width / 2, height), 200, 340)])
        else:
            way = np.array([width / 2, side * slant * width / 2])
            result.append([np.stack([centre - way, centre + way])])
    return result


def nose(lines: Sequence[Line], rng: np.random.Generator) -> list[Line]:
    """An L, a stroke, an arc, a C, two dots, a triangle, a ball, or none."""
    if not lines:
        return []
    centre, (width, height) = _box(lines)
    side = rng.choice([-1, 1])
    top, tip = centre - (0, height / 2 * rng.uniform(0.2, 1)), centre + (0, height / 2)
    match rng.choice(["L", "line", "arc", "C", "dots", "triangle", "ball", "none"]):
        case "L":
            out = tip + (side * width * rng.uniform(0.25, 0.5), -rng.uniform(0, 0.05) * height)
            return (
                [np.stack([top, out, tip])] if rng.random() < 0.5 else [np.stack([top, tip, out])]
            )
        case "line":
            return [np.stack([top, tip])]
        case "arc":
            return [
                circle(tip - (0, width / 4), (width * rng.uniform(0.2, 0.45), width / 4), 0, 180)
            ]
        case "C":
            return [circle((top + tip) / 2, (side * width / 3, (tip - top)[1] / 2), -80, 130)]
        case "dots":
            around = [tip + (way * width * 0.17, -4) for way in (-1, 1)]
            return [circle(place, (3, 2.5)) for place in around]
        case "triangle":
            left, right = tip - (width / 3, 0), tip + (width / 3, 0)
            return [np.stack([top, left]), np.stack([left, right]), np.stack([right, top])]
        case "ball":
            return [circle(tip - (0, width / 4), (width / 3, width / 3.5))]
    return []


def mouth(lines: Sequence[Line], is_open: bool, rng: np.random.Generator) -> list[Line]:
    """One curve that smiles as much as the mouth does; an open one is mostly a bowl or an oval."""
    if not lines:
        return []
    centre, (width, height) = _box(lines)
    points = np.concatenate(list(lines))
    corners = np.abs(points[:, 0] - centre[0]) > 0.42 * width
    hanging = centre[1] - points[corners, 1].mean() if corners.any() else 0.0
    left, right = centre - (width / 2, hanging), centre + (width / 2, -hanging)
    low = centre + (0, 1.2 * hanging + rng.normal(0, 0.05) * width)
    curve = np.stack([left, (left + 2 * low) / 3, low, (right + 2 * low) / 3, right])
    match rng.choice(
        ["curve", "bowl", "oval", "zigzag"],
        p=[0.3, 0.4, 0.25, 0.05] if is_open else [0.8, 0.05, 0.1, 0.05],
    ):
        case "curve":
            return [curve]
        case "bowl":
            bottom = circle((left + right) / 2, (width / 2, max(height, width / 4)), 0, 180)
            return [np.stack([left, right]), bottom]
        case "oval":
            return [circle(centre, (width / 2 * rng.uniform(0.4, 1), height / 2))]
    steps = np.linspace(0, 1, 8)[:, None]
    swing = np.where(np.arange(8) % 2, 1, -1)[:, None] * (0, width * 0.06)
    return [zigzag(left + (right - left) * steps + swing)]


def glasses(lines: Sequence[Line], rng: np.random.Generator) -> list[Line]:
    """Two rounds or two boxes, a bridge, and mostly the temples."""
    if not lines:
        return []
    centre, (width, height) = _box(lines)
    half = np.array(
        [width * rng.uniform(0.17, 0.21), max(height, width / 4) * rng.uniform(0.35, 0.5)]
    )
    away, square = width * 0.25, rng.random() < 0.4
    drawn = [
        np.stack([centre - (away - half[0], 0), centre - (0, 4), centre + (away - half[0], 0)])
    ]
    for side in (-1, 1):
        lens = centre + (side * away, 0)
        if square:
            box = lens + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
            drawn += [box[k : k + 2] for k in range(4)]
        else:
            drawn.append(circle(lens, half))
        if rng.random() < 0.7:
            hinge = lens + (side * half[0], 0)
            drawn.append(np.stack([hinge, hinge + (side * width * 0.1, -5)]))
    return drawn


def hair(outer: Sequence[Line], rng: np.random.Generator) -> list[Line]:
    """Spikes, a zigzag, curls or loose strokes along the hair's outer line, or none at all."""
    lines = [line for line in outer if len(line) > 8]
    sign = rng.choice(["spikes", "zigzag", "curls", "few", "none"], p=[0.3, 0.25, 0.2, 0.15, 0.1])
    if not lines or sign == "none":
        return []
    drawn: list[Line] = []
    length, every = rng.uniform(15, 45), int(rng.integers(1, 4))
    for line in lines:
        points = line[::every]
        out = np.gradient(points, axis=0)
        out = out[:, ::-1] * (1, -1) / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-6)
        out *= np.where((out * (points - (256, 290))).sum(1, keepdims=True) < 0, -1, 1)
        swing = length * rng.uniform(0.6, 1.1, (len(points), 1))
        if sign == "zigzag":
            side = np.where(np.arange(len(points)) % 2, 0.4, -0.6)[:, None]
            drawn.append(zigzag(points + out * swing * side))
        elif sign == "curls":
            drawn += [
                circle(p, np.full(2, length / 3), a, a + 300)
                for p, a in zip(points, rng.uniform(0, 360, len(points)), strict=True)
            ]
        else:
            kept = rng.random(len(points)) < (0.9 if sign == "spikes" else 8 / len(points))
            tips = points + out * swing * rng.choice([-0.7, 0.7])
            drawn += list(np.stack([points, tips], axis=1)[kept])
    return drawn


def outline(lines: Sequence[Line], rng: np.random.Generator) -> list[Line]:
    """The face as an oval, or as a U that the hair is left to close."""
    if not lines:
        return []
    centre, size = _box(lines)
    if min(size) < 80:  # not a face's outline, or hardly any of it
        return list(lines)
    if rng.random() < 0.65:
        return [circle(centre, size / 2, -90, 270)]
    return [circle(centre - (0, size[1] * 0.1), size * (0.5, 0.6), -20, 200)]


def _box(lines: Sequence[Line]) -> Box:
    points = np.concatenate(list(lines))
    low, high = points.min(0), points.max(0)
    return (low + high) / 2, np.maximum(high - low, 4)
