"""Line drawing -> strokes (section 3.1: "we vectorize lines of each sketch").

Pixels are linked into chains between junctions, then all chains of a face are fitted with cubic
Beziers at once. The paper's tool, AutoTrace, is what tests compare with; it is GPL, and comes
with the `autotrace` extra.
"""

import numpy as np
from numpy.typing import NDArray

from .boundary import boundaries, pair_of
from .strokes import CANVAS, UNKNOWN, Strokes

TOLERANCE = 1.3  # pixels of the drawing that a curve may miss a (smoothed) pixel by
CORNER = np.cos(np.radians(75))  # sharper turns than this stay corners
REACH = 4  # pixels on each side that decide about a direction

# The eight neighbours: straight ones first, each diagonal with the two straight ones beside it.
_STRAIGHT = ((-1, 0), (0, 1), (1, 0), (0, -1))
_DIAGONAL = ((-1, 1), (1, 1), (1, -1), (-1, -1))


def trace_labels(labels: NDArray[np.uint8]) -> Strokes:
    """The boundaries of a square label map (S, S) as strokes that know what they separate."""
    scale = CANVAS / len(labels)
    strokes = trace(boundaries(labels))
    # Borders lie half a pixel beyond the pixels that show them: see `boundaries`.
    return strokes.with_points(strokes.points + np.float32(scale / 2))


def trace(drawing: NDArray[np.integer] | NDArray[np.bool_]) -> Strokes:
    """A square drawing (S, S) of one-pixel lines, nonzero where there is line, as strokes.

    Values from `boundaries` become the strokes' classes; a boolean drawing gives UNKNOWN ones.
    """
    scale = CANVAS / len(drawing)
    chains = pixel_chains(drawing > 0)
    if drawing.dtype == bool:
        classes = [(UNKNOWN, UNKNOWN)] * len(chains)
    else:
        values = (drawing[chain[:, 0], chain[:, 1]] for chain in chains)
        classes = [pair_of(int(np.bincount(value).argmax())) for value in values]
    centres = [(chain[:, ::-1].astype(np.float64) + 0.5) * scale for chain in chains]
    return Strokes.of(fit(centres, TOLERANCE * scale), classes)


def trace_autotrace(drawing: NDArray[np.integer] | NDArray[np.bool_]) -> Strokes:
    """The same by AutoTrace [29], as the paper has it (centrelines, corners from 90 degrees on).

    Raises ModuleNotFoundError without the `autotrace` extra.
    """
    import autotrace

    size = len(drawing)
    paper = np.where(drawing > 0, 0, 255).astype(np.uint8)[:, :, None].repeat(3, axis=2)
    vector = autotrace.Bitmap(paper).trace(
        centerline=True,
        corner_always_threshold=90,
        background_color=autotrace.Color(255, 255, 255),
    )
    scale = CANVAS / size
    chains = []
    for path in vector.paths:
        chain = [(path.splines[0].points[0].x, path.splines[0].points[0].y)]
        for spline in path.splines:
            chain += [(point.x, point.y) for point in spline.points[1:]]
        xy = np.array(chain)
        chains.append(np.stack([xy[:, 0], size - xy[:, 1]], axis=1) * scale)
    return Strokes.of(chains)


