"""Tone on a drawing that is no line of a face: shading that was rubbed in, and hatching.

What is rubbed fades out, where lines and filled shapes have edges. What is hatched is many lines
side by side, paler than the drawing's own, or from outline to outline. The network takes a cheek's
shading for a beard, and hatched hair for a thousand strands.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .around import Mask, grown, highest, lowest, opened
from .trace import pixel_chains

_SMUDGE = 17  # pixels: what is smaller is a line or a dot
_FAINT = 0.06  # ink that is tone
_EDGE = 0.35  # times as much as its darkest: what it differs by across an edge
_REACH = 4  # pixels along a line, on each side, that decide about its direction
_ALIKE = np.cos(np.radians(15))  # of the directions of lines that hatch together
_AHEAD = np.cos(np.radians(25))  # of a line that goes on behind a crossing
_CROSSING = 4.0  # pixels between the ends of two pieces of it
_NEXT = 17  # pixels between two lines of a hatching at most
_SIMILAR = 0.3  # times as long as the next
_ROWS = 8  # lines that are a hatching, at least
_MOST = 0.6  # of a line is in a hatching, if it is part of it; of its lines end at outlines
_PALE = 0.62  # times as much ink as the drawing's other lines have
_SHORT = 20  # pixels: a shorter pale line may be a hair of a beard
_TOUCHING = 6  # pixels from the outline that a line ends at
_WINDOW = 49  # pixels around, of which a share is
_CROWDED = 0.06  # line, from where on a hatching is looked for
_AREA = 31  # pixels that a toned area is wide at least
_COVERED = 0.5  # inked, within half as many, from where on they are toned

_Chains = Sequence[NDArray[np.intp]]


def without_smudges(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ink (H, W) in 0..1 without pale tone that fades out; lines on it stay."""
    half = ink[::2, ::2]  # is enough to see whether there is some
    tone = opened(half, _SMUDGE // 4 * 2 + 1)
    toned = tone > _FAINT
    if not toned.any():
        return ink
    parts, count = ndimage.label(toned)
    rim = toned & ~lowest(toned, 3, 3)
    peak = ndimage.maximum(tone, parts, np.arange(count + 1))
    # Where a line runs, tone ends at it.
    edges = highest(tone, 3, 3) - lowest(tone, 3, 3) > _EDGE * peak[parts]
    edges &= rim & ~grown(half - tone > 0.25, 2.5)
    at_edges, at_rim = (np.bincount(parts[of], minlength=count + 1) for of in (edges, rim))
    soft = at_edges < 0.1 * at_rim
    soft &= peak < _PALE * darkness(half - tone)
    soft[0] = False
    if not soft.any():
        return ink
    here = grown(soft[parts], 1).repeat(2, axis=0).repeat(2, axis=1)
    tone = np.where(here, opened(ink, _SMUDGE), 0)
    return ((ink - tone) / np.maximum(1 - tone, np.float32(0.1))).astype(np.float32)


def hatching(lines: Mask, ink: NDArray[np.float32], noise: float) -> Mask:
    """Those of the centrelines (H, W) that only make an area darker.

    `ink` is how dark the drawing is, `noise` what of it is none.
    """
    none = np.zeros_like(lines)
    crowded = ndimage.uniform_filter(lines.astype(np.float32), _WINDOW) > _CROWDED
    if (crowded & lines).sum() < _ROWS * _SHORT:
        return none
    chains = [chain for chain in pixel_chains(lines) if len(chain) > 2]
    if len(chains) < _ROWS:
        return none
    line_of = _over_crossings(chains)
    count = int(line_of.max()) + 1
    pixels, own = np.concatenate(chains), np.repeat(line_of, [len(chain) for chain in chains])
    places = tuple(pixels.T)
    length = np.bincount(own, minlength=count)

    def mostly(of: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(lines,): whether something is true of most of their pixels."""
        return np.bincount(own, of, count) > _MOST * length

    group = _side_by_side(pixels, own, _directions(chains), crowded, length)
    level = ndimage.median(ink[places], own, np.arange(count))
    pale = level < _PALE * darkness(ink[lines])
    rows = (np.bincount(group) >= _ROWS)[group]
    # A dark one among pale ones is the outline of what they hatch.
    rows &= pale | (_PALE * level < ndimage.median(level, group, group))
    shading = pale & (mostly(_toned(ink, noise)[places]) | rows & (length > _SHORT))
    if shading.any():
        shading &= mostly(_enclosed(_painted(lines, pixels[~(shading | rows)[own]]))[places])
    dark = rows & ~shading
    if dark.any():
        touching = np.bincount(group, np.where(dark, _touching(chains, line_of, rows), 0))
        dark &= (touching > _MOST * np.bincount(group, dark))[group]
    return _painted(lines, pixels[(shading | dark)[own]])


def darkness(ink: NDArray[np.float32]) -> float:
    """How dark the lines of a drawing are."""
    return float(np.percentile(ink[ink > 0.1], 80)) if (ink > 0.1).any() else 1.0


def noise_of(ink: NDArray[np.floating]) -> float:
    """The standard deviation of what is no line: most of a drawing (H, W) is paper."""
    return 1.4826 * float(np.median(np.abs(ink - np.median(ink))))


def _enclosed(lines: Mask) -> Mask:
    """What is surrounded by lines, with small gaps."""
    parts, _ = ndimage.label(~grown(lines, _TOUCHING / 2))
    rim = np.concatenate([parts[[0, -1]].ravel(), parts[:, [0, -1]].ravel()])
    return ~np.isin(parts, np.unique(rim[rim > 0]))


def _painted(like: Mask, pixels: NDArray[np.intp]) -> Mask:
    painted = np.zeros_like(like)
    painted[tuple(pixels.T)] = True
    return painted


def _toned(ink: NDArray[np.float32], noise: float) -> Mask:
    """Where there is some ink nearly everywhere in an area that is larger than eyes and lips."""
    some = (ink > 4 * noise + 0.02).astype(np.float32)
    covered = ndimage.uniform_filter(some, _WINDOW // 2) > _COVERED
    return opened(covered, _AREA)


def _touching(
    chains: _Chains, line_of: NDArray[np.intp], part: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(lines,): which share of a line's ends is at one that is no `part` of a hatching."""
    of_others = [chain for chain, line in zip(chains, line_of, strict=True) if not part[line]]
    if not of_others:
        return np.zeros(len(part))
    ends = np.concatenate([chain[[0, -1]] for chain in chains])
    distances, _ = cKDTree(np.concatenate(of_others)).query(ends)
    near = (distances < _TOUCHING).reshape(-1, 2).mean(axis=1)
    return np.bincount(line_of, near, len(part)) / np.bincount(line_of, minlength=len(part))


def _over_crossings(chains: _Chains) -> NDArray[np.intp]:
    """(chains,): which line each is a piece of. A line goes straight on over others."""
    ends = np.array([chain[at] for chain in chains for at in (0, -1)])
    ways = np.array([_onward(way) for chain in chains for way in (chain, chain[::-1])], float)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True).clip(1)
    pairs = cKDTree(ends).query_pairs(_CROSSING, output_type="ndarray")
    straight = -(ways[pairs[:, 0]] * ways[pairs[:, 1]]).sum(axis=1)
    line_of = np.arange(len(chains))
    joined = np.zeros(len(ends), bool)
    for k in np.argsort(-straight):
        one, other = pairs[k]
        if straight[k] < _AHEAD:
            break
        if not joined[one] and not joined[other] and one // 2 != other // 2:
            joined[[one, other]] = True
            line_of[line_of == line_of[one // 2]] = line_of[other // 2]
    return np.unique(line_of, return_inverse=True)[1]


def _onward(chain: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where a chain goes, beside the crossing that it begins at: there centrelines are bent."""
    return chain[min(4 * _REACH, len(chain) - 1)] - chain[min(_REACH, len(chain) // 3)]


def _directions(chains: _Chains) -> NDArray[np.float32]:
    """(pixels, 2): the direction of the line at each pixel of the chains, of length 1."""
    found = []
    for chain in chains:
        at = np.arange(len(chain))
        ahead = chain[np.minimum(at + _REACH, len(chain) - 1)]
        found.append(ahead - chain[np.maximum(at - _REACH, 0)])
    ways = np.concatenate(found).astype(np.float32)
    return ways / np.linalg.norm(ways, axis=1, keepdims=True).clip(1)


def _side_by_side(
    pixels: NDArray[np.intp],
    own: NDArray[np.intp],
    ways: NDArray[np.float32],
    where: Mask,
    length: NDArray[np.intp],
) -> NDArray[np.intp]:
    """(lines,): the group of each line. Lines that run along each other, close, are in one."""
    height, width = where.shape
    line_at = np.full((height + 2, width + 2), -1)
    way_at = np.zeros((height + 2, width + 2, 2), np.float32)
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0), (0, 0)):  # so wide that no step misses them
        at = tuple((pixels + shift + 1).T)
        line_at[at], way_at[at] = own, ways
    looked = np.flatnonzero(where[pixels[:, 0], pixels[:, 1]])
    line, start, way = own[looked], pixels[looked] + 1, ways[looked]
    across = way[:, ::-1] * (1, -1)
    met = []
    for side in (across, -across):
        first = np.full(len(line), -1)  # the other line that each pixel meets first
        for step in range(3, _NEXT + 1, 2):
            at = tuple(np.round(start + step * side).astype(int).clip(0, (height + 1, width + 1)).T)
            alike = np.abs((way_at[at] * way).sum(axis=1)) > _ALIKE
            new = (first < 0) & (line_at[at] >= 0) & (line_at[at] != line) & alike
            first = np.where(new, line_at[at], first)
        met.append(np.stack([line, first], axis=1)[first >= 0])
    pairs, times = np.unique(np.concatenate(met), axis=0, return_counts=True)
    shorter, longer = np.sort(length[pairs], axis=1).T
    along = (times > 0.4 * shorter) & (shorter > _SIMILAR * longer)
    one, other = pairs[along].T
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(length), len(length)))
    return connected_components(graph, directed=False)[1]
