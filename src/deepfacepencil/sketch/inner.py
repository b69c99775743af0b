"""Strokes inside the regions of a label map, seen in the photo (beyond the paper; deviation F1).

Borders know no strand of hair, no beard, wrinkle, iris, tooth, frame of glasses or hat band. Lines
of the photo become strokes here (dark lines as in Kang et al., "Coherent Line Drawing", 2007), hair
becomes lines along its flow, and what is dark about mouth and chin becomes hatching. A stroke's two
classes are both that of the region it lies in; that is how it is told from a border.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import skeletonize

from .labels import CLASSES
from .strokes import CANVAS, Strokes, through
from .trace import fit, pixel_chains

Plane = NDArray[np.floating]  # (SIZE, SIZE)
Line = NDArray[np.float64]  # (n, 2) points, x and y in pixels of SIZE
Chain = NDArray[np.float64]  # (3 n + 1, 2): curves through such points

SIZE = 256  # pixels in which the photo is read: finer lines nobody draws
_SCALE = CANVAS / SIZE
_ID = {name: number for number, name in enumerate(CLASSES)}

# How strong a dark line has to be somewhere and how strong everywhere to be drawn, as a difference
# of the square root of the brightness; how far from the region's border it has to stay, because
# labels miss the photo's edge by that much; and how many lines of a region are kept.
_LINES = {
    "skin": (0.014, 0.007, 2, 40),
    "nose": (0.022, 0.010, 2, 10),
    "neck": (0.035, 0.016, 3, 12),
    "cloth": (0.028, 0.014, 3, 50),
    "hat": (0.028, 0.014, 3, 40),
    "eye_g": (0.030, 0.015, 0, 40),
    "l_eye": (0.040, 0.020, 1, 6),
    "r_eye": (0.040, 0.020, 1, 6),
    "mouth": (0.020, 0.010, 1, 16),
    "u_lip": (0.030, 0.015, 1, 6),
    "l_lip": (0.030, 0.015, 1, 6),
    "l_ear": (0.030, 0.015, 2, 8),
    "r_ear": (0.030, 0.015, 2, 8),
    "ear_r": (0.035, 0.018, 0, 12),
    "neck_l": (0.035, 0.018, 0, 20),
}
_SHORTEST = 5  # pixels of a line

_STEP = 3.0  # pixels between the points of a strand
_REACH = 16  # steps from a strand's seed, to both sides
# Pixels between strands, and how many points they have at least: first a few long ones over all the
# hair, then more and shorter ones in between.
_GAPS = {16: 10, 10: 8, 7: 6, 5: 5}
_BLOCK = 4  # cells of four pixels, of which each has its share of the seeds
_SEEDS = 400
_COHERENT = 0.2  # how much of the structure has to have one direction

_BEARD = 0.1  # how unlike the cheeks it is at least: see `_beard`
_BEARD_CELL = 4  # pixels between its strokes


def inner_strokes(photo: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Strokes:
    """The lines of a square photo (S, S, 3) within the regions of its labels (T, T).

    In each class the lines come first without which there would be least: half of them is the same
    drawing with less in it. Classes are (c, c).
    """
    image = Image.fromarray(photo).resize((SIZE, SIZE), Image.Resampling.BOX)
    places = (np.arange(SIZE) * len(labels)) // SIZE
    regions = labels[np.ix_(places, places)]
    colours = np.asarray(image, np.float32) / 255
    light = np.sqrt(colours @ np.array([0.299, 0.587, 0.114], np.float32))
    narrow, wide = (ndimage.gaussian_filter(light, sigma, truncate=3) for sigma in (1.0, 1.7))
    dark = wide - narrow
    across = _directions(light)
    depth = _depth(regions)

    kinds = list(_dark_lines(dark, across, regions, depth).items())
    for eye in ("l_eye", "r_eye"):
        kinds.append((eye, _iris(light, regions == _ID[eye])))
    kinds.append(("hair", _strands(light, dark, (regions == _ID["hair"]) & (depth > 2))))
    kinds.append(("skin", _beard(colours, light, across, regions, depth)))
    # Wrinkles and beard are both of the skin: a tenth of its strokes is a tenth of each.
    ranked = [
        (_ID[name], (place + 0.5) / len(chains), chain)
        for name, chains in kinds
        for place, chain in enumerate(chains)
    ]
    ranked.sort(key=lambda one: one[:2])
    points = [np.clip(chain * _SCALE, 0, CANVAS) for _, _, chain in ranked]
    return Strokes.of(points, [(number, number) for number, _, _ in ranked])


def _depth(regions: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How many pixels away from the next region a pixel is, at most 3."""
    depth = np.zeros(regions.shape, np.uint8)
    for size in (3, 5, 7):
        same = ndimage.minimum_filter(regions, size) == ndimage.maximum_filter(regions, size)
        depth += same
    return depth


