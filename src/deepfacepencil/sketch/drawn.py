"""How a drawing of a photo comes about: S_syn from its strokes, S_dfm from S_syn (section 3.1).

The paper draws the borders of the labels and moves their points. `Distortion` holds that and, in
shares, what people do beside it: lines inside the regions, habits of untrained hands, doodles,
parts left out, drawings that are not finished (deviation F1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from .deform import DEFAULT_D, deform
from .freehand import eyes_behind_glasses, freehand
from .parts import is_inner, parts_of
from .pen import draw
from .strokes import Strokes
from .trace import trace
from .unfinished import unfinished, without_something

_SCAN = 256  # pixels of a scanned drawing
_PENS = (1.5, 4.5)  # pixels of it that a pen is wide
_BEND = 0.25  # of a curve's length: what the points of small strokes move at most


@dataclass(frozen=True)
class Distortion:
    """How S_syn is made of a photo's strokes, and S_dfm of S_syn. The defaults are the paper's."""

    d: float = DEFAULT_D  # the maximum offset on the 512 canvas
    varied_share: float = 0.0  # of sketches with a maximum drawn from [0, varied_d] instead of d
    varied_d: float = 30.0
    freehand_share: float = 0.0  # of sketches redrawn with the habits of untrained hands
    inner_share: float = 0.0  # of drawings, both S_syn and S_dfm, with strokes inside the regions
    behind_share: float = 0.0  # of drawings, both again, with eyes behind their glasses
    clean_share: float = 0.0  # of sketches that are S_syn itself
    doodle_share: float = 0.0  # of the freehand ones with parts as a doodle has them
    without_share: float = 0.0  # of sketches without hair, outline, neck, ...
    unfinished_share: float = 0.0  # of sketches that end after some stroke, or in it
    scanned_share: float = 0.0  # of sketches that were on paper, drawn with some pen

    def aligned(self, borders: Strokes, inner: Strokes, rng: np.random.Generator) -> Strokes:
        """S_syn: the borders and, in `inner_share` of the drawings, some of what is inside."""
        if self.behind_share and rng.random() < self.behind_share:
            borders = eyes_behind_glasses(borders, rng)
        if not self.inner_share or rng.random() >= self.inner_share:
            return borders
        return borders.joined(at_random_density(inner, rng))

    def __call__(self, strokes: Strokes, rng: np.random.Generator) -> Strokes:
        """S_dfm of the drawing S_syn."""
        drawn = self._deformed(strokes, rng)
        if self.without_share and rng.random() < self.without_share:
            drawn = without_something(drawn, rng)
        if self.unfinished_share and rng.random() < self.unfinished_share:
            drawn = unfinished(drawn, rng)
        if self.scanned_share and rng.random() < self.scanned_share:
            drawn = scanned(drawn, rng)
        return drawn

    def _deformed(self, strokes: Strokes, rng: np.random.Generator) -> Strokes:
        if self.clean_share and rng.random() < self.clean_share:
            return strokes
        if rng.random() < self.freehand_share:
            # Their lines are off by more than they are rough.
            redrawn = freehand(strokes, rng, self.doodle_share)
            return _moved(redrawn, rng, rng.uniform(0, self.d), np.ones(len(redrawn), bool))
        varied = rng.random() < self.varied_share
        d = rng.uniform(0, self.varied_d) if varied else self.d
        return _moved(strokes, rng, d, is_inner(strokes))


# Drawings as people make them: what a network for people is trained with.
AS_PEOPLE_DRAW = Distortion(
    varied_share=0.5,
    freehand_share=0.55,
    inner_share=0.8,
    behind_share=0.7,
    clean_share=0.1,
    doodle_share=0.25,
    without_share=0.2,
    unfinished_share=0.3,
    scanned_share=0.15,
)


def at_random_density(inner: Strokes, rng: np.random.Generator) -> Strokes:
    """Some of the strokes of each part: of some parts none, of others all."""
    diligence = rng.random() ** 0.8
    parts = np.array([part.split("_")[-1] for part in parts_of(inner)], dtype="U8")
    kept = np.zeros(len(inner), bool)
    for part in sorted(set(parts.tolist())):
        share = np.clip(diligence + rng.normal(0, 0.3), 0.05, 1) * (rng.random() > 0.15)
        here = np.flatnonzero(parts == part)
        for number in np.unique(inner.classes[here, 0]):
            own = here[inner.classes[here, 0] == number]  # strong ones first: see `inner_strokes`
            rank = (np.arange(len(own)) + 0.5) / len(own)
            kept[own] = (rank + rng.normal(0, 0.1, len(own)) < share) & (share > 0)
    return inner.select(kept)


def scanned(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """The drawing as it is read from paper: lines that touched are one, their classes are lost."""
    inked = draw(strokes, _SCAN, rng.uniform(*_PENS)) > 100
    read = trace(skeletonize(inked))
    return read if len(read) else strokes


def _moved(
    strokes: Strokes, rng: np.random.Generator, d: float, gently: NDArray[np.bool_]
) -> Strokes:
    """The paper's deformation; strokes that are treated `gently` (n,) keep their form.

    A hair of the beard, or a pupil, is smaller than d: moved point by point it would be a knot. It
    is put elsewhere instead.
    """
    if not gently.any():
        return deform(strokes, rng, d)
    points_in = np.diff(strokes.starts)
    steps = np.linalg.norm(np.diff(strokes.points, axis=0, append=0), axis=1)
    steps[strokes.starts[1:] - 1] = 0
    per_curve = np.add.reduceat(steps, strokes.starts[:-1]) / (points_in // 3)
    limit = np.where(gently, np.minimum(d, _BEND * per_curve), d)
    shift = rng.uniform(-0.7, 0.7, (len(strokes), 2)) * (d - limit)[:, None]
    moved = deform(strokes, rng, np.repeat(limit, points_in)[:, None])
    return moved.with_points(moved.points + np.repeat(shift, points_in, axis=0))
