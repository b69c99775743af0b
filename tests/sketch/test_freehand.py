"""The habits of untrained hands: seeded, on the paper, a drawing still (docs/paper.md, F1)."""

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfacepencil.sketch.doodle import circle
from deepfacepencil.sketch.freehand import (
    _add_what_is_inside,
    _brows,
    _ears,
    _eyes,
    _glasses,
    _habits_of_line,
    _hair,
    _kept,
    _misplaced,
    _mouth,
    _nose,
    _warped,
    eyes_behind_glasses,
    freehand,
)
from deepfacepencil.sketch.labels import CLASSES, PARTS
from deepfacepencil.sketch.parts import parts_of
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.sketch.trace import trace_labels


def _is_a_drawing(strokes):
    return (
        len(strokes) > 0
        and np.isfinite(strokes.points).all()
        and (np.diff(strokes.starts) % 3 == 1).all()
        and (np.diff(strokes.starts) >= 4).all()
        and draw(strokes, 128).any()
    )


@given(st.integers(0, 2**32), st.sets(st.sampled_from(PARTS)), st.sampled_from([64, 256]))
def test_every_face_can_be_redrawn(face_labels, seed, without, size):
    labels = face_labels(seed, size, without)
    if labels.any():
        assert _is_a_drawing(freehand(trace_labels(labels), np.random.default_rng(seed)))


@pytest.mark.parametrize("part", PARTS)
def test_faces_of_one_part(face_labels, part):
    strokes = trace_labels(face_labels(0, without=set(PARTS) - {part}))
    assert all(_is_a_drawing(freehand(strokes, np.random.default_rng(s))) for s in range(20))


def test_seeds_decide(face_labels):
    strokes = trace_labels(face_labels(0))
    one, again, other = (freehand(strokes, np.random.default_rng(s)) for s in (5, 5, 6))
    assert (one.points == again.points).all()
    assert one.points.shape != other.points.shape or (one.points != other.points).any()


def test_hands_stay_near_the_face(face_labels):
    strokes = trace_labels(face_labels(0))
    for seed in range(20):
        redrawn = freehand(strokes, np.random.default_rng(seed)).points
        # On average over the drawing: single strands and jewels may be anywhere.
        assert np.linalg.norm(redrawn.mean(0) - strokes.points.mean(0)) < 80
        assert 0.6 < redrawn.std() / strokes.points.std() < 1.4


def test_nothing_stays_nothing():
    assert len(freehand(Strokes.of([]), np.random.default_rng(0))) == 0


def test_every_habit_is_met_in_some_drawing_and_none_in_all():
    """Pupils, lashes, creases, a lid alone: by what the lines of an eye are."""
    turn = np.linspace(0, 2 * np.pi, 41)
    eye = np.stack([200 + 40 * np.cos(turn), 240 + 16 * np.sin(turn)], axis=1)
    met = {"iris": 0, "pupil": 0, "lashes": 0, "crease": 0, "no lower lid": 0}
    drawings = 200
    for seed in range(drawings):
        lines, _ = _eyes([[(eye, (1, 4))], []], np.random.default_rng(seed))
        round_ones = [line for line in lines if _is_circle(line)]
        met["iris"] += any(4 <= np.ptp(line[:, 0]) / 2 < 30 for line in round_ones)
        met["pupil"] += len(round_ones) > 1
        met["lashes"] += any(len(line) == 2 for line in lines)
        met["crease"] += any(len(line) > 2 and line[:, 1].max() < 239 for line in lines)
        lids = [line for line in lines if len(line) > 2 and not _is_circle(line)]
        met["no lower lid"] += max(line[:, 1].max() for line in lids) < 250
    shares = {"iris": 0.6, "pupil": 0.3, "lashes": 0.3, "crease": 0.3, "no lower lid": 0.18}
    for habit, count in met.items():
        assert abs(count / drawings - shares[habit]) < 0.08, habit


