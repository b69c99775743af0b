"""Signs for parts of a face: where the part is, about as large, and what each is to be."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from scipy.spatial.distance import cdist

from deepfacepencil.sketch import doodle
from deepfacepencil.sketch.doodle import Line, circle, zigzag
from deepfacepencil.sketch.freehand import _thinned
from deepfacepencil.sketch.strokes import Strokes, through

EYES = [circle((x, 240), (40, 16)) for x in (190, 320)]
NOSE, LIPS = circle((256, 300), (30, 50)), circle((256, 380), (60, 20))
SMILE, FROWN = circle((256, 360), (60, 25), 0, 180), circle((256, 400), (60, 25), 180, 360)
RIMS = circle((256, 240), (120, 35))
CROWN = circle((256, 290), (190, 190), 180, 360)
JAW = circle((256, 290), (130, 190))


def _drawn(make, seeds=150) -> Iterator[list[Line]]:
    return (make(np.random.default_rng(seed)) for seed in range(seeds))


def _box(lines) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate(lines)
    return (points.max(0) + points.min(0)) / 2, np.ptp(points, axis=0)


def _closed(line) -> bool:
    return bool(np.allclose(line[0], line[-1]))


def _bulge(line) -> float:
    """How far below its ends the middle of a line is."""
    return line[len(line) // 2, 1] - line[[0, -1], 1].mean()


def _kind(lines) -> tuple:
    """What tells signs apart: how many lines, of which form."""
    forms = {(len(line), _closed(line), bool(_bulge(line) > 0)) for line in lines}
    return len(lines), frozenset(forms)


def test_signs_are_drawn_as_they_are():
    """Corners are joints of the strokes that they become, and round ones have enough of them."""
    for seed in range(24):
        for lines in (
            *doodle.eyes([[EYES[0]], [EYES[1]]], np.random.default_rng(seed)),
            doodle.nose([NOSE], np.random.default_rng(seed)),
            doodle.mouth([SMILE], bool(seed % 2), np.random.default_rng(seed)),
            doodle.glasses([RIMS], np.random.default_rng(seed)),
            doodle.hair([CROWN], np.random.default_rng(seed)),
            doodle.outline([JAW], np.random.default_rng(seed)),
        ):
            for sign in lines:
                (drawn,) = Strokes.of([through(_thinned(sign))]).polylines(8)
                assert cdist(sign, drawn).min(axis=1).max() < 8


def test_a_zigzag_has_its_corners_and_nothing_else():
    corners = np.array([(0, 0), (8, 9), (20, -9), (21, 30)], float)
    line = zigzag(corners)
    np.testing.assert_array_equal(line[::4], corners)
    turns = np.abs(np.diff(line, 2, axis=0)).max(axis=1) > 1e-9
    assert np.flatnonzero(turns).tolist() == [3, 7]


def test_eyes_are_two_of_a_kind_where_eyes_are():
    met = Counter()
    for left, right in _drawn(lambda rng: doodle.eyes([[EYES[0]], [EYES[1]]], rng)):
        (middle, size), (other, _) = _box(left[:1]), _box(right[:1])
        met[_kind(left[:1])] += 1
        np.testing.assert_allclose(other - middle, (130, 0), atol=13)  # dots differ in size
        away = np.abs(np.concatenate(left) - (190, 240))
        assert (away < 61).all() and 4 < size.max() < 121
        if len(left) == 1 or _closed(left[0]):
            assert abs(middle[0] - 190) < 9 and abs(middle[1] - 240) < 32
        for inside in left[1:]:  # pupils, rings of a dot, the other half of a cross, a lower lid
            assert (_box([inside])[1] <= _box(left[:1])[1].max() + 1e-6).all()
        if len(left[0]) == 2 and len(left) == 2:  # a cross
            np.testing.assert_allclose(left[0].mean(0), left[1].mean(0))
            assert np.diff(left[0], axis=0).prod() * np.diff(left[1], axis=0).prod() < 0
    assert len(met) == 7  # lines, crosses, arcs both ways, dots, rounds, spirals
    assert doodle.eyes([[], [EYES[1]]], np.random.default_rng(0))[0] == []


def test_brows_slant_both_ways_or_are_arches():
    met = Counter()
    for left, right in _drawn(lambda rng: doodle.brows([[EYES[0]], [EYES[1]]], rng)):
        assert len(left) == len(right) < 2
        met[len(left[0]) if left else 0] += 1
        for lines, x in ((left, 190), (right, 320)):
            for line in lines:
                assert abs(line[:, 0].mean() - x) < 1 and 70 < np.ptp(line[:, 0]) < 81
                assert (np.abs(line[:, 1] - 240) < 33).all()
                assert len(line) == 2 or _bulge(line) < -10
        if left and len(left[0]) == 2:
            slopes = [np.diff(line, axis=0)[0] for (line,) in (left, right)]
            np.testing.assert_allclose(slopes[0], slopes[1] * (1, -1))
    assert len(met) == 3 and min(met.values()) > 15
    assert doodle.brows([[], [EYES[1]]], np.random.default_rng(1))[0] == []


def test_noses_end_where_noses_end():
    met = Counter()
    for lines in _drawn(lambda rng: doodle.nose([NOSE], rng)):
        met[_kind(lines)] += 1
        if lines:
            points = np.concatenate(lines)
            assert (np.abs(points - (256, 300)) < (36, 60)).all()
            assert 340 < points[:, 1].max() < 360
            assert len(lines) == 1 or abs(points[:, 0].mean() - 256) < 9  # dots, triangles
        if len(lines) == 2:  # nostrils
            assert abs(np.diff([line[:, 0].mean() for line in lines])[0]) > 10
        if len(lines) == 3:  # a triangle
            corners = np.concatenate([np.roll(lines, 1, axis=0)[:, 1:], np.array(lines)[:, :1]], 1)
            np.testing.assert_allclose(corners[:, 0], corners[:, 1])
    assert len(met) >= 7 and doodle.nose([], np.random.default_rng(0)) == []


def test_mouths_smile_as_the_mouth_does():
    met, smiles = {True: Counter(), False: Counter()}, []
    for is_open in met:
        for lines, way in ((SMILE, 1), (FROWN, -1), (LIPS, 0)):
            for drawn in _drawn(lambda rng, w=lines, o=is_open: doodle.mouth([w], o, rng), 60):
                points, (middle, _) = np.concatenate(drawn), _box([lines])
                met[is_open][len(drawn), len(drawn[0]), _closed(drawn[0])] += 1
                assert (np.abs(points - middle) < (61, 60)).all()
                assert np.ptp(points[:, 0]) > 40 and abs(_box(drawn)[0][0] - middle[0]) < 1
                if len(drawn[0]) == 5 and way:
                    smiles.append(_bulge(drawn[0]) * way)
                if len(drawn) == 2:  # a bowl: level above, hanging below
                    assert abs(np.diff(drawn[0][:, 1])[0]) < 1e-6 and _bulge(drawn[1]) > 15
                    np.testing.assert_allclose(drawn[0][[1, 0]], drawn[1][[0, -1]], atol=1e-6)
    assert all(len(some) == 4 for some in met.values())
    assert 8 < np.mean(smiles) < 25 and min(smiles) > -5
    curve = (1, 5, False)
    assert met[False][curve] > 90 > met[True][curve] > 20
    assert doodle.mouth([], True, np.random.default_rng(0)) == []


def test_glasses_are_two_lenses_and_a_bridge_between_them():
    met = Counter()
    for bridge, *rest in _drawn(lambda rng: doodle.glasses([RIMS], rng), 60):
        lenses = [line for line in rest if _closed(line)] or [
            line for line in rest if len(line) == 2
        ]
        points, sides = np.concatenate(lenses), []
        for side in (-1, 1):
            lens = points[(points[:, 0] - 256) * side > 0]
            lens = lens[np.abs(lens[:, 0] - 256) < 112]
            sides.append(_box([lens]))
            end = bridge[0 if side < 0 else -1]
            assert np.abs(lens[:, 0] - end[0]).min() < 1  # the bridge begins at its edge
        (left, size), (right, other) = sides
        np.testing.assert_allclose(left + right, (512, 480), atol=1e-6)
        np.testing.assert_allclose(size, other, atol=1e-6)
        assert (size > (80, 40)).all() and (size < (102, 75)).all()
        assert abs(bridge[:, 0].mean() - 256) < 1e-6 and (bridge[:, 1] <= 240).all()
        temples = [line for line in rest if len(line) == 2 and abs(line[1, 0] - 256) > 119]
        for hinge, end in temples:
            assert 0 < abs(end[0] - 256) - abs(hinge[0] - 256) < 30 and end[1] < hinge[1]
        met["round" if len(lenses[0]) > 2 else "square", len(temples)] += 1
    assert len(met) == 6
    assert doodle.glasses([], np.random.default_rng(0)) == []


def test_hair_is_along_the_outer_line_and_a_zigzag_changes_sides():
    met = Counter()
    for drawn in _drawn(lambda rng: doodle.hair([CROWN, CROWN[::-1], CROWN[:3]], rng)):
        form = len(drawn[0]) if drawn else 0
        met["none" if not form else {2: "strokes", 17: "curls"}.get(form, "zigzag")] += 1
        for line in drawn:
            radii = np.linalg.norm(line - (256, 290), axis=1)
            assert (np.abs(radii - 190) < 42).all()
            if form == 2:
                assert abs(radii[0] - 190) < 1 and 6 < abs(radii[1] - 190) < 36
            elif form > 17:
                assert (radii[::4][::2] < 190).all() and (radii[::4][1::2] > 190).all()
    assert len(met) == 4 and met["strokes"] > met["curls"] > 7 and met["none"] > 7
    assert doodle.hair([CROWN[:3]], np.random.default_rng(0)) == []


def test_a_face_is_an_oval_or_a_u_as_wide():
    met = Counter()
    for (line,) in _drawn(lambda rng: doodle.outline([JAW], rng), 60):
        middle, size = _box([line])
        met[_closed(line)] += 1
        assert abs(middle[0] - 256) < 1 and abs(size[0] - 260) < 1
        assert abs(line[:, 1].max() - 480) < 40 and (_closed(line) or _bulge(line) > 200)
    assert 0.5 < met[True] / 60 < 0.8
    few = [circle((256, 290), (30, 30))]
    assert doodle.outline(few, np.random.default_rng(0)) == few
    assert doodle.outline([], np.random.default_rng(0)) == []
