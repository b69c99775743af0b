"""Ink -> the centrelines of what is drawn, one pixel wide, and the outlines of what is filled.

Any pen's line becomes one of our pen. Hair that is solid or hatched becomes a border, as it is in
training; shading goes. Whiskers and specks that a skeleton has go, small gaps are bridged.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.draw import line
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import skeletonize

from .around import SQUARE, Mask, depth_of, grown, large, shrunk
from .ink import Ink
from .strokes import CANVAS
from .tone import darkness, hatching, noise_of
from .trace import pixel_chains

# Pixels of the canvas.
_MASS = 11  # a dark area with room for a circle of this radius is hair, not a brow or an eye
_MASS_AREA = 5000  # a brow, an eye and the hatching around them have less, hair has more
_MERGED = 60  # times a thick pen's width squared, which an eye, its brow and the hair beside have
_SHADING = 0.4  # times as dark as lines: what is darker is no shading, but hair
_HATCHING = 4  # half the distance between lines that hatch an area
_SWOLLEN = 2.5  # times as thick as lines: what is thicker is a blob that lines end in
_LIPS = 3  # times as wide as high; brows are more
_GAP = 6  # between two ends that belong together


def lines_of(ink: Ink) -> Mask:
    """The centrelines of what is drawn, one pixel wide, and the outlines of what is filled."""
    smooth = ndimage.gaussian_filter(ink, 0.7)
    noise = noise_of(smooth)
    mask = _drawn(smooth, noise)
    if not mask.any():
        return mask
    depth, lines = depth_of(mask), skeletonize(mask)
    width = float(2 * np.median(depth[lines]))  # the usual one, of a line
    masses = _masses(mask, width)
    tone = hatching(lines & ~grown(_dark(masses, smooth), 2), smooth, noise)
    if tone.any():
        others = lines & ~tone
        around = grown(tone, np.percentile(depth[tone], 90) + 1)
        mask = mask & (grown(others, width / 2) | ~around)
        depth, lines = depth_of(mask), skeletonize(mask)
        masses = _masses(mask, width)
    dots = _dots(mask & ~grown(masses, _MASS) if masses.any() else mask, width, depth)
    # A pen that fills goes along the border on the inside.
    for filled in (masses, shrunk(dots, width / 2 - 1) if width > 4 else dots):
        around = grown(filled, 1.5)
        mask = mask & ~around | around & ~filled
    if masses.any() or dots.any():
        depth, lines = depth_of(mask), skeletonize(mask)
    return _without_clutter(_bridged(_without_spurs(lines, depth)))


def _drawn(smooth: Ink, noise: float) -> Mask:
    """Where there is ink: faint pencil that hangs together, and no grain of the paper."""
    inked = smooth[smooth > 4 * noise + 0.02]
    if not len(inked):
        return np.zeros(smooth.shape, bool)
    low = max(5 * noise, 0.25 * float(np.percentile(inked, 80)), 0.03)
    return apply_hysteresis_threshold(smooth, low, 2 * low)


def _masses(mask: Mask, width: float) -> Mask:
    """Large dark areas: hair that is solid or densely hatched.

    To the network hair is a border with nothing inside; hatching would be a thousand strands.
    """
    half = mask[::2, ::2] | mask[1::2, ::2] | mask[::2, 1::2] | mask[1::2, 1::2]
    area = max(_MASS_AREA, _MERGED * width**2)
    reach = max(_MASS, 1.2 * width) / 2
    hatched = shrunk(grown(half, _HATCHING / 2), _HATCHING / 2)
    core = grown(shrunk(hatched, reach), reach)
    if not core.any():
        return np.zeros_like(mask)
    smooth = ndimage.gaussian_filter(core.astype(np.float32), 2)
    full = _doubled(smooth) > 0.5
    return ~large(~large(full, area), area / 3)


def _doubled(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Values (H, W) at twice the size, linear between the middles of their pixels."""
    found: NDArray[np.float64] = values.astype(np.float64)
    for _ in range(2):  # each time down, and on its side
        edged = np.concatenate([found[:1], found, found[-1:]])
        halves = 0.75 * found + 0.25 * np.stack([edged[:-2], edged[2:]])
        found = halves.swapaxes(0, 1).reshape(-1, found.shape[1]).T
    return found


