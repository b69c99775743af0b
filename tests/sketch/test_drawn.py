"""S_syn and S_dfm of a photo: the paper's by default, people's in shares (deviation F1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from deepfacepencil.sketch.deform import deform
from deepfacepencil.sketch.drawn import AS_PEOPLE_DRAW, Distortion, at_random_density
from deepfacepencil.sketch.freehand import freehand
from deepfacepencil.sketch.parts import PARTS, border_of, is_inner, parts_of
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import CANVAS, UNKNOWN, Strokes
from deepfacepencil.sketch.trace import trace_labels

SEEDS = range(60)
EYE, SKIN, HAIR = 4, 1, 13


@pytest.fixture(scope="module")
def borders(face_labels):
    return trace_labels(face_labels(0))


@pytest.fixture(scope="module")
def inner():
    """Short lines inside eye, skin and hair."""
    rng = np.random.default_rng(0)
    chains, classes = [], []
    for number, middle in ((EYE, (300, 240)), (SKIN, (240, 350)), (HAIR, (240, 90))):
        for place in rng.normal(middle, 15, (40, 2)):
            steps = np.linspace(0, rng.uniform(6, 40), 7)[:, None]
            chains.append(place + steps * (0.6, 0.8))
            classes.append((number, number))
    return Strokes.of(chains, classes)


def _same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("points", "starts", "classes")
    )


def test_the_papers_drawings_are_borders_moved(borders, inner):
    aligned = Distortion().aligned(borders, inner, np.random.default_rng(0))
    assert _same(aligned, borders)
    deformed = Distortion()(borders, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    rng.random(2)  # whether freehand, whether varied
    assert _same(deformed, deform(borders, rng, 11))


def test_no_density_is_the_borders(borders, inner):
    class Never:
        """A hand that draws nothing inside."""

        random = staticmethod(lambda: 0.0)
        normal = staticmethod(lambda *size: np.zeros(size[2]) if len(size) > 2 else 0.0)

    assert len(at_random_density(inner, Never())) == 0
    assert _same(borders.joined(at_random_density(inner, Never())), borders)
    nothing = Strokes.of([])
    aligned = Distortion(inner_share=1).aligned(borders, nothing, np.random.default_rng(0))
    assert _same(aligned, borders)


def test_densities_differ_by_part_and_prefer_what_is_strong(inner):
    counts, ranks = [], []
    for seed in SEEDS:
        some = at_random_density(inner, np.random.default_rng(seed))
        counts.append([(some.classes[:, 0] == number).sum() for number in (EYE, SKIN, HAIR)])
        kept = {chain.tobytes() for chain in some}
        ranks += [k % 40 for k, chain in enumerate(inner) if chain.tobytes() in kept]
    counts = np.array(counts)
    assert ((counts == 0).mean(0) > 0.08).all()  # a part that somebody never fills in
    assert (counts.max(0) > 35).all()
    assert len({tuple(row) for row in counts.tolist()}) > 30
    assert np.mean(ranks) < 17  # 19.5 if all were alike


def test_what_is_inside_keeps_its_form(inner):
    for seed in SEEDS:
        moved = Distortion(d=30)(inner, np.random.default_rng(seed))
        assert np.abs(moved.points - inner.points).max() < 31
        for before, after in zip(inner.polylines(), moved.polylines(), strict=True):
            length = np.linalg.norm(before[-1] - before[0])
            assert np.linalg.norm((after - after[0]) - (before - before[0]), axis=1).max() < length


@given(st.integers(0, 2**32))
def test_people_draw_on_the_canvas_from_one_seed(borders, inner, seed):
    def both():
        rng = np.random.default_rng(seed)
        aligned = AS_PEOPLE_DRAW.aligned(borders, inner, rng)
        return aligned, AS_PEOPLE_DRAW(aligned, rng)

    aligned, deformed = both()
    for one, other in zip(both(), (aligned, deformed), strict=True):
        assert _same(one, other)
    assert len(deformed)
    assert np.isfinite(deformed.points).all()
    assert (np.diff(deformed.starts) % 3 == 1).all()
    assert (np.diff(deformed.starts) >= 4).all()
    inside = ((deformed.points > -100) & (deformed.points < CANVAS + 100)).all(axis=1)
    assert inside.mean() > 0.9
    assert draw(deformed, 256).shape == (256, 256)


def test_some_are_clean_some_unfinished_some_lack_a_part(borders, inner):
    whole = borders.joined(inner)
    clean = Distortion(clean_share=0.5)
    same = [_same(clean(whole, np.random.default_rng(s)), whole) for s in SEEDS]
    assert 0.3 < np.mean(same) < 0.7
    unfinished = Distortion(clean_share=1, unfinished_share=0.5)
    shorter = [len(unfinished(whole, np.random.default_rng(s))) < len(whole) for s in SEEDS]
    assert 0.3 < np.mean(shorter) < 0.7
    drawn = [Distortion(inner_share=0.5).aligned(borders, inner, np.random.default_rng(s))
             for s in SEEDS]  # fmt: skip
    assert 0.3 < np.mean([is_inner(one).any() for one in drawn]) < 0.6
    without = Distortion(clean_share=1, without_share=1)
    bald = ["hair" not in parts_of(without(whole, np.random.default_rng(s))) for s in SEEDS]
    assert 0.2 < np.mean(bald) < 0.6


def test_strokes_of_nobody_knows_what_are_not_inside(borders, inner):
    whole = borders.joined(inner)
    assert is_inner(whole).tolist() == [False] * len(borders) + [True] * len(inner)
    unknown = Strokes.of(whole)
    assert not is_inner(unknown).any() and set(parts_of(unknown)) == {"face"}


def test_every_part_has_a_border_that_is_its_own():
    for part in PARTS:
        border = Strokes.of([np.zeros((4, 2))], [border_of(part)])
        assert parts_of(border) == [part] and not is_inner(border).any()


def test_what_was_on_paper_is_the_same_drawing_without_classes(borders):
    paper = Distortion(clean_share=1, scanned_share=1)(borders, np.random.default_rng(0))
    assert set(paper.classes.ravel()) == {UNKNOWN}
    meant, read = (draw(strokes, 256) > 127 for strokes in (borders, paper))
    for one, other in ((meant, read), (read, meant)):
        assert (distance_transform_edt(~one)[other] <= 4).mean() > 0.95


def test_freehand_keeps_parts_and_hair_is_flow_or_outline_or_both(borders, inner):
    whole = borders.joined(inner)
    kinds = set()
    for seed in SEEDS:
        redrawn = freehand(whole, np.random.default_rng(seed))
        hair = is_inner(redrawn)[parts_of(redrawn) == "hair"]
        kinds.add((hair.any(), (~hair).any()))
    assert {(True, True), (False, True), (True, False)} <= kinds


def test_doodles_are_fewer_strokes_in_the_same_place(borders):
    doodles = [freehand(borders, np.random.default_rng(s), 1.0) for s in SEEDS]
    for strokes in doodles:
        eyes = strokes.select(np.isin(parts_of(strokes), ["l_eye", "r_eye"]))
        if len(eyes):
            meant = borders.select(np.isin(parts_of(borders), ["l_eye", "r_eye"])).points.mean(0)
            assert np.linalg.norm(eyes.points.mean(0) - meant) < 80
    assert len({len(strokes) for strokes in doodles}) > 15
