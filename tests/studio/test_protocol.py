"""Messages: what is heard, what is refused and in which words, and what strokes become."""

import base64
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfacepencil.errors import InputError
from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.sketch.lines import MAX_POINTS, MAX_STROKES, points_of
from deepfacepencil.sketch.strokes import CANVAS, Strokes, through
from deepfacepencil.studio.hints import missing
from deepfacepencil.studio.protocol import (
    Known,
    answer,
    fitted,
    packed,
    read_frame,
    unpacked,
)

CELLS = 64


def frame(**changes: object) -> str:
    return json.dumps({"id": 1, "strokes": [[10, 20, 30.5, 40]], **changes})


def test_a_frame_is_strokes_and_a_wish() -> None:
    brush = np.zeros((CELLS, CELLS), np.int8)
    brush[3, 4] = -127
    painted = base64.b64encode(brush.tobytes()).decode()
    read = read_frame(frame(tolerance=0.5, brush=painted, veil=True), CELLS, {})
    assert (read.id, len(read.strokes), read.veil) == (1, 1, True)
    assert read.tolerance[0, 0] == 0.5
    assert read.tolerance[3, 4] == -0.5
    np.testing.assert_allclose(read.strokes.points[[0, -1]], [[10, 20], [30.5, 40]])


def test_a_frame_says_what_lines_cannot() -> None:
    said = {"skin": "#c08a6a", "age": 40, "hair": None}
    read = read_frame(frame(appearance=said, seed=2**32 - 1, size=512), CELLS, {})
    assert read.appearance == Appearance(skin=(192, 138, 106), age=40)
    assert (read.seed, read.size) == (2**32 - 1, 512)
    silent = read_frame(frame(), CELLS, {})
    assert (silent.appearance, silent.seed, silent.size) == (Appearance(), 0, 256)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "no JSON object"),
        ("{}", "id"),
        ('{"id": 1, "strokes": [[NaN, 1]]}', "finite"),
        ('{"id": 1, "strokes": [[1e999, 1]]}', "outside"),
        (f'{{"id": 1, "strokes": [[1{"0" * 400}, 1]]}}', "outside"),
        (f'{{"id": 1, "strokes": [[1{"0" * 5000}, 1]]}}', "no JSON"),
        (frame(id=-1), "id"),
        (frame(id=True), "id"),
        (frame(strokes=None), "list"),
        (frame(strokes=[1]), "list"),
        (frame(strokes=[[]]), "without points"),
        (frame(strokes=[[1, 2, 3]]), "half a point"),
        (frame(strokes=[["1", "2"]]), "no numbers"),
        (frame(strokes=[[True, 2]]), "no numbers"),
        (frame(strokes=[[[1, 2], [3, 4]]]), "no numbers"),
        (frame(strokes=[[9999, 2]]), "outside"),
        (frame(strokes=[[1, 1]] * 2001), "2001 strokes"),
        (frame(strokes=[[1, 1] * 100_000]), "100000 points"),
        (frame(strokes=[[0, 0, 512, 512] * 1000]), "pixels of strokes"),
        (frame(tolerance=2), "tolerance"),
        (frame(tolerance="1"), "tolerance"),
        (frame(veil=1), "veil"),
        (frame(instead=1), "instead"),
        (frame(brush=3), "brush"),
        (frame(brush="?"), "base64"),
        (frame(brush="AAAA"), "cells"),
        (frame(seed=-1), "seed"),
        (frame(seed=2**32), "seed"),
        (frame(seed=1.5), "seed"),
        (frame(size=300), "256, 512, 1024"),
        (frame(size=True), "size"),
        (frame(appearance=[]), "appearance"),
        (frame(appearance={"skin": "red"}), "#rrggbb"),
        (frame(appearance={"nose": 3}), "nose"),
        (frame(appearance={"age": 200}), "age"),
        (frame(path="/etc/passwd"), "path"),
        (" " * 2_000_000, "more than"),
    ],
)
def test_other_messages_are_refused_in_clear_words(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_frame(text, CELLS, {})


FAR = [-CANVAS, 2 * CANVAS]  # as far as a stroke may go


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ({"id": 0}, {"id": 2**53}),
        ({"id": 2**53 - 1}, {"id": -1}),
        ({"tolerance": 1}, {"tolerance": 1.001}),
        ({"tolerance": -1}, {"tolerance": -1.001}),
        ({"seed": 0}, {"seed": -1}),
        ({"size": 1024}, {"size": 1025}),
        ({"strokes": [FAR]}, {"strokes": [[-CANVAS - 0.1, 0]]}),
        ({"strokes": [FAR[::-1]]}, {"strokes": [[0, 2 * CANVAS + 0.1]]}),
        ({"strokes": [[1, 1]] * MAX_STROKES}, {"strokes": [[1, 1]] * (MAX_STROKES + 1)}),
        ({"strokes": [[1, 1] * MAX_POINTS]}, {"strokes": [[1, 1] * MAX_POINTS, [1, 1]]}),
        ({"strokes": [[0, 0, 0, 500] * 200]}, {"strokes": [[0, 0, 0, 500] * 201]}),
    ],
)
def test_bounds_are_where_they_are_said_to_be(
    most: dict[str, object], more: dict[str, object]
) -> None:
    read_frame(frame(**most), CELLS, {})
    with pytest.raises(InputError):
        read_frame(frame(**more), CELLS, {})