def _is_circle(line):
    radii = np.linalg.norm(line - (line.min(0) + line.max(0)) / 2, axis=1)
    return len(line) > 4 and np.ptp(radii) < 0.1 * radii.mean() and np.allclose(line[0], line[-1])


def test_parts_are_left_out_as_often_as_people_leave_them_out(face_labels):
    strokes = trace_labels(face_labels(0))
    had, drawings = set(parts_of(strokes).tolist()), 80
    met = Counter()
    for seed in range(drawings):
        met.update(set(parts_of(freehand(strokes, np.random.default_rng(seed))).tolist()))
    shares = {"neck": 0.8, "clothes": 0.7, "jewels": 0.5, "ears": 0.8, "l_brow": 0.95}
    assert shares.keys() <= had
    for part in had:
        assert abs(met[part] / drawings - shares.get(part, 1)) < 0.12, part


def _oval(x, y, width, height):
    return circle((x, y), (width / 2, height / 2))


def test_what_is_drawn_of_an_eye_has_its_place_in_it():
    """Iris and pupil in the middle, lashes from the upper lid outwards, the crease above it."""
    both = [[(_oval(x, 240, 80, 32), (1, 4))] for x in (200, 350)]
    for seed in range(100):
        left, right = _eyes(both, np.random.default_rng(seed))
        assert len(left) == len(right)
        whole = [line for line in left if (line[0] == line[-1]).all()]
        iris, pupil, *_ = *(line for line in whole if _is_circle(line)), None, None
        for line in left:
            middle, (width, height) = (line.min(0) + line.max(0)) / 2, np.ptp(line, axis=0)
            if line is iris or line is pupil:
                assert (np.abs(middle - (200, 240)) < (28, 12)).all()
            elif len(line) == 2:  # a lash
                assert line[0, 1] <= 240.1 and 4.9 < np.linalg.norm(line[1] - line[0]) < 14.1
                assert line[1, 1] < line[0, 1] and (line[1] - line[0])[0] * (line[0, 0] - 200) >= 0
            else:
                assert abs(width - 80) < 0.1 and abs(middle[0] - 200) < 0.1
                is_lid, raised = height < 17, 224 - line[:, 1].min()
                assert (is_lid and abs(raised) < 0.1) or 31.9 < height < 48.1 or 7.9 < raised < 19.3
        if iris is not None:
            assert 11.1 < np.ptp(iris[:, 0]) / 2 < 17.7
        if pupil is not None:
            assert 0.19 < np.ptp(pupil[:, 0]) / np.ptp(iris[:, 0]) < 0.51
        (lines, _) = _eyes([[(_oval(200, 240, 80, 4), (1, 4))], []], np.random.default_rng(seed))
        height = np.ptp(lines[0][:, 1])
        assert height < 5 or 26 < height < 41  # an oval is open, even of an eye that is shut
    narrow = _oval(200, 240, 10, 4)
    (lines, _) = _eyes([[(narrow, (1, 4))], []], np.random.default_rng(0))
    assert lines == [narrow]