def _dark_lines(
    dark: Plane, across: Plane, regions: NDArray[np.uint8], depth: NDArray[np.uint8]
) -> dict[str, list[Chain]]:
    """The dark lines of every region as chains of curves, the strongest first."""
    response = _along(dark, -across[1], across[0])
    high, low, near = np.full((3, len(CLASSES)), 9.0, np.float32)  # 9: nothing is so strong or deep
    for name, (start, keep, room, _) in _LINES.items():
        high[_ID[name]], low[_ID[name]], near[_ID[name]] = start, keep, room
    allowed = depth >= near[regions]
    seed, line = (allowed & (response > least[regions]) for least in (high, low))
    thin = skeletonize(apply_hysteresis_threshold(line.astype(np.uint8) + seed, 0, 1))

    found: dict[str, list[tuple[float, NDArray[np.intp]]]] = {}
    for chain in pixel_chains(thin):
        rows, columns = chain.T
        here = np.bincount(regions[rows, columns]).argmax()
        chain = chain[regions[rows, columns] == here]  # small regions may touch
        if len(chain) >= _SHORTEST and (np.abs(np.diff(chain, axis=0)) <= 1).all():
            strength = float(response[chain[:, 0], chain[:, 1]].mean() * len(chain) ** 0.5)
            found.setdefault(CLASSES[here], []).append((strength, chain))
    kept = {
        name: [chain for _, chain in sorted(some, key=lambda one: -one[0])[: _LINES[name][3]]]
        for name, some in found.items()
    }
    curves = iter(
        fit(
            [chain[:, ::-1].astype(np.float64) + 0.5 for some in kept.values() for chain in some],
            1.0,
        )
    )
    return {name: [next(curves) for _ in some] for name, some in kept.items()}


def _directions(light: Plane, within: NDArray[np.bool_] | None = None) -> Plane:
    """Which way the light changes (x, y: a unit vector, sign unknown) and how surely, (3, S, S).

    The structure tensor, averaged over 2 pixels around, of those that are `within`.
    """
    gy, gx = np.gradient(ndimage.gaussian_filter(light, 0.8, truncate=3))
    if within is not None:
        gy, gx = gy * within, gx * within
    xx, yy, xy = (
        ndimage.gaussian_filter(product, 2, truncate=2.5) for product in (gx * gx, gy * gy, gx * gy)
    )
    angle = np.arctan2(2 * xy, xx - yy) / 2
    return np.stack([np.cos(angle), np.sin(angle), np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-6)])


