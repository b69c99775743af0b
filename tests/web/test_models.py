"""The model of the site: smaller, and as sure of faces."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from deepfacepencil.errors import InputError
from deepfacepencil.runtime.engine import BUNDLED, Engine
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.studio.opening import EXAMPLES
from deepfacepencil.web import eight_bits

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


def test_what_harms_the_photos_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bits, "FARTHEST", 0.01)
    with pytest.raises(InputError, match="grey levels"):
        eight_bits.for_the_web(BUNDLED, tmp_path / "small.onnx", DRAWINGS[:1])
