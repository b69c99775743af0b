"""The model of the site: smaller, and with photos of half the size."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime import InferenceSession

from deepfacepencil.errors import InputError
from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.runtime.engine import (
    APPEARANCE,
    BUNDLED,
    CODE,
    PHOTO,
    SIZE,
    SKETCH,
    TOLERANCE,
    TOLERANCE_SIZE,
    Engine,
    code_of,
)
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.studio.opening import EXAMPLES
from deepfacepencil.web import eight_bits
from deepfacepencil.web.half_size import HALF, with_half_size

DRAWINGS = [svg.load(path) for path in sorted(EXAMPLES.glob("*.svg"))[:2]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    assert eight_bits.for_the_web(BUNDLED, path, DRAWINGS) < 2
    return path


def test_it_is_small_sound_and_sure_of_the_same_faces(small: Path) -> None:
    assert small.stat().st_size <= 25_000_000
    onnx.checker.check_model(onnx.load(small))
    for strokes in (*DRAWINGS, Strokes.of([])):
        whole, less = (Engine(path)(strokes, seed=5) for path in (BUNDLED, small))
        assert abs(whole.face - less.face) < 0.05
        assert np.abs(whole.attention - less.attention).max() < 0.1


def test_half_a_photo_is_nearly_the_whole_one_made_smaller(small: Path) -> None:
    session = InferenceSession(small.read_bytes())  # the engine asks for no photo of this size
    photos = {}
    for size in (HALF, 2 * HALF):
        inputs = _inputs(DRAWINGS[0]) | {SIZE: np.array(size)}
        (photos[size],) = session.run([PHOTO], inputs)
    whole = photos[2 * HALF].reshape(3, HALF, 2, HALF, 2).mean(axis=(2, 4))
    assert photos[HALF].shape == (1, 3, HALF, HALF)
    assert np.sqrt(np.square(photos[HALF][0] - whole).mean()) * 127.5 < 12


def _inputs(strokes: Strokes) -> dict[str, np.ndarray]:
    return {
        SKETCH: draw(strokes, 128)[None, None].astype(np.float32) / 255,
        TOLERANCE: np.zeros((1, 1, TOLERANCE_SIZE, TOLERANCE_SIZE), np.float32),
        APPEARANCE: Appearance(hair=(90, 50, 20)).condition()[None],
        CODE: code_of(3)[None],
    }


def test_what_harms_the_photos_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bits, "FARTHEST", 0.01)
    with pytest.raises(InputError, match="grey levels"):
        eight_bits.for_the_web(BUNDLED, tmp_path / "small.onnx", DRAWINGS[:1])


def test_a_model_of_another_make_is_refused() -> None:
    model = onnx.load(BUNDLED)
    del model.graph.node[-1]
    with pytest.raises(InputError, match="not made like ours"):
        with_half_size(model)