def test_brows_are_their_outline_or_one_line_or_hairs_or_none():
    met, outline = Counter(), _oval(200, 180, 70, 12)
    for seed in range(200):
        lines, none = _brows([[(outline, (1, 2))], []], np.random.default_rng(seed))
        assert none == []
        kind = "hairs" if len(lines) > 1 else "none" if not lines else "outline"
        if len(lines) == 1 and lines[0] is not outline:
            kind = "line"
            assert (np.diff(lines[0][:, 0]) > 0).all() and np.ptp(lines[0][:, 0]) > 45
            assert (np.abs(lines[0][:, 1] - 180) < 6).all()
        if kind == "hairs":
            roots, tips = np.stack(lines, axis=1)
            assert (np.abs(roots - (200, 180)) < (45, 15)).all()
            assert np.mean(tips[:, 1] - roots[:, 1]) < -5
        met[kind] += 1
        (upright,) = _brows(
            [[(_along((200, 150), (200, 190)), (1, 2))]], np.random.default_rng(seed)
        )
        assert all(len(line) > 1 for line in upright)
    for kind, share in {"outline": 0.45, "line": 0.4, "hairs": 0.1, "none": 0.05}.items():
        assert abs(met[kind] / 200 - share) < 0.1, kind


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_what_is_kept_of_a_line_are_its_runs(mask):
    line = np.stack([np.arange(len(mask)), np.zeros(len(mask))], axis=1)
    runs = [run[:, 0].astype(int).tolist() for run in _kept(line, np.array(mask))]
    kept = [k for run in runs for k in run]
    assert kept == sorted(set(kept)) and all(np.diff(run).max() == 1 for run in runs)
    assert not any(a[-1] + 1 == b[0] for a, b in pairwise(runs))
    padded = [False, *mask, False]
    assert kept == [k for k, one in enumerate(mask) if one and (padded[k] or padded[k + 2])]


def test_ears_have_their_shell_inside_or_not_and_may_be_left_out():
    ear, met = _oval(110, 270, 30, 80), Counter()
    for seed in range(200):
        lines = _ears([(ear, (1, 8))], np.random.default_rng(seed))
        met[len(lines)] += 1
        assert not lines or lines[0] is ear
        for shell in lines[1:]:
            np.testing.assert_allclose(shell.mean(0), ear.mean(0))
            assert 10 < np.ptp(shell[:, 0]) < 20 and 30 < np.ptp(shell[:, 1]) < 60
    for count, share in {0: 0.2, 1: 0.52, 2: 0.28}.items():
        assert abs(met[count] / 200 - share) < 0.1, count