def pixel_chains(line: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """One-pixel lines (H, W) as chains of (row, column) between ends and junctions.

    A chain that comes back to its start without a junction has its first pixel again as its last.
    """
    width = line.shape[1] + 2
    flat = np.pad(line, 1).ravel()
    at = np.flatnonzero(flat)
    index = np.full(len(flat), -1, np.int32)
    index[at] = np.arange(len(at))

    # A diagonal step counts only where no two straight ones make it, or stairs would be junctions.
    table = np.empty((len(at), 8), np.int32)
    for k, (dr, dc) in enumerate(_STRAIGHT + _DIAGONAL):
        table[:, k] = index[at + dr * width + dc]
        if dr and dc:
            table[flat[at + dr * width] | flat[at + dc], k] = -1
    degree = (table >= 0).sum(axis=1)
    # The neighbours first, in their order: most pixels have two.
    first = np.take_along_axis(table, np.argsort(table < 0, axis=1, kind="stable"), axis=1)
    one_of, other_of = first[:, 0].tolist(), first[:, 1].tolist()

    found: list[list[int]] = []
    seen = bytearray(len(at))
    taken: set[tuple[int, int]] = set()

    def follow(chain: list[int]) -> list[int]:
        before, here = chain
        while degree_of[here] == 2 and here != chain[0]:
            seen[here] = 1
            one = one_of[here]
            before, here = here, other_of[here] if one == before else one
            chain.append(here)
        taken.add((chain[-1], chain[-2]))
        return chain

    degree_of = degree.tolist()
    for start in np.flatnonzero(degree != 2).tolist():
        seen[start] = 1
        for second in first[start, : degree_of[start]].tolist():
            if (start, second) not in taken:
                chain = follow([start, second])
                # Junctions are clusters of pixels; the steps inside a cluster are no lines.
                if len(chain) > 2 or degree_of[start] == 1 or degree_of[second] == 1:
                    found.append(chain)
    for start in np.flatnonzero(degree == 2).tolist():
        if not seen[start]:
            seen[start] = 1
            found.append(follow([start, one_of[start]]))
    coordinates = np.stack(np.divmod(at, width), axis=1) - 1
    return [coordinates[chain] for chain in found]


def fit(chains: list[NDArray[np.float64]], tolerance: float) -> list[NDArray[np.float64]]:
    """Cubic Beziers along chains of points, each (n, 2) -> (3 m + 1, 2), within `tolerance`.

    Least squares with given end tangents, split at the worst point until it is good enough, as in
    Schneider's algorithm (Graphics Gems, 1990), but breadth first: every round fits all pieces of
    all chains together.
    """
    if not chains:
        return []
    lengths = np.array([len(chain) for chain in chains])
    stop = np.cumsum(lengths)
    start = stop - lengths
    chain_of = np.repeat(np.arange(len(chains)), lengths)
    position = np.arange(stop[-1])
    room_before = position - start[chain_of]
    room_after = stop[chain_of] - 1 - position
    points = np.concatenate(chains)
    inner = (room_before > 0) & (room_after > 0)
    for _ in range(2):  # takes the staircase out of pixel chains
        middle = position[inner]
        smooth = (points[middle - 1] + 2 * points[middle] + points[middle + 1]) / 4
        points[middle] = smooth

    back = points - points[position - np.minimum(REACH, room_before)]
    ahead = points[position + np.minimum(REACH, room_after)] - points
    lengths_of_both = np.linalg.norm(back, axis=1) * np.linalg.norm(ahead, axis=1)
    turn = (back * ahead).sum(1) / (lengths_of_both + 1e-9)
    is_corner = (turn < CORNER) & (np.minimum(room_before, room_after) >= REACH)
    for shift in range(1, REACH):  # of neighbouring candidates only the sharpest
        is_corner[shift:] &= turn[shift:] <= turn[:-shift]
        is_corner[:-shift] &= turn[:-shift] < turn[shift:]

    along = _unit(back + ahead)
    first = np.concatenate([start, position[is_corner]])
    pieces = np.sort(first)
    last = np.sort(np.concatenate([stop - 1, position[is_corner]]))
    corner = is_corner.copy()
    corner[start] = corner[stop - 1] = True

    fitted: dict[int, tuple[int, NDArray[np.float64]]] = {}
    while len(pieces):
        leaving = np.where(corner[pieces, None], _unit(ahead[pieces]), along[pieces])
        arriving = -np.where(corner[last, None], _unit(back[last]), along[last])
        handles, worst, error = _fit_round(points, pieces, last, leaving, arriving)
        done = (error <= tolerance**2) | (last - pieces < 3)
        for a, b, pair in zip(pieces[done], last[done], handles[done], strict=True):
            fitted[int(a)] = int(b), pair
        a, b, middle = pieces[~done], last[~done], worst[~done]
        pieces, last = np.concatenate([a, middle]), np.concatenate([middle, b])

    result = []
    for begin, end in zip(start.tolist(), (stop - 1).tolist(), strict=True):
        chain, here = [points[begin : begin + 1]], begin
        while here < end:
            there, pair = fitted[here]
            chain += [pair, points[there : there + 1]]
            here = there
        result.append(np.concatenate(chain))
    return result


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)


def _fit_round(
    points: NDArray[np.float64],
    first: NDArray[np.intp],
    last: NDArray[np.intp],
    leaving: NDArray[np.float64],
    arriving: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """One curve a piece points[first..last]: its handles (n, 2, 2), worst point, squared error."""
    count = last - first + 1
    begin = np.cumsum(count) - count
    piece = np.repeat(np.arange(len(first)), count)
    at = np.arange(count.sum()) - begin[piece] + first[piece]
    p, p0, p3 = points[at], points[first][piece], points[last][piece]

    step = np.linalg.norm(np.diff(p, axis=0, prepend=p[:1]), axis=1)
    step[begin] = 0
    travelled = np.cumsum(step)
    travelled -= travelled[begin][piece]
    length = travelled[begin + count - 1]
    u = (travelled / np.maximum(length, 1e-9)[piece])[:, None]
    b0, b1, b2, b3 = (1 - u) ** 3, 3 * u * (1 - u) ** 2, 3 * u**2 * (1 - u), u**3

    a1, a2 = b1 * leaving[piece], b2 * arriving[piece]
    rest = p - (b0 + b1) * p0 - (b2 + b3) * p3

    def total(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat((x * y).sum(axis=1), begin)

    c11, c12, c22, x1, x2 = (
        total(a1, a1), total(a1, a2), total(a2, a2), total(a1, rest), total(a2, rest)
    )  # fmt: skip
    determinant = c11 * c22 - c12 * c12
    safe = np.where(np.abs(determinant) > 1e-9, determinant, 1)
    alpha = np.stack([x1 * c22 - x2 * c12, c11 * x2 - c12 * x1], axis=1) / safe[:, None]
    # Handles that point backwards or far away mean the system says nothing: a third of the way is
    # right for a line.
    bad = (alpha < 0.05 * length[:, None]) | (alpha > length[:, None])
    bad |= (np.abs(determinant) <= 1e-9)[:, None]
    alpha = np.where(bad.any(axis=1, keepdims=True), length[:, None] / 3, alpha)
    handles = np.stack(
        [points[first] + alpha[:, :1] * leaving, points[last] + alpha[:, 1:] * arriving], axis=1
    )

    curve = b0 * p0 + b1 * handles[piece, 0] + b2 * handles[piece, 1] + b3 * p3
    error = ((curve - p) ** 2).sum(axis=1)
    error[begin] = error[begin + count - 1] = 0
    largest = np.maximum.reduceat(error, begin)
    is_worst = np.flatnonzero(error == largest[piece])
    _, once = np.unique(piece[is_worst], return_index=True)
    worst = at[is_worst[once]]
    worst = np.clip(worst, first + 1, np.maximum(last - 1, first + 1))
    return handles, worst, largest
