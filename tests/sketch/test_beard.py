"""Beards as people draw them: strokes of the skin, where the beard is, and nowhere else."""

from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from deepfacepencil.sketch import beard
from deepfacepencil.sketch.beard import (
    _curls,
    _dots,
    _hatching,
    _outline,
    _scribble,
    _strands,
    beard_strokes,
    cheeks_and_below,
    spread_over,
)
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import CANVAS


def chin(strength: float) -> np.ndarray:
    bearded = np.zeros((32, 32))
    bearded[20:28, 10:22] = strength
    return bearded


@pytest.mark.parametrize("seed", range(24))
def test_a_beard_is_drawn_where_it_is(seed: int) -> None:
    strokes = beard_strokes(chin(1.0), np.random.default_rng(seed))
    assert len(strokes) and draw(strokes, 128).any()
    assert (strokes.classes == CLASSES.index("skin")).all()
    low, high = strokes.points.min(0), strokes.points.max(0)
    cell = CANVAS / 32
    # Hairs hang over the edge by up to half their length.
    assert (low > (10 * cell - 40, 20 * cell - 40)).all()
    assert (high < (22 * cell + 40, 28 * cell + 40)).all()
    again = beard_strokes(chin(1.0), np.random.default_rng(seed))
    np.testing.assert_array_equal(strokes.points, again.points)


def test_who_has_none_gets_none() -> None:
    few = np.zeros((32, 32))
    few[25, 15] = 1
    for cells in (chin(0.0), chin(0.2), few):
        assert not len(beard_strokes(cells, np.random.default_rng(0)))


def test_there_is_more_than_one_way_to_draw_it() -> None:
    counts = {len(beard_strokes(chin(1.0), np.random.default_rng(seed))) for seed in range(30)}
    assert min(counts) <= 2 and max(counts) > 60  # an outline or a scribble; hatching


AREA = np.zeros((128, 128), bool)
AREA[80:112, 40:88] = True  # 160 to 352 and 320 to 448 on the canvas


def test_places_are_all_over_the_area_and_about_as_far_apart_as_asked() -> None:
    for apart in (10.0, 25.0):
        places = spread_over(AREA, apart, np.random.default_rng(0))
        assert (places >= (160, 320)).all() and (places < (352, 448)).all()
        assert abs(len(places) * apart**2 / (192 * 128) - 1) < 0.2
        everywhere = np.stack(np.nonzero(AREA)[::-1], axis=1) * 4 + 2
        assert cdist(everywhere, places).min(axis=1).max() < 1.6 * apart


@pytest.mark.parametrize(
    ("sign", "shortest", "longest"), [(_hatching, 4.2, 28.6), (_strands, 20, 60), (_dots, 1.5, 4)]
)
def test_hairs_hang_and_lean_outwards_or_are_hatched_one_way(sign, shortest, longest) -> None:
    outwards, one_way, drawings, found = 0, 0, 60, []
    for seed in range(drawings):
        roots, _, tips = np.stack(sign(AREA, np.random.default_rng(seed)), axis=1)
        ways, middles = tips - roots, (roots + tips) / 2
        lengths = np.linalg.norm(ways, axis=1)
        assert shortest - 1e-6 < lengths.min() and lengths.max() < longest + 1e-6
        assert lengths.max() > 1.5 * lengths.min()
        found += [lengths.min(), lengths.max()]
        assert (ways[:, 1] > 0).all()
        assert (middles >= (160, 320)).all() and (middles < (352, 448)).all()
        leans = ways[:, 0] / ways[:, 1]
        one_way += np.ptp(leans) < 1e-6
        outwards += leans[middles[:, 0] > 256].mean() > leans[middles[:, 0] < 256].mean()
    assert 0.15 < one_way / drawings < 0.45
    assert outwards > 0.6 * (drawings - one_way)
    assert min(found) < 1.04 * shortest and max(found) > 0.96 * longest