def _dark(masses: Mask, ink: Ink) -> Mask:
    """Those of the masses that are no pale shading."""
    if not masses.any():
        return masses
    parts, count = ndimage.label(masses)
    level = ndimage.mean(ink, parts, np.arange(1, count + 1))
    dark = np.concatenate([[False], level > _SHADING * darkness(ink)])
    return dark[parts].astype(bool)


def _dots(mask: Mask, width: float, depth: NDArray[np.float64]) -> Mask:
    """Small filled shapes, pupils above all: compact, and thicker than lines are."""
    reach = max(4.5, 0.9 * width)
    thick = shrunk(mask, reach)
    if thick.any():
        thick = _compact(grown(thick, reach) & mask, 2 * reach, CANVAS, _LIPS)
        thick = _without_swellings(thick, mask, depth > _SWOLLEN / 2 * width)
    return thick | _compact(mask, 5, max(2 * width, 8))


def _without_swellings(blobs: Mask, mask: Mask, deep: Mask) -> Mask:
    """Without what lines swell to where they turn or meet: not `deep`, and lines leave it."""
    parts, _ = ndimage.label(blobs, SQUARE)
    blobs = blobs.copy()
    for index, box in enumerate(ndimage.find_objects(parts), 1):
        here = tuple(slice(max(0, along.start - 4), along.stop + 4) for along in box)
        own = parts[here] == index
        _, leaving = ndimage.label(grown(own, 3) & ~grown(own, 1.5) & mask[here], SQUARE)
        if leaving > 1 and not (own & deep[here]).any():
            blobs[here] &= ~own
    return blobs


def _compact(mask: Mask, shortest: float, longest: float, elongated: float = 2) -> Mask:
    """The connected parts that fill a box, less `elongated`, of sides within these limits."""
    parts, count = ndimage.label(mask, SQUARE)
    found = np.zeros(count + 1, bool)
    for index, box in enumerate(ndimage.find_objects(parts), 1):
        low, high = sorted(side.stop - side.start for side in box)
        if shortest <= low and high <= longest and high < elongated * low:
            found[index] = (parts[box] == index).mean() > 0.6
    return found[parts]


def _ends(lines: Mask) -> Mask:
    """The pixels of lines with one neighbour or none."""
    framed = np.pad(lines, 1).view(np.uint8)
    rows = framed[:-2] + framed[1:-1] + framed[2:]
    return lines & (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] <= 2)


def _without_spurs(lines: Mask, depth: NDArray[np.float64]) -> Mask:
    """Without the short whiskers that a skeleton has where a thick line is uneven."""
    ends = _ends(lines)
    left = lines.copy()
    for chain in pixel_chains(lines):
        for way in (chain, chain[::-1]):
            root = tuple(way[-1])
            if ends[tuple(way[0])] and not ends[root] and len(way) <= 1.5 * depth[root] + 3:
                left[way[:-1, 0], way[:-1, 1]] = False
    return lines if (left == lines).all() else skeletonize(left)


def _bridged(lines: Mask) -> Mask:
    """With ends that point at each other across a few pixels joined."""
    ends, away = [], []
    is_end = _ends(lines)
    for chain in pixel_chains(lines):
        for way in (chain, chain[::-1]):
            if is_end[tuple(way[0])]:
                ends.append(way[0])
                away.append(way[0] - way[min(6, len(way) - 1)])
    lines = lines.copy()
    if len(ends) > 1:
        at = np.array(ends)
        heading = np.array(away) / np.linalg.norm(away, axis=1, keepdims=True).clip(1)
        for i, j in cKDTree(at).query_pairs(_GAP):
            between = (at[j] - at[i]) / np.linalg.norm(at[j] - at[i])
            if heading[i] @ between > 0.5 and heading[j] @ between < -0.5:
                lines[line(*at[i], *at[j])] = True
    return lines


def _without_clutter(lines: Mask) -> Mask:
    """Without the small strokes where strokes are dense, and without specks."""
    density = ndimage.uniform_filter(lines.astype(np.float32), 49)
    lines = lines.copy()
    for chain in pixel_chains(lines):
        crowd = density[chain[:, 0], chain[:, 1]].mean()
        if len(chain) < 6 or (len(chain) < 20 and crowd > 0.11):
            lines[chain[1:-1, 0], chain[1:-1, 1]] = False
    parts, count = ndimage.label(lines, SQUARE)
    return lines & (np.bincount(parts.ravel(), minlength=count + 1) >= 7)[parts]
