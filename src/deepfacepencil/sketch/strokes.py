"""Strokes: what a drawing is, from the tracer or a hand to the pen.

A stroke is a chain of cubic Beziers in which consecutive pieces share their joint (section 3.1,
"vectorized lines"). All strokes of a drawing live in one array, so that deforming a face is one
addition.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# CelebAMask-HQ masks are 512 x 512; the paper's offsets (d = 11) are pixels of that canvas.
CANVAS = 512

# The class of a stroke that was drawn by hand: nobody said what it separates.
UNKNOWN = 255


@dataclass(frozen=True, eq=False)
class Strokes:
    """The strokes of one drawing, on a CANVAS x CANVAS square, x to the right, y downwards.

    Stroke k owns `points[starts[k]:starts[k + 1]]`: 3 n + 1 points, joint, handle, handle, joint,
    ...
    """

    points: NDArray[np.float32]  # (N, 2)
    starts: NDArray[np.int32]  # (strokes + 1,), from 0 to N
    classes: NDArray[np.uint8]  # (strokes, 2): the label ids on both sides, smaller first

    @classmethod
    def of(
        cls,
        chains: Iterable[NDArray[np.floating]],
        classes: Iterable[tuple[int, int]] | None = None,
    ) -> "Strokes":
        """Strokes from chains of (3 n + 1, 2) points; without `classes` they are UNKNOWN."""
        chains = [np.asarray(chain, np.float32) for chain in chains]
        pairs = [(UNKNOWN, UNKNOWN)] * len(chains) if classes is None else list(classes)
        return cls(
            np.concatenate([np.empty((0, 2), np.float32), *chains]),
            np.cumsum([0, *map(len, chains)]).astype(np.int32),
            np.array(pairs, np.uint8).reshape(-1, 2),
        )

    def to_bytes(self) -> list[bytes]:
        """Its three arrays, for another process; `from_bytes` is the way back."""
        return [array.tobytes() for array in (self.points, self.starts, self.classes)]

    @classmethod
    def from_bytes(cls, parts: Sequence[bytes]) -> "Strokes":
        """The strokes that `to_bytes` packed."""
        points, starts, classes = parts
        return cls(
            np.frombuffer(points, np.float32).reshape(-1, 2),
            np.frombuffer(starts, np.int32),
            np.frombuffer(classes, np.uint8).reshape(-1, 2),
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """Each stroke's points, (3 n + 1, 2)."""
        for start, stop in zip(self.starts, self.starts[1:], strict=False):
            yield self.points[start:stop]

    def with_points(self, points: NDArray[np.floating]) -> "Strokes":
        """The same strokes elsewhere: `points` (N, 2) replace the old ones."""
        return Strokes(points.astype(np.float32), self.starts, self.classes)

    def select(self, chosen: NDArray[np.bool_]) -> "Strokes":
        """The strokes k for which `chosen[k]` holds."""
        kept = [chain for chain, keep in zip(self, chosen, strict=True) if keep]
        return Strokes.of(kept, map(tuple, self.classes[chosen]))

    def joined(self, other: "Strokes") -> "Strokes":
        """These strokes, then those of `other`."""
        return Strokes(
            np.concatenate([self.points, other.points]),
            np.concatenate([self.starts, other.starts[1:] + self.starts[-1]]),
            np.concatenate([self.classes, other.classes]),
        )

    def mirrored(self) -> "Strokes":
        """Left and right exchanged; an eye keeps its class."""
        return self.with_points(self.points * (-1, 1) + (CANVAS, 0))

    def polylines(self, per_curve: int = 8) -> list[NDArray[np.float64]]:
        """Each stroke as a line through `per_curve` points a curve, (n * per_curve + 1, 2)."""
        # All curves of all strokes are evaluated in one product; chains are cut out of it
        # afterwards.
        if not len(self):
            return []
        curves_in = np.diff(self.starts) // 3
        first = np.repeat(self.starts[:-1], curves_in)
        within = np.arange(curves_in.sum()) - np.repeat(np.cumsum(curves_in) - curves_in, curves_in)
        corners = (first + 3 * within)[:, None] + np.arange(4)
        t = np.arange(1, per_curve + 1)[:, None] / per_curve
        bernstein = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
        along = bernstein @ self.points.astype(np.float64)[corners]  # (curves, per_curve, 2)
        stops = np.cumsum(curves_in)
        return [
            np.vstack([self.points[start], along[stop - n : stop].reshape(-1, 2)])
            for start, n, stop in zip(self.starts[:-1], curves_in, stops, strict=True)
        ]


def through(line: NDArray[np.floating]) -> NDArray[np.float64]:
    """A chain of Beziers through the points of `line` (n + 1, 2): Catmull-Rom, (3 n + 1, 2)."""
    line = np.asarray(line, np.float64)
    tangents = np.gradient(line, axis=0) if len(line) > 2 else np.diff(line, axis=0).repeat(2, 0)
    chain = np.empty((3 * len(line) - 2, 2))
    chain[::3] = line
    chain[1::3] = line[:-1] + tangents[:-1] / 3
    chain[2::3] = line[1:] - tangents[1:] / 3
    return chain