def _along(plane: Plane, x: Plane, y: Plane, reach: int = 3) -> Plane:
    """The mean of `plane` over a short line through each pixel in direction (x, y)."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    total = plane.copy()
    for k in range(1, reach + 1):
        for sign in (-k, k):
            row = np.clip(np.rint(rows + sign * y), 0, SIZE - 1).astype(np.intp)
            column = np.clip(np.rint(columns + sign * x), 0, SIZE - 1).astype(np.intp)
            total += plane[row, column]
    return total / (2 * reach + 1)


def _strands(light: Plane, dark: Plane, hair: NDArray[np.bool_]) -> list[Chain]:
    """Lines that follow the hair: first few, evenly spread, then more and more between them."""
    if not hair.any():
        return []
    across = _directions(light, hair)
    flow = np.stack([-across[1], across[0]])
    passable = hair & (across[2] > _COHERENT)
    # One seed in each cell of four pixels: where the line is darkest.
    blocks = np.where(passable, dark + 0.2, 0).reshape(SIZE // 4, 4, SIZE // 4, 4)
    cells = blocks.transpose(0, 2, 1, 3).reshape(SIZE // 4, SIZE // 4, 16)
    down, right = np.nonzero(cells.max(2) > 0)
    within, score = cells.argmax(2)[down, right], cells.max(2)[down, right]
    # The best of each block of cells comes before the second best of any: light hair has lines too.
    block = (down // _BLOCK) * SIZE + right // _BLOCK
    by_block = np.lexsort((-score, block))
    first = np.r_[True, np.diff(block[by_block]) > 0]
    place = np.arange(len(block))
    rank = np.empty(len(block), np.intp)
    rank[by_block] = place - np.maximum.accumulate(np.where(first, place, 0))
    best = np.lexsort((-score, rank))[:_SEEDS]
    down, right, within = down[best], right[best], within[best]
    seeds = np.stack([4 * right + within % 4, 4 * down + within // 4]) + 0.5
    lines = _follow(seeds, flow, passable)

    strands: list[Chain] = []
    rest = list(range(len(lines)))
    taken = {gap: np.zeros((SIZE // gap + 1, SIZE // gap + 1), bool) for gap in _GAPS}
    for gap, shortest in _GAPS.items():
        left = []
        for k in rest:
            line, middle = lines[k]
            cell = (line / gap).astype(np.intp)
            busy = taken[gap][cell[:, 1], cell[:, 0]]
            if busy[middle]:
                left.append(k)
                continue
            stops = np.flatnonzero(busy)
            nearest = int(np.searchsorted(stops, middle))
            first = stops[nearest - 1] + 1 if nearest else 0
            last = stops[nearest] if nearest < len(stops) else len(line)
            if last - first < shortest:
                left.append(k)
                continue
            piece = line[first:last]
            strands.append(through(np.concatenate([piece[:-1:4], piece[-1:]])))
            for other, grid in taken.items():
                column, row = (piece / other).astype(np.intp).T
                grid[row, column] = True
        rest = left
    return strands


def _follow(
    seeds: NDArray[np.float64], flow: NDArray[np.floating], passable: NDArray[np.bool_]
) -> list[tuple[Line, int]]:
    """Lines along `flow` (2, S, S) through `seeds` (2, n), each with the index of its seed."""
    n = seeds.shape[1]
    here = np.concatenate([seeds, seeds], axis=1)  # both ways at once
    column, row = here.astype(np.intp)
    heading = flow[:, row, column] * np.repeat([1.0, -1.0], n)
    path, alive = [here], np.ones(2 * n, bool)
    lasted = np.zeros(2 * n, int)
    for _ in range(_REACH):
        there = np.clip(here + _STEP * heading, 0, SIZE - 1e-3)
        column, row = there.astype(np.intp)
        step = flow[:, row, column]
        turn = (step * heading).sum(0)
        alive = alive & passable[row, column] & (np.abs(turn) > 0.7)
        heading = step * np.where(turn < 0, -1, 1)
        here = np.where(alive, there, here)
        lasted += alive
        path.append(here)
    steps = np.stack(path).transpose(2, 0, 1)  # (2 n, steps, 2)
    return [
        (
            np.concatenate(
                [steps[k + n, lasted[k + n] : 0 : -1], steps[k, : lasted[k] + 1]]
            ),
            int(lasted[k + n]),
        )
        for k in range(n)
    ]  # fmt: skip


def _iris(light: Plane, eye: NDArray[np.bool_]) -> list[Chain]:
    """Iris and pupil where the eye is darkest, as far as the lids let them be seen."""
    rows, columns = np.nonzero(eye)
    if len(rows) < 30:
        return []
    width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
    darkest = light[rows, columns] <= np.quantile(light[rows, columns], 0.3)
    middle = np.array([np.median(columns[darkest]), np.median(rows[darkest])]) + 0.5
    radius = float(np.clip(0.24 * width, 2, 0.75 * height))
    turn = np.linspace(0, 2 * np.pi, 25)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    lines = []
    for size in (radius, 0.4 * radius):
        line = middle + size * circle
        column, row = np.clip(line, 0, SIZE - 1).astype(np.intp).T
        seen = eye[row, column]
        if seen.all():
            lines.append(through(line[::3]))
            continue
        # Begin where it is hidden, so that no run goes on over the seam.
        start = int(np.flatnonzero(~seen)[0])
        line, seen = np.roll(line[:-1], -start, axis=0), np.roll(seen[:-1], -start)
        edges = np.flatnonzero(np.diff(seen)) + 1
        runs = np.split(line, edges)[1::2]
        lines += [through(np.concatenate([r[:-1:3], r[-1:]])) for r in runs if len(r) > 4]
    return lines


def _beard(
    colours: NDArray[np.floating],
    light: Plane,
    across: Plane,
    regions: NDArray[np.uint8],
    depth: NDArray[np.uint8],
) -> list[Chain]:
    """Short strokes where the skin about mouth and chin looks like a beard: more, the more so."""
    skin = (regions == _ID["skin"]) & (depth > 0)
    nose = regions == _ID["nose"]
    eyes = np.isin(regions, [_ID[name] for name in ("l_eye", "r_eye", "eye_g")])
    if not (nose.any() and eyes.any()):
        return []
    rows, columns = np.nonzero(nose)
    lowest, middle = int(rows.max()), int(columns.mean())
    upper = int(np.nonzero(eyes)[0].max())
    cheeks = slice(upper + 2, lowest), middle
    score = _beard_score(colours, light, skin & (depth > 1), cheeks)
    if score is None:
        return []
    score[~skin] = 0
    score[: lowest - 2] = 0

    # The same jitter for every face: what is drawn depends on the photo alone.
    rng = np.random.default_rng(0)
    cells = SIZE // _BEARD_CELL
    jitter = rng.integers(0, _BEARD_CELL, (2, cells, cells))
    row, column = (np.mgrid[:cells, :cells] * _BEARD_CELL + jitter).reshape(2, -1)
    chance, lengths, tilt = rng.random((3, len(row)))
    surplus = (score[row, column] - _BEARD) / 0.12
    chosen = np.flatnonzero(surplus > chance)
    left = np.count_nonzero(column[chosen] < middle)
    if len(chosen) < 16 or min(left, len(chosen) - left) < 0.2 * len(chosen):
        return []  # a shadow, which is on one side
    chosen = chosen[np.argsort(chance[chosen] / np.minimum(surplus[chosen], 1), kind="stable")]
    lines = []
    for k in chosen.tolist():
        y, x = row[k], column[k]
        if across[2, y, x] > 0.4:
            heading = np.array([-across[1, y, x], across[0, y, x]], np.float64)
            heading *= -1 if heading[1] < 0 else 1
        else:  # down and outwards, as beards grow
            heading = np.array([(x - middle) / 60, 1.0])
        heading += (tilt[k] - 0.5) * np.array([0.5, 0])
        half = heading / np.linalg.norm(heading) * (2 + 2 * lengths[k])
        place = np.array([x, y]) + 0.5
        line = np.stack([place - half, place + half])
        ends = np.clip(line, 0, SIZE - 1).astype(np.intp)
        if skin[ends[:, 1], ends[:, 0]].all():
            lines.append(through(line))
    return lines


def _beard_score(
    colours: NDArray[np.floating],
    light: Plane,
    solid: NDArray[np.bool_],  # skin, without the edges of lips, which are no hair
    cheeks: tuple[slice, int],  # their rows, and the column between them
) -> Plane | None:
    """How much rougher than the cheek of its side each pixel is, and darker or paler.

    Beards of all colours are rough; dark ones are darker too, grey ones paler. A shadow is smooth.
    None if too little of a cheek is seen.
    """
    brightest = colours.max(2)
    colourful = (brightest - colours.min(2)) / (brightest + 0.05)
    weight = solid.astype(np.float32)
    fine = np.abs(light - ndimage.gaussian_filter(light, 1.5, truncate=3))
    fine = np.minimum(fine, 0.03) * weight  # however dark: a fold is one line, a beard is many
    rough, weight, smooth_light, smooth_colour = (
        ndimage.gaussian_filter(plane, sigma, truncate=2.5)
        for plane, sigma in ((fine, 3), (weight, 3), (light, 1.5), (colourful, 1.5))
    )
    rough /= weight + 0.05
    rows, middle = cheeks
    score = np.zeros_like(light)
    for side in (slice(0, middle), slice(middle, SIZE)):
        cheek = np.zeros_like(solid)
        cheek[rows, side] = solid[rows, side]
        if cheek.sum() < 40:
            return None
        rougher = rough[:, side] - np.median(rough[cheek])
        darker = np.median(light[cheek]) - smooth_light[:, side]
        paler = np.median(colourful[cheek]) - smooth_colour[:, side]
        score[:, side] = (
            12 * np.clip(rougher, -0.01, 0.02)
            + 0.3 * np.clip(darker, -0.05, 0.2)
            + 0.4 * np.clip(paler, -0.1, 0.2)
        )
    return score
