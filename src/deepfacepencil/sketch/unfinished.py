"""Drawings that are not finished, or leave something out (beyond the paper; deviation F1).

A photo is made at every moment of a drawing: what the network sees then is its first strokes, in
one of the orders in which people draw, the last of them perhaps under the pen still.
"""

import numpy as np
from numpy.typing import NDArray

from .parts import PARTS, is_inner, parts_of
from .strokes import Strokes

# The orders that people were seen to draw faces in. Both eyes, and both brows, go together.
_ORDERS = (
    ("face", "ears", "hair", "hat", "neck", "clothes", "eye", "brow", "nose", "mouth"),
    ("face", "eye", "nose", "mouth", "brow", "ears", "hair", "hat", "neck", "clothes"),
    ("eye", "brow", "nose", "mouth", "face", "ears", "hair", "hat", "neck", "clothes"),
    ("eye", "nose", "mouth", "brow", "face", "hair", "hat", "ears", "neck", "clothes"),
    ("nose", "eye", "brow", "mouth", "face", "ears", "hair", "hat", "neck", "clothes"),
    ("hat", "hair", "face", "ears", "neck", "clothes", "eye", "brow", "nose", "mouth"),
    ("hat", "hair", "face", "brow", "eye", "nose", "mouth", "ears", "neck", "clothes"),
)
_FIRST_FEW = 0.3  # of unfinished drawings have up to six strokes
_LEAVABLE = ("hat", "hair", "face", "neck", "clothes", "ears", "brow", "nose", "mouth", "eye")
_LEFT_OUT = (0.1, 0.35, 0.3, 0.35, 0.35, 0.2, 0.12, 0.08, 0.08, 0.05)  # the share of each of them


def unfinished(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """The first strokes of a drawing, one to all, the last one cut anywhere."""
    few = rng.random() < _FIRST_FEW
    amount = rng.uniform(0.2, min(6, len(strokes)) if few else len(strokes)) if len(strokes) else 0
    return first_of(in_order(strokes, rng), amount)


def in_order(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """The same strokes in an order in which somebody might have drawn them."""
    parts = np.array([part.split("_")[-1] for part in parts_of(strokes)], dtype="U8")
    order = list(_ORDERS[rng.integers(len(_ORDERS))])
    order += [part for part in PARTS if part not in order]  # glasses and jewels last
    if rng.random() < 0.12:
        rng.shuffle(order)
    rank = np.array([order.index(part) for part in parts], float)
    if rng.random() < 0.12:  # from top to bottom, whatever it is
        rank = np.array([chain[:, 1].min() // 40 for chain in strokes], float)
    inner = is_inner(strokes)
    if rng.random() < 0.6:  # what is inside comes when all outlines are there
        rank[inner] += len(PARTS) + 40
    # The two of a pair one after the other; long strokes before short ones, more or less.
    left = np.array([part.startswith("l_") for part in parts_of(strokes)], bool)
    side = np.where(left, 0.4, 0.0) if rng.random() < 0.5 else np.where(left, 0.0, 0.4)
    length = np.array([np.linalg.norm(np.diff(c[::3], axis=0), axis=1).sum() for c in strokes])
    haste = rng.uniform(0.5, 1, len(strokes)) * np.where(inner, 0.3, length / (1 + length))
    return reordered(strokes, np.argsort(rank + side - 0.3 * haste, kind="stable"))


def reordered(strokes: Strokes, order: NDArray[np.intp]) -> Strokes:
    """Stroke order[0] first, then order[1], ..."""
    chains = list(strokes)
    return Strokes.of([chains[k] for k in order], [tuple(strokes.classes[k]) for k in order])


def first_of(strokes: Strokes, amount: float) -> Strokes:
    """The first strokes: 3.4 are three, and two fifths of the fourth."""
    whole = min(int(amount), len(strokes))
    chains = list(strokes)[: whole + 1]
    if whole < len(strokes):
        chains[-1] = _begun(chains[-1], amount - whole)
        if not len(chains[-1]):
            chains.pop()
    return Strokes.of(chains, map(tuple, strokes.classes[: len(chains)]))


def without_something(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """A drawing without hair, outline, neck, ... The same one if nothing else were left."""
    out = {p for p, share in zip(_LEAVABLE, _LEFT_OUT, strict=True) if rng.random() < share}
    parts = [part.split("_")[-1] for part in parts_of(strokes)]
    kept = np.array([part not in out for part in parts], bool)
    if "face" in out:  # wrinkles and beard are not the outline
        kept |= is_inner(strokes) & (np.array(parts) == "face")
    return strokes.select(kept) if kept.any() else strokes


def _begun(chain: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The first `share` of a chain of curves: whole curves, and one that is cut by de Casteljau."""
    curves = (len(chain) - 1) // 3
    whole, t = divmod(share * curves, 1)
    done = 3 * int(whole)
    a, b, c, d = chain[done : done + 4]
    if t * np.abs(chain[done : done + 4] - a).max() < 0.5:  # nothing that a pen leaves
        return chain[: done + 1] if done else chain[:0]
    ab, bc, cd = a + t * (b - a), b + t * (c - b), c + t * (d - c)
    abc, bcd = ab + t * (bc - ab), bc + t * (cd - bc)
    return np.concatenate([chain[: done + 1], np.stack([ab, abc, abc + t * (bcd - abc)])])