def test_a_frame_goes_to_another_process_and_back() -> None:
    brush = base64.b64encode(bytes(range(128)) * 32).decode()
    said = {"appearance": {"age": 40}, "tolerance": -0.25, "seed": 9, "size": 512, "veil": True}
    sent = read_frame(frame(brush=brush, **said), CELLS, {})
    head, parts = packed(sent)
    come = unpacked(json.loads(json.dumps(head)), parts)
    for name in ("id", "veil", "appearance", "seed", "size"):
        assert getattr(come, name) == getattr(sent, name)
    np.testing.assert_array_equal(come.tolerance, sent.tolerance)
    np.testing.assert_array_equal(come.strokes.points, sent.strokes.points)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-512, 1024), min_size=2, max_size=40).map(
            lambda v: v[: len(v) // 2 * 2]
        ),
        max_size=5,
    )
)
def test_whatever_may_be_drawn_becomes_finite_strokes(strokes: list[list[float]]) -> None:
    try:
        read = read_frame(frame(strokes=strokes), CELLS, {})
    except InputError as refused:
        assert "pixels of strokes" in str(refused)
        return
    assert len(read.strokes) == len(strokes)
    assert np.isfinite(read.strokes.points).all()


def test_fitting_keeps_the_ends_and_calms_the_hand() -> None:
    along = np.linspace(0, 300, 151)
    tremor = np.random.default_rng(0).normal(0, 1, 151)
    line = np.stack([100 + along, 200 + tremor], axis=1)
    (chain,) = fitted([line], {})
    np.testing.assert_allclose(chain[[0, -1]], line[[0, -1]], atol=1e-3)
    assert abs(chain[3:-3, 1] - 200).mean() < abs(tremor).mean() / 1.3
    assert 20 < (len(chain) - 1) // 3 < 60


@pytest.mark.parametrize("points", [[(50, 60)], [(49.5, 60), (50.5, 60.5), (50, 59.5)]])
def test_a_dot_is_drawn(points: list[tuple[float, float]]) -> None:
    (chain,) = fitted([np.array(points, float)], {})
    np.testing.assert_allclose(chain[[0, -1]], [[49, 60], [51, 60]])


@pytest.mark.parametrize("way", [(1, 0), (0, 1), (0.6, 0.8)])
def test_a_stroke_in_any_direction_has_a_joint_every_eight_pixels(way: tuple[float, float]) -> None:
    line = np.array([(0, 0), (0, 0), (37, 37), (200, 200)]) * way + 50
    (chain,) = fitted([line], {})  # the hand rested at the start
    np.testing.assert_allclose(chain[[0, -1]], line[[0, -1]], atol=1e-3)
    steps = np.hypot(*np.diff(chain[::3], axis=0).T)
    np.testing.assert_allclose(steps, 8, atol=2)  # to the next of the fine steps


def test_a_curve_stays_where_it_was_drawn() -> None:
    circle = ellipse(256, 256, 30, 30)
    (line,) = fitted([circle], {}).polylines()
    np.testing.assert_allclose(np.hypot(*(line - 256).T), 30, atol=1)


def test_points_for_the_page_are_the_joints_of_fine_strokes() -> None:
    line = np.array([[10, 10], [14, 12], [18, 15], [22, 15.5]])
    assert points_of(Strokes.of([through(line)])) == [line.ravel().tolist()]