def test_what_is_inside_is_as_it_is_or_hatched_or_left_out():
    """Of hair, what is inside may stand for the outline, if there is enough of it."""
    curl, met = circle((250, 150), (20, 12), 0, 200), Counter()
    parts = ("hair", "face", "clothes", "l_eye", "r_eye")
    for seed, many in product(range(200), (True, False)):
        drawn = {part: [curl] for part in parts}
        within = {part: [curl] * (30 if many else 3) for part in parts}
        _add_what_is_inside(drawn, within, np.random.default_rng(seed))
        if not many:
            assert drawn["hair"]
            continue
        assert bool(within["l_eye"]) == bool(within["r_eye"])
        assert drawn["hair"] or within["hair"]
        met["eyes"] += bool(within["l_eye"])
        met["no outline"] += not drawn["hair"]
        met["nothing inside"] += not within["hair"]
        for part in ("hair", "face", "clothes"):
            for line in within[part][:1]:
                hatched = line is not curl
                met[part] += hatched
                if hatched:
                    assert len(line) == 2 and 5 < np.linalg.norm(line[1] - line[0]) < 41
                    np.testing.assert_allclose(line.mean(0), curl[len(curl) // 2])
                    assert (line[1] - line[0])[1] > 0
    shares = {"eyes": 0.5, "no outline": 0.15, "nothing inside": 0.25}
    shares |= {"hair": 0.15, "face": 0.12, "clothes": 0.12}
    for kind, share in shares.items():
        assert abs(met[kind] / 200 - share) < 0.1, kind


def _along(*corners):
    pairs = pairwise(np.array(corners, float))
    return np.concatenate([np.linspace(a, b, 30, endpoint=False) for a, b in pairs])


def test_a_nose_is_its_outline_or_its_underside_with_a_flank_or_nostrils():
    outline, met = _along((190, 200), (180, 300), (220, 300), (210, 200)), Counter()
    for seed in range(200):
        lines = _nose([(outline, (1, 10))], np.random.default_rng(seed))
        nostrils = [line for line in lines if (line[0] == line[-1]).all()]
        for nostril, x in zip(nostrils, (192, 208), strict=False):
            assert np.linalg.norm((nostril.min(0) + nostril.max(0)) / 2 - (x, 292)) < 1
            np.testing.assert_allclose(np.ptp(nostril, axis=0), (10.4, 6.2), atol=0.1)
        assert len(nostrils) in (0, 2)
        strokes = lines[: len(lines) - len(nostrils)]
        kind = "outline" if strokes and strokes[0] is outline else "nostrils"
        if strokes and strokes[0] is not outline:
            points = np.concatenate(strokes)
            assert np.ptp(points[:, 0]) > 38 and points[:, 1].max() > 299  # the underside
            above = points[points[:, 1] < 249, 0]
            assert (above < 200).all() or (above > 200).all()
            kind = "flank" if len(above) else "underside"
        met[kind] += 1
    for kind, share in {"outline": 0.4, "underside": 0.3, "flank": 0.2, "nostrils": 0.1}.items():
        assert abs(met[kind] / 200 - share) < 0.1, kind


def test_a_mouth_is_its_lips_or_a_line_or_the_contour_or_a_line_with_a_hint_of_the_lower_lip():
    between, around = _along((160, 330), (240, 330)), _oval(200, 330, 80, 30)
    mouth, met = [(between, (11, 12)), (around, (1, 12))], Counter()
    for seed in range(200):
        lines = _mouth(mouth, np.random.default_rng(seed))
        kind = "lips" if any(line is around for line in lines) else "line"
        if kind == "lips" and len(lines) == 1:
            kind = "contour"
        elif kind == "line" and len(lines) > 1:
            kind, hint = "hint", np.concatenate(lines[1:])
            assert (hint[:, 1] > 330).all() and (np.abs(hint[:, 0] - 200) < 26).all()
        assert (lines[0] is between) == (kind != "contour")
        met[kind] += 1
    for kind, share in {"lips": 0.45, "line": 0.25, "contour": 0.1, "hint": 0.2}.items():
        assert abs(met[kind] / 200 - share) < 0.1, kind
    assert _mouth(mouth[1:], np.random.default_rng(1))[0] is around


def test_glasses_are_as_labels_have_them_or_as_a_doodle_has():
    rims = [(_oval(x, 240, 90, 70), (1, 6)) for x in (200, 312)]
    drawn = [_glasses(rims, np.random.default_rng(seed)) for seed in range(100)]
    as_they_are = sum(lines[0] is rims[0][0] and lines[1] is rims[1][0] for lines in drawn)
    assert abs(as_they_are - 55) < 15


def test_hair_has_strands_below_its_outline_or_spikes_through_it():
    """Strands are pieces of the outline, nearer to the middle of the head."""
    middle, hairline = np.array([256, 0.58 * 512]), _along((180, 250), (330, 250))
    outline, met = circle(middle, (200, 200), 180, 360), Counter()
    for seed in range(200):
        lines = _hair([(outline, (0, 13)), (hairline, (1, 13))], np.random.default_rng(seed))
        new = [line for line in lines if line is not outline and line is not hairline]
        assert not new or 4 <= len(new) < 40
        for line in new:
            radii = np.linalg.norm(line - middle, axis=1)
            if len(line) == 2:
                assert 200 < radii[0] < 220 and 130 < radii[1] < 197
            else:
                assert np.ptp(radii) < 1e-6 and 147 < radii[0] < 198.1
                assert 3 <= len(line) <= 0.6 * len(outline)
        spiky = any(len(line) == 2 for line in new)
        bare = not any(line is outline for line in lines)
        met["spikes" if spiky else "strands" if new else "outline", bare] += 1
    shares = {("outline", 0): 0.35, ("strands", 0): 0.4, ("strands", 1): 0.1}
    shares |= {("spikes", 0): 0.06, ("spikes", 1): 0.09}
    for kind, share in shares.items():
        assert abs(met[kind] / 200 - share) < 0.1, kind


def test_how_far_parts_and_drawings_are_out_of_place():
    """By standard deviations of place, size and angle; nothing, where a hand is not clumsy."""
    line = _oval(256, 256, 200, 100)
    for move, expected in (
        (lambda rng, c: _misplaced([line], rng, c, 0.0)[0], (7, 0.12, 0.08)),
        (lambda rng, c: _warped(line, rng, c), (6.5, 0.04, 0.045)),
    ):
        np.testing.assert_allclose(move(np.random.default_rng(0), 0.0), line, atol=1e-9)
        found = []
        for seed in range(300):
            moved = move(np.random.default_rng(seed), 1.0)
            matrix = np.linalg.lstsq(line - line.mean(0), moved - moved.mean(0), rcond=None)[0]
            angle = np.arctan2(matrix[0, 1], matrix[0, 0])
            size = np.log(np.linalg.det(matrix)) / 2
            found.append([*(moved.mean(0) - line.mean(0)), size, angle])
        place, size, angle = expected
        np.testing.assert_allclose(np.std(found, axis=0), (place, place, size, angle), rtol=0.25)
        assert (np.abs(np.mean(found, axis=0)) < 0.2 * np.array((place, place, size, angle))).all()
    larger = [_misplaced([line], np.random.default_rng(s), 1.0, 0.3)[0] for s in range(100)]
    assert 0.25 < np.mean([np.log(np.ptp(one[:, 0]) / 200) for one in larger]) < 0.35


def test_lines_are_left_open_gone_over_twice_or_made_of_short_strokes():
    line, met, drawings = _along((0, 0), (300, 0)), Counter(), 300
    for clumsiness in (0.0, 1.0):
        for seed in range(drawings):
            pieces = list(_habits_of_line([line], np.random.default_rng(seed), clumsiness))
            points = np.concatenate(pieces)
            assert (np.abs(points[:, 1]) < 30).all()
            assert all(len(piece) > 1 for piece in pieces)
            places = np.sort([0, *points[:, 0], 300])
            gap = np.diff(places).max() / 300
            assert gap < 0.4
            met["open", clumsiness] += gap > 0.06
            met["twice", clumsiness] += any(len(a) == len(b) for a, b in pairwise(pieces[:2]))
            met["short", clumsiness] += len(pieces) > 2
    assert met["open", 0.0] < 0.02 * drawings
    assert 0.15 < met["open", 1.0] / drawings < 0.35
    for clumsiness in (0.0, 1.0):
        assert 0.07 < met["short", clumsiness] / drawings < 0.2
        assert 0.05 < met["twice", clumsiness] / drawings < 0.25


def test_eyes_are_drawn_behind_glasses_where_labels_have_none():
    """One in each lens; nothing where there are eyes already, or no glasses."""
    labels = np.zeros((512, 512), np.uint8)
    labels[100:400, 120:400] = CLASSES.index("skin")
    plain = trace_labels(labels)
    labels[200:250, 140:240] = labels[200:250, 280:380] = CLASSES.index("eye_g")
    worn = trace_labels(labels)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert eyes_behind_glasses(plain, rng) is plain
        drawn = eyes_behind_glasses(worn, rng)
        for eye, left, right in (("l_eye", 140, 240), ("r_eye", 280, 380)):
            chosen = drawn.select((drawn.classes == CLASSES.index(eye)).any(1))
            assert len(chosen) == 4  # two lids, iris, pupil
            assert (left < chosen.points[:, 0]).all() and (chosen.points[:, 0] < right).all()
            assert (chosen.points[:, 1] > 200).all() and (chosen.points[:, 1] < 250).all()
            width, height = np.ptp(np.concatenate(list(chosen)[:2]), axis=0)
            assert 1.5 < width / height < 4  # as eyes are
        assert eyes_behind_glasses(drawn, rng) is drawn