def test_hairs_are_bent_by_up_to_a_quarter_of_their_length_or_so() -> None:
    bends = []
    for seed in range(60):
        root, middle, tip = np.stack(_strands(AREA, np.random.default_rng(seed)), axis=1)
        away = np.linalg.norm(middle - (root + tip) / 2, axis=1)
        bends.append(np.mean(away / np.linalg.norm(tip - root, axis=1)))
    assert 0 < min(bends) < 0.02 and 0.07 < max(bends) < 0.13


def test_curls_are_round_and_in_the_area() -> None:
    turned = []
    for seed in range(12):
        for curl in _curls(AREA, np.random.default_rng(seed)):
            assert 2 < np.ptp(curl, axis=0).max() < 26.5
            steps = np.diff(curl, axis=0)
            turns = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))
            turned.append(np.degrees(turns.sum()) * len(steps) / len(turns))
            assert (curl.mean(0) > (145, 305)).all() and (curl.mean(0) < (367, 463)).all()
    assert min(turned) > 100 and max(turned) < 430 and abs(np.mean(turned) - 275) < 15


def test_a_scribble_goes_to_and_fro_between_the_edges() -> None:
    for seed in range(20):
        (line,) = _scribble(AREA, np.random.default_rng(seed))
        assert (np.abs(line[::2, 1] - 446) < 10).all() and (np.abs(line[1::2, 1] - 322) < 10).all()
        steps = np.diff(line[:, 0])
        assert abs(line[0, 0] - 162) < 10 and line[-1, 0] > 325
        assert 3.5 < np.mean(steps) < 16.5
    for width in range(1, 12):  # a small one is none
        lines = _scribble(np.pad(AREA[80:81, 40 : 40 + width], 60), np.random.default_rng(0))
        assert all(len(line) > 3 for line in lines) and (width > 3 or not lines)


def test_the_outline_is_the_border_of_the_area() -> None:
    y, x = np.mgrid[:128, :128]
    disc = np.hypot(x - 64, y - 70) < 25
    disc[2:4, 2:4] = True  # too small to be drawn around
    for seed in range(5):
        (line,) = _outline(disc, np.random.default_rng(seed))
        radii = np.linalg.norm(line - (64.5 * 4, 70.5 * 4), axis=1)
        np.testing.assert_allclose(radii, 99, atol=4)
        assert np.allclose(line[0], line[-1])
        assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 30


def test_every_sign_of_a_beard_is_met_as_often_as_it_should_be(monkeypatch) -> None:
    met, drawings, line = Counter(), 200, np.array([(256.0, 400.0), (260.0, 410.0)])

    def counted(sign):
        def drawn(area, rng):
            met[sign.__name__] += 1
            return [] if sign.__name__ == "_nothing" else [line]

        return drawn

    monkeypatch.setattr(beard, "_SIGNS", tuple(map(counted, beard._SIGNS)))
    monkeypatch.setattr(beard, "_outline", counted(_outline))
    for seed in range(drawings):
        assert len(beard_strokes(chin(1.0), np.random.default_rng(seed))) in (1, 2)
    shares = {"_hatching": 0.36, "_strands": 0.24, "_dots": 0.12, "_curls": 0.12}
    shares |= {"_scribble": 0.08, "_nothing": 0.08, "_outline": 0.08 + 0.92 * 0.4}
    assert met.keys() == shares.keys()
    for sign, share in shares.items():
        assert abs(met[sign] / drawings - share) < 0.08, sign


def test_beards_may_grow_below_the_nose_and_not_on_cheeks() -> None:
    labels = np.zeros((256, 256), np.uint8)
    labels[64:230, 60:196] = CLASSES.index("skin")
    for size in (256, 128):
        whole = labels[:: 256 // size, :: 256 // size].copy()
        assert not any(mask.any() for mask in cheeks_and_below(whole))  # no nose is seen
        scale = size // 32
        whole[12 * scale : 18 * scale, 15 * scale : 17 * scale] = CLASSES.index("nose")
        cheeks, below = cheeks_and_below(whole)
        assert cheeks[13:17, 9:15].all() and not cheeks[18:].any()
        assert below[19:28, 9:23].all() and not below[:17].any() and not below[:, :7].any()