def test_points_for_the_page_are_on_the_stroke_every_six_pixels() -> None:
    straight = through(np.array([[0, 0], [512, 512]]))
    bent = through(ellipse(256, 256, 100, 100)[::2])
    diagonal, ring = (np.array(p).reshape(-1, 2) for p in points_of(Strokes.of([straight, bent])))
    for points in (diagonal, ring):
        assert 4 < np.hypot(*np.diff(points, axis=0).T).max() < 6.2
    np.testing.assert_allclose(diagonal[:, 0], diagonal[:, 1])
    np.testing.assert_allclose(np.hypot(*(ring - 256).T), 100, atol=1)


def test_too_many_points_for_the_page_are_refused() -> None:
    wild = np.random.default_rng(0).uniform(0, 512, (MAX_POINTS, 2))
    with pytest.raises(InputError, match="more strokes"):
        points_of(Strokes.of([through(wild)]))


def test_huge_strokes_are_refused_before_they_are_sampled() -> None:
    huge = Strokes.of([through(np.random.default_rng(0).uniform(0, 1e8, (1000, 2)))])
    tracemalloc.start()
    with pytest.raises(InputError, match="more strokes"):
        points_of(huge)
    assert tracemalloc.get_traced_memory()[1] < 1e7
    tracemalloc.stop()


def test_an_answer_holds_head_photo_and_veil() -> None:
    photo, veil = np.full((4, 4, 3), 7, np.uint8), np.full((2, 2), 9, np.uint8)
    message = answer(read_frame(frame(), CELLS, {}), photo, veil, {"missing": []})
    length = int.from_bytes(message[:2], "little")
    assert json.loads(message[2 : 2 + length]) == {"id": 1, "size": 4, "veil": 2, "missing": []}
    assert message[2 + length :] == b"\x07" * 48 + b"\x09" * 4


def ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 40)
    return np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], axis=1)


def test_hints_name_what_is_not_drawn() -> None:
    face, mouth = ellipse(256, 281, 140, 195), ellipse(256, 381, 58, 20)
    eyes = [ellipse(193, 241, 24, 10), ellipse(319, 241, 24, 10)]
    nose = ellipse(256, 320, 30, 12)
    assert missing(fitted([], {})) == []
    assert missing(fitted([face], {})) == ["eyes", "mouth", "nose"]
    assert missing(fitted([face, mouth, nose, eyes[0]], {})) == ["right eye"]
    assert missing(fitted(eyes[:1], {})) == ["right eye", "mouth", "nose", "outline"]
    assert missing(fitted([mouth, nose, *eyes], {})) == ["outline"]
    assert missing(fitted([face, mouth, nose, *eyes], {})) == []


@pytest.mark.parametrize("turn", [-50, -25, 25, 50])
def test_hints_know_turned_heads(turn: float) -> None:
    face, mouth = ellipse(256, 281, 140, 195), ellipse(256 + turn, 381, 48, 20)
    nose = ellipse(256 + 1.2 * turn, 320, 26, 12)
    eyes = [ellipse(256 + turn + side * 50, 241, 20, 10) for side in (-1, 1)]
    assert missing(fitted([face, mouth, nose, *eyes], {})) == []
    assert missing(fitted([face, mouth, nose, eyes[0]], {})) == ["right eye"]
    assert missing(fitted([face, nose, *eyes], {})) == ["mouth"]


def test_strokes_of_the_last_frame_are_fitted_once() -> None:
    first, second = (np.array([[10.0, 10], [60, 30], [90, y]]) for y in (60.0, 80))
    known: Known = {}
    fitted([first], known)
    (chain,) = known.values()
    both = fitted([first, second], known)
    assert any(value is chain for value in known.values())
    np.testing.assert_array_equal(both.points, fitted([first, second], {}).points)
    fitted([second], known)
    assert len(known) == 1


@given(st.floats(-1, 1), st.integers(-128, 127))
def test_what_the_engine_is_asked_for_is_within_its_range(wish: float, painted: int) -> None:
    brush = base64.b64encode(np.full((CELLS, CELLS), painted, np.int8).tobytes()).decode()
    tolerance = read_frame(frame(tolerance=wish, brush=brush), CELLS, {}).tolerance
    assert np.abs(tolerance).max() <= 1
    np.testing.assert_allclose(tolerance, np.clip(wish + max(painted / 127, -1), -1, 1), atol=1e-6)


def test_points_for_the_page_are_where_a_frame_may_have_them() -> None:
    far = through(np.array([(-2000.0, 100), (256, 256), (3000, 900)]))
    points = points_of(Strokes.of([far]))
    sent = np.array(points[0]).reshape(-1, 2)
    assert sent.min() == -CANVAS and sent.max() == 2 * CANVAS
    read_frame(frame(strokes=points), CELLS, {})  # and it may come back
