"""Boundaries -> Beziers, beside the paper's AutoTrace (section 3.1)."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.ndimage import distance_transform_edt

from deepfacepencil.sketch.boundary import boundaries
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import CANVAS, UNKNOWN, Strokes
from deepfacepencil.sketch.trace import (
    fit,
    pixel_chains,
    trace,
    trace_autotrace,
    trace_labels,
)

REAL = sorted((Path(__file__).parents[3] / "shared/faces/val/labels").glob("*.png"))
MEANT = 0.97  # of the pixels


def _share_near(these, those, within=2):
    """The share of the pixels of one drawing within 2 pixels of the other."""
    return (distance_transform_edt(~those)[these] <= within).mean()


def _agreements(labels):
    """Recall and precision of the tracer against the boundaries, and of AutoTrace against it."""
    pytest.importorskip("autotrace")
    drawing = boundaries(labels)
    meant = drawing > 0
    ours, theirs = (
        draw(traced, len(labels)) > 127 for traced in (trace(drawing), trace_autotrace(drawing))
    )
    pairs = [(meant, ours), (ours, meant), (ours, theirs), (theirs, ours)]
    return [_share_near(*pair) for pair in pairs]


@pytest.mark.parametrize("size", [128, 256, 512])
@pytest.mark.parametrize("seed", range(4))
def test_strokes_are_the_boundaries_and_those_of_autotrace(face_labels, seed, size):
    assert min(_agreements(face_labels(seed, size))) > MEANT


@pytest.mark.skipif(not REAL, reason="no ../shared/faces")
def test_strokes_of_real_faces_are_the_boundaries_and_those_of_autotrace():
    shares = np.array([_agreements(np.asarray(Image.open(path))) for path in REAL[::4]])
    assert shares.min() > MEANT, shares.min(axis=0)


def test_strokes_are_the_boundaries_without_autotrace(face_labels):
    drawing = boundaries(face_labels(9))
    ours = draw(trace(drawing), 256) > 127
    assert min(_share_near(drawing > 0, ours), _share_near(ours, drawing > 0)) > 0.99


@pytest.mark.parametrize("size", [256, 512])
def test_strokes_know_which_classes_they_separate(face_labels, size):
    labels = face_labels(1, size)
    strokes = trace_labels(labels)
    right, length = [], []
    for line, pair in zip(strokes.polylines(), strokes.classes.tolist(), strict=True):
        along = np.diff(line, axis=0)
        step = np.linalg.norm(along, axis=1, keepdims=True)
        pixel_across = along[:, ::-1] * (1, -1) / np.maximum(step, 1e-6) * CANVAS / size
        places = (line[1:] + line[:-1]) / 2 + np.stack([pixel_across, -pixel_across])
        columns, rows = (places * size / CANVAS).astype(int).clip(0, size - 1).transpose(2, 0, 1)
        beside = Counter(map(tuple, np.sort(labels[rows, columns], axis=0).T.tolist()))
        beside = {(a, b): n for (a, b), n in beside.items() if a != b}
        right.append(bool(beside) and max(beside, key=lambda p: beside[p]) == tuple(pair))
        length.append(step.sum())
    assert np.average(right, weights=length) > MEANT  # the rest: parts thinner than two pixels


def test_strokes_lie_on_the_canvas_whatever_the_resolution(face_labels):
    drawings = [draw(trace_labels(face_labels(2, size)), 128) > 127 for size in (128, 256, 512)]
    for drawing in drawings:
        agreement = _share_near(drawing, drawings[-1]), _share_near(drawings[-1], drawing)
        assert min(agreement) > MEANT


@pytest.mark.parametrize("size", [64, 256, 512])
def test_borders_are_where_the_classes_change(size):
    labels = np.zeros((size, size), np.uint8)
    labels[:, size // 2 :] = 1  # from canvas x = 256 on
    (stroke,) = trace_labels(labels)
    np.testing.assert_allclose(stroke[:, 0], 256, atol=1e-3)
    assert stroke[:, 1].min() < 3 * CANVAS / size
    assert stroke[:, 1].max() > CANVAS - 3 * CANVAS / size


@given(st.integers(0, 2**32), st.sampled_from([48, 100, 256]))
def test_chains_are_joined_and_in_the_square(face_labels, seed, size):
    strokes = trace_labels(face_labels(seed, size))
    assert (np.diff(strokes.starts) % 3 == 1).all()
    for line in strokes.polylines(32):
        assert line.min() >= 0
        assert line.max() <= CANVAS
        assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 12 * max(1, 256 / size)


def test_a_ring_is_one_closed_stroke():
    rows, columns = np.mgrid[:128, :128]
    disc = ((rows - 60) ** 2 + (columns - 70) ** 2 < 40**2).astype(np.uint8)
    (stroke,) = trace_labels(disc)
    assert (stroke[0] == stroke[-1]).all()
    (line,) = Strokes.of([stroke]).polylines()
    radius = np.linalg.norm(line - np.array([70, 60]) * 4 - 2, axis=1)
    np.testing.assert_allclose(radius, 160, atol=4)  # 40 pixels of 4 canvas pixels
    assert len(stroke) < 40


def test_ends_at_a_junction_meet():
    labels = np.zeros((128, 128), np.uint8)
    labels[64:, :64], labels[64:, 64:] = 1, 2
    strokes = trace_labels(labels)
    assert sorted(map(tuple, strokes.classes.tolist())) == [(0, 1), (0, 2), (1, 2)]
    ends = [chain[[0, -1]] for chain in strokes]
    assert all(np.linalg.norm(e - (256, 256), axis=1).min() < 8 for e in ends)


def test_corners_stay_corners():
    labels = np.zeros((256, 256), np.uint8)
    labels[60:200, 50:210] = 1
    (line,) = trace_labels(labels).polylines()
    for corner in [(100, 120), (420, 120), (100, 400), (420, 400)]:
        assert np.linalg.norm(line - corner, axis=1).min() < 5


@pytest.mark.parametrize("length", [2, 3, 5, 50])
def test_a_straight_line_is_one_curve_with_its_handles_at_thirds(length):
    drawing = np.zeros((64, 64), bool)
    drawing[10, 5 : 5 + length] = True
    (chain,) = trace(drawing)
    ends = np.array([(5.5, 10.5), (4.5 + length, 10.5)]) * CANVAS / 64
    np.testing.assert_allclose(chain, np.linspace(*ends, 4), atol=0.5)


def test_drawings_of_nobody_knows_what_have_unknown_classes():
    drawing = np.zeros((64, 64), bool)
    drawing[10, 5:60] = True
    strokes = trace(drawing)
    assert strokes.classes.tolist() == [[UNKNOWN, UNKNOWN]]
    assert len(trace(np.zeros((64, 64), bool))) == 0


@given(st.integers(1, 24).flatmap(lambda n: arrays(bool, (n, n))))
def test_any_drawing_can_be_traced(drawing):
    strokes = trace(drawing)
    assert np.isfinite(strokes.points).all()
    assert (np.diff(strokes.starts) % 3 == 1).all()
    assert (np.diff(strokes.starts) >= 4).all()
    for chain in strokes:  # no handle is too short to give a curve its direction
        chords = np.linalg.norm(chain[3::3] - chain[:-1:3], axis=1)
        for handles in (chain[1::3] - chain[:-1:3], chain[2::3] - chain[3::3]):
            assert (np.linalg.norm(handles, axis=1) > 0.049 * chords - 1e-3).all()


@pytest.mark.parametrize("turns", range(4))
def test_a_spur_of_one_pixel_is_kept(turns):
    line = np.zeros((20, 20), bool)
    line[10, 3:17] = line[9, 8] = True
    line = np.rot90(line, turns)
    kept = np.zeros_like(line)
    for chain in pixel_chains(line):
        kept[tuple(chain.T)] = True
    np.testing.assert_array_equal(kept, line)


@pytest.mark.parametrize("tolerance", [0.01, 1.0])
def test_a_straight_line_is_one_curve_however_exact(tolerance):
    (chain,) = fit([np.linspace((10, 10), (90, 30), 60)], tolerance)
    assert len(chain) == 4
