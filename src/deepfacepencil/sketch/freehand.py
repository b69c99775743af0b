"""What an untrained hand draws instead of region borders (beyond the paper; deviation F1).

S_dfm of the paper moves the points of the strokes and keeps the strokes. People draw *other*
strokes: pupils in the eyes, brows and mouths as one line, the nose as its underside, hair as
strands, outlines left open or gone over twice, parts too large or out of place. Strokes know which
classes they separate, so each habit is a few lines here; docs/paper.md says why (F1).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from . import doodle
from .doodle import Line, circle
from .labels import CLASSES
from .parts import PARTS, Pair, border_of, is_inner, parts_of
from .strokes import CANVAS, Strokes, through

_ID = {name: number for number, name in enumerate(CLASSES)}
_LIPS = {_ID["mouth"], _ID["u_lip"], _ID["l_lip"]}

# How far parts are misplaced: standard deviations at clumsiness 1 of the offset (canvas pixels),
# the logarithm of the size and the angle. Untrained hands miss by 4 % of the object's extent.
_MISPLACED = (7.0, 0.12, 0.08)
_WHOLE_MISPLACED = (6.0, 0.04, 0.04)


def freehand(strokes: Strokes, rng: np.random.Generator, doodle_share: float = 0.0) -> Strokes:
    """The same face as somebody might have drawn it; needs strokes that know their classes.

    How clumsy the hand is, and which habits it has, is drawn from `rng`: some results are nearly
    the input. `doodle_share` is the probability that it makes signs of the parts. The result knows
    its parts still. Without any stroke left, the input itself comes back.
    """
    clumsiness = rng.uniform(0, 1.2)
    parts: dict[str, list[tuple[Line, Pair]]] = {part: [] for part in PARTS}
    within: dict[str, list[Line]] = {part: [] for part in PARTS}
    of_part, inner, pairs = parts_of(strokes).tolist(), is_inner(strokes), strokes.classes.tolist()
    for k, line in enumerate(strokes.polylines(4)):
        if inner[k]:
            within[of_part[k]].append(line)
        else:
            parts[of_part[k]].append((line, (pairs[k][0], pairs[k][1])))

    drawn = _drawn(parts, rng)
    if doodle_share and rng.random() < doodle_share:
        _make_signs(drawn, parts, within, rng)
    elif any(within.values()):
        _add_what_is_inside(drawn, within, rng)

    eyes_larger = rng.uniform(0, 0.25) * (rng.random() < 0.3)
    lines: list[Line] = []
    classes: list[Pair] = []
    for part, part_lines in drawn.items():
        together = part_lines + within[part]
        moved = _misplaced(together, rng, clumsiness, eyes_larger if part.endswith("eye") else 0.0)
        border = border_of(part)
        for old, pair in (
            (moved[: len(part_lines)], border),
            (moved[len(part_lines) :], (border[1], border[1])),
        ):
            new = list(_habits_of_line(old, rng, clumsiness))
            lines += new
            classes += [pair] * len(new)
    if not lines:
        return strokes
    result = Strokes.of([through(_thinned(line)) for line in lines], classes)
    return result.with_points(_warped(result.points, rng, clumsiness))


def _drawn(
    parts: dict[str, list[tuple[Line, Pair]]], rng: np.random.Generator
) -> dict[str, list[Line]]:
    """The lines of each part, drawn with habits."""
    eyes = _eyes([parts["l_eye"], parts["r_eye"]], rng)
    brows = _brows([parts["l_brow"], parts["r_brow"]], rng)
    drawn = dict(zip(("l_eye", "r_eye", "l_brow", "r_brow"), [*eyes, *brows], strict=True))
    drawn["nose"] = _nose(parts["nose"], rng)
    drawn["mouth"] = _mouth(parts["mouth"], rng)
    drawn["hair"] = _hair(parts["hair"], rng)
    drawn["ears"] = _ears(parts["ears"], rng)
    drawn["glasses"] = _glasses(parts["glasses"], rng)
    for part, kept in (("face", 1), ("hat", 1), ("neck", 0.8), ("clothes", 0.7), ("jewels", 0.5)):
        drawn[part] = [line for line, _ in parts[part]] if rng.random() < kept else []
    return drawn


def _add_what_is_inside(
    drawn: dict[str, list[Line]], within: dict[str, list[Line]], rng: np.random.Generator
) -> None:
    """Let strokes from inside be as they are, straight hatching, or what there is instead."""
    eyes_seen = rng.random() < 0.5
    for part in within:
        if part.endswith("eye") and not eyes_seen:
            within[part] = []  # what `_eyes` makes of them is enough
    slant = rng.normal(0, 0.5)
    for part, share in (("hair", 0.2), ("face", 0.12), ("clothes", 0.12)):
        if rng.random() < share:
            within[part] = [_hatch(line, slant) for line in within[part]]
    habit = rng.choice(["both", "outline", "inside"], p=[0.6, 0.25, 0.15])
    if habit == "outline":
        within["hair"] = []
    elif habit == "inside" and len(within["hair"]) > 20:
        drawn["hair"] = []


def _make_signs(
    drawn: dict[str, list[Line]],
    parts: dict[str, list[tuple[Line, Pair]]],
    within: dict[str, list[Line]],
    rng: np.random.Generator,
) -> None:
    """Put what a doodle has in the place of most parts."""
    lines = {part: [line for line, _ in some] for part, some in parts.items()}
    share = rng.uniform(0.4, 1)

    def chosen() -> bool:
        return bool(rng.random() < share)

    if chosen():
        drawn["l_eye"], drawn["r_eye"] = doodle.eyes([lines["l_eye"], lines["r_eye"]], rng)
        within["l_eye"] = within["r_eye"] = []
    if chosen():
        drawn["l_brow"], drawn["r_brow"] = doodle.brows([lines["l_brow"], lines["r_brow"]], rng)
    if chosen():
        drawn["nose"], within["nose"] = doodle.nose(lines["nose"], rng), []
    if chosen():
        is_open = any(_ID["mouth"] in pair for _, pair in parts["mouth"])
        drawn["mouth"], within["mouth"] = doodle.mouth(lines["mouth"], is_open, rng), []
    if chosen():
        drawn["glasses"], within["glasses"] = doodle.glasses(lines["glasses"], rng), []
    if chosen():
        outer = [line for line, pair in parts["hair"] if 0 in pair]
        drawn["hair"], within["hair"] = doodle.hair(outer, rng), []
    if chosen():
        hairline = [line for line, pair in parts["hair"] if _ID["skin"] in pair]
        drawn["face"] = doodle.outline(lines["face"] + hairline, rng)
    for part in ("face", "clothes", "neck", "ears"):
        if chosen():
            within[part] = []


def _hatch(line: Line, slant: float) -> Line:
    """A straight stroke in the place of a line."""
    length = np.linalg.norm(line[-1] - line[0]) * 0.5
    way = np.array([np.sin(slant), np.cos(slant)]) * min(length, 25)
    middle = line[len(line) // 2]
    return np.stack([middle - way, middle + way])


def _eyes(eyes: list[list[tuple[Line, Pair]]], rng: np.random.Generator) -> Iterator[list[Line]]:
    """Both eyes with the same habits: iris, pupil, lashes, crease, only the upper lid, an oval."""
    iris, pupil, lashes, crease = rng.random(4) < (0.6, 0.5, 0.3, 0.3)
    upper_only, oval = rng.random(2) < (0.2, 0.1)
    gaze = rng.normal(0, 0.08, 2)
    for eye in eyes:
        lines = [line for line, _ in eye]
        if not lines:
            yield []
            continue
        everything = np.concatenate(lines)
        low, high = everything.min(0), everything.max(0)
        centre, (width, height) = (low + high) / 2, high - low
        if width < 12:
            yield lines
            continue
        lid = [part for line in lines for part in _kept(line, line[:, 1] <= centre[1])]
        if oval:
            lines = [circle(centre, (width / 2, max(height, width / 3) / 2 * rng.uniform(1, 1.5)))]
        elif upper_only:
            lines = list(lid)
        if iris:
            radius = max(height * rng.uniform(0.35, 0.55), 4)
            middle = centre + gaze * (width, height)
            lines.append(circle(middle, (radius, radius)))
            if pupil:
                dot = radius * rng.uniform(0.2, 0.5)
                lines.append(circle(middle, (dot, dot)))
        if crease:
            lines += [part - (0, height * rng.uniform(0.25, 0.6)) for part in lid]
        if lashes:
            for part in lid:
                for root in part[rng.integers(0, len(part), 3)]:
                    away = root - centre - (0, height)
                    tip = root + away / np.linalg.norm(away) * rng.uniform(5, 14)
                    lines.append(np.stack([root, tip]))
        yield lines


def _brows(brows: list[list[tuple[Line, Pair]]], rng: np.random.Generator) -> Iterator[list[Line]]:
    """Brows as outlines, as one line each, as a row of hairs, or not at all."""
    habit = rng.choice(["outline", "line", "hairs", "none"], p=[0.45, 0.4, 0.1, 0.05])
    for brow in brows:
        lines = [line for line, _ in brow]
        if not lines or habit == "outline":
            yield lines
            continue
        if habit == "none":
            yield []
            continue
        points = np.concatenate(lines)
        edges = np.linspace(points[:, 0].min(), points[:, 0].max() + 1e-3, 6)
        bins = np.digitize(points[:, 0], edges) - 1
        spine = np.stack([points[bins == k].mean(0) for k in range(5) if (bins == k).any()])
        if len(spine) < 2 or habit == "line":
            yield [spine] if len(spine) > 1 else lines
            continue
        places = spine[rng.integers(0, len(spine), 9)] + rng.normal(0, 3, (9, 2))
        yield [np.stack([place, place + rng.normal((0, -9), 3)]) for place in places]


def _nose(nose: list[tuple[Line, Pair]], rng: np.random.Generator) -> list[Line]:
    """A nose as its outline, its underside, one flank with the underside, or two nostrils."""
    lines = [line for line, _ in nose]
    habit = rng.choice(["outline", "underside", "flank", "nostrils"], p=[0.4, 0.3, 0.2, 0.1])
    if not lines or habit == "outline":
        return lines
    points = np.concatenate(lines)
    low, high = points.min(0), points.max(0)
    below = low[1] + rng.uniform(0.5, 0.85) * (high[1] - low[1])
    side = rng.choice([-1, 1])

    def keep(line: Line) -> NDArray[np.bool_]:
        kept = line[:, 1] > below
        if habit == "flank":
            kept = kept | (side * (line[:, 0] - (low[0] + high[0]) / 2) > 0)
        return kept

    kept_lines = [part for line in lines for part in _kept(line, keep(line))]
    nostrils = []
    if habit == "nostrils" or rng.random() < 0.3:
        middle, width = (low[0] + high[0]) / 2, high[0] - low[0]
        for sign in (-1, 1):
            place = np.array([middle + sign * 0.2 * width, high[1] - 0.08 * (high[1] - low[1])])
            nostrils.append(circle(place, (0.08 * width + 2, 0.04 * width + 1.5)))
    return nostrils if habit == "nostrils" else kept_lines + nostrils


def _mouth(mouth: list[tuple[Line, Pair]], rng: np.random.Generator) -> list[Line]:
    """A mouth as both lips, the line between them, its outer contour, or with half a lower lip."""
    habit = rng.choice(["lips", "line", "contour", "hint"], p=[0.45, 0.25, 0.1, 0.2])
    between = [line for line, pair in mouth if set(pair) <= _LIPS]
    around = [line for line, pair in mouth if not set(pair) <= _LIPS]
    if habit == "lips" or not between:
        return between + around
    if habit == "contour":
        return around or between
    if habit == "hint" and around:
        points = np.concatenate(around)
        middle, reach = points.mean(0), np.ptp(points[:, 0]) * rng.uniform(0.15, 0.3)
        for line in around:
            near = (line[:, 1] > middle[1]) & (np.abs(line[:, 0] - middle[0]) < reach)
            between += _kept(line, near)
    return between


def _glasses(glasses: list[tuple[Line, Pair]], rng: np.random.Generator) -> list[Line]:
    """Glasses as the labels have them, in one piece, or as rims with a bridge and temples."""
    lines = [line for line, _ in glasses]
    return doodle.glasses(lines, rng) if rng.random() < 0.45 else lines


def eyes_behind_glasses(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """The strokes with eyes in the lenses, where label maps have none and people always draw some.

    Lids, iris and pupil, with the classes of eyes: later habits are theirs. Without glasses, or
    with eyes there already, the same strokes come back.
    """
    parts = parts_of(strokes)
    lenses = [line for line, part in zip(strokes.polylines(4), parts, strict=True)
              if part == "glasses"]  # fmt: skip
    if not lenses or set(parts) & {"l_eye", "r_eye"}:
        return strokes
    points = np.concatenate(lenses)
    middle, width = points[:, 0].mean(), np.ptp(points[:, 0])
    half = width * rng.uniform(0.075, 0.115)
    height, gaze = half * rng.uniform(0.3, 0.6), rng.normal(0, 0.1, 2)
    lines: list[Line] = []
    classes: list[Pair] = []
    aside, bridge = points[:, 0] - middle, 0.08 * width
    for eye, lens in (("l_eye", points[aside < -bridge]), ("r_eye", points[aside > bridge])):
        if not len(lens):
            continue
        centre = (lens.min(0) + lens.max(0)) / 2 + rng.normal(0, 0.08, 2) * half
        lids = [circle(centre, (half, height), *arc) for arc in ((180, 360), (0, 180))]
        inside = [
            circle(centre + gaze * half, (r, r)) for r in height * rng.uniform((0.6, 0.2), (1, 0.5))
        ]
        lines += lids + inside
        classes += [border_of(eye)] * len(lids) + [(_ID[eye], _ID[eye])] * len(inside)
    return strokes.joined(Strokes.of([through(_thinned(line)) for line in lines], classes))


def _hair(hair: list[tuple[Line, Pair]], rng: np.random.Generator) -> list[Line]:
    """Hair as its outline, with strands inside, as spikes along the outline, or strands alone."""
    lines = [line for line, _ in hair]
    habit = rng.choice(["outline", "strands", "spikes", "strands only"], p=[0.35, 0.4, 0.15, 0.1])
    outer = [line for line, pair in hair if 0 in pair and len(line) > 4]
    if rng.random() < 0.15:
        lines = [line for line, pair in hair if _ID["skin"] not in pair] or lines
    if habit == "outline" or not outer:
        return lines
    centre = np.array([CANVAS / 2, CANVAS * 0.58])
    weights = np.array([len(line) for line in outer], float)
    strands = []
    for _ in range(rng.integers(4, 40)):
        line = outer[rng.choice(len(outer), p=weights / weights.sum())]
        if habit == "spikes":
            root = line[rng.integers(len(line))]
            inwards = (centre - root) / np.linalg.norm(centre - root)
            inwards += rng.normal(0, 0.25, 2)
            strands.append(np.stack([root - 8 * inwards, root + rng.uniform(8, 45) * inwards]))
        else:
            count = max(3, int(len(line) * rng.uniform(0.1, 0.6)))
            start = rng.integers(0, max(len(line) - count, 1))
            piece = line[start : start + count]
            strands.append(centre + (piece - centre) * rng.uniform(0.74, 0.99))
    if (habit == "spikes" and rng.random() < 0.6) or habit == "strands only":
        lines = [line for line, pair in hair if 0 not in pair]
    return lines + strands


def _ears(ears: list[tuple[Line, Pair]], rng: np.random.Generator) -> list[Line]:
    """Ears, sometimes with the shell inside, sometimes left out."""
    lines = [line for line, _ in ears]
    if rng.random() < 0.2:
        return []
    if rng.random() < 0.35:
        lines += [line.mean(0) + (line - line.mean(0)) * 0.55 for line in lines if len(line) > 4]
    return lines


def _misplaced(
    lines: list[Line], rng: np.random.Generator, clumsiness: float, larger: float
) -> list[Line]:
    """A part that is out of place, too large or small, and tilted."""
    if not lines:
        return []
    offset, size, angle = _MISPLACED
    matrix = _similarity(
        larger + rng.normal(0, size * clumsiness), rng.normal(0, angle * clumsiness)
    )
    centre = np.concatenate(lines).mean(0)
    shift = centre + rng.normal(0, offset * clumsiness, 2)
    return [(line - centre) @ matrix + shift for line in lines]


def _habits_of_line(
    lines: list[Line], rng: np.random.Generator, clumsiness: float
) -> Iterator[Line]:
    """Outlines left open, strokes gone over twice, or everything in short overlapping strokes."""
    open_share, twice_share = 0.25 * clumsiness, 0.4 * rng.random() * (rng.random() < 0.35)
    sketchy = rng.random() < 0.12
    for line in lines:
        if len(line) > 6 and rng.random() < open_share:
            gap = max(1, int(len(line) * rng.uniform(0.05, 0.3)))
            start = rng.integers(0, len(line) - gap)
            pieces = [line[: start + 1], line[start + gap :]]
        elif sketchy and len(line) > 6:
            length = int(rng.integers(4, 10))
            pieces = [line[k : k + length + 2] for k in range(0, len(line), length)]
            pieces = [piece + rng.normal(0, 3, 2) for piece in pieces]
        else:
            pieces = [line]
        for piece in pieces:
            if len(piece) > 1:
                yield piece
                if rng.random() < twice_share:
                    middle, turn = piece.mean(0), _similarity(*rng.normal(0, 0.04, 2))
                    yield (piece - middle) @ turn + middle + rng.normal(0, 3, 2)


def _warped(
    points: NDArray[np.floating], rng: np.random.Generator, clumsiness: float
) -> NDArray[np.floating]:
    """The whole drawing out of place and bent by a few long waves."""
    offset, size, angle = _WHOLE_MISPLACED
    centre = CANVAS / 2
    matrix = _similarity(rng.normal(0, size * clumsiness), rng.normal(0, angle * clumsiness))
    points = (points - centre) @ matrix + centre + rng.normal(0, offset * clumsiness, 2)
    waves = rng.normal(0, 2 * np.pi / 220, (2, 5))
    swing = rng.normal(0, 2.5 * clumsiness, (5, 2))
    return points + np.sin(points @ waves + rng.uniform(0, 2 * np.pi, 5)) @ swing


def _similarity(log_size: float, angle: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.exp(log_size) * np.array([[cosine, sine], [-sine, cosine]])


def _kept(line: Line, mask: NDArray[np.bool_]) -> list[Line]:
    """The runs of a line where `mask` holds."""
    edges = np.flatnonzero(np.diff(mask)) + 1
    runs = np.split(line, edges)[0 if mask[0] else 1 :: 2]
    return [run for run in runs if len(run) > 1]


def _thinned(line: Line) -> Line:
    """Every fourth point: joints are as far apart as the tracer's, so that offsets look alike."""
    if len(line) < 6:
        return line
    return np.concatenate([line[:-1:4], line[-1:]])
