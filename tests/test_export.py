"""Export: the ONNX file draws what torch draws."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from deepfacepencil.errors import InputError
from deepfacepencil.export import AGREEMENT, export, packed, to_onnx
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.generator import dual_generators
from deepfacepencil.runtime.engine import (
    ATTENTION,
    PHOTO,
    RESOLUTION,
    SKETCH,
    TOLERANCE,
    TOLERANCE_SIZE,
    Engine,
)
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.pen import draw
from deepfacepencil.training.checkpoint import save_weights

EXAMPLE = Path(__file__).parents[1] / "examples" / "07-curly-hair.svg"
FACTS = {"recipe": "test", "width": 8, "cap": 16}


def test_onnx_equals_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = dual_generators(width=8, cap=16)[1].eval()
    sketch = torch.from_numpy(draw(svg.load(EXAMPLE), RESOLUTION) / np.float32(255))[None, None]
    with torch.no_grad():
        expected, _, _, attention = generator(Condition(sketch))
    assert attention is not None
    model = to_onnx(generator, sketch, torch.zeros(1, 1, TOLERANCE_SIZE, TOLERANCE_SIZE))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    nothing_wished = np.zeros((1, 1, TOLERANCE_SIZE, TOLERANCE_SIZE), np.float32)
    inputs = {SKETCH: sketch.numpy(), TOLERANCE: nothing_wished}
    photo, chosen = session.run([PHOTO, ATTENTION], inputs)
    assert np.abs(photo - expected.numpy()).max() <= AGREEMENT
    np.testing.assert_allclose(chosen, attention.numpy(), atol=5e-3)


@pytest.mark.parametrize("in_8_bits", [False, True])
def test_the_file_draws_nearly_what_torch_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_8_bits: bool
) -> None:
    rounding = 16 / 255 if in_8_bits else 0.0  # this network is untrained, and small: it feels more
    monkeypatch.setattr("deepfacepencil.export.ROUNDING", rounding)
    torch.manual_seed(0)
    generator = dual_generators(width=8, cap=16)[1].eval()
    save_weights(generator.state_dict(), FACTS, tmp_path)
    model = tmp_path / "new" / "model.onnx"
    distance = export(tmp_path, model)
    assert 0 < distance <= (rounding if in_8_bits else AGREEMENT)
    kinds = [node.op_type for node in onnx.load(model).graph.node]
    assert ("DequantizeLinear" in kinds) == in_8_bits

    strokes = svg.load(EXAMPLE)
    drawn = Engine(model)(strokes)
    sketch = torch.from_numpy(draw(strokes, RESOLUTION) / np.float32(255))[None, None]
    with torch.no_grad():
        photo, _, _, attention = generator(Condition(sketch))
    assert attention is not None
    expected = ((photo[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    if in_8_bits:
        assert np.sqrt(np.square(drawn.photo - expected).mean()) <= 8
    else:
        assert np.abs(drawn.photo - expected).max() <= 2
    np.testing.assert_allclose(drawn.attention, attention[0].numpy(), atol=5e-3)


def test_export_without_weights_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"generator\.safetensors"):
        export(tmp_path, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_the_exported_model_takes_a_tolerance(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = dual_generators(width=8, cap=16)[1].eval()
    save_weights(generator.state_dict(), FACTS, tmp_path)
    export(tmp_path, tmp_path / "model.onnx")
    engine, strokes = Engine(tmp_path / "model.onnx"), svg.load(EXAMPLE)
    strict, own, loose = (engine(strokes, wish).attention for wish in (-1, 0, 1))
    assert strict[0].mean() > own[0].mean() > loose[0].mean()
    assert strict[-1].mean() < own[-1].mean() < loose[-1].mean()


def test_export_says_what_it_should_not_be_judged_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = dual_generators(width=8, cap=16)[1].state_dict()
    save_weights(weights, FACTS | {"finished": False, "resolution": 128}, tmp_path)
    export(tmp_path, tmp_path / "model.onnx")
    said = capsys.readouterr().out
    assert "is not finished" in said
    assert "128 px" in said
    save_weights(weights, FACTS | {"finished": True}, tmp_path)
    export(tmp_path, tmp_path / "model.onnx")
    assert "finished" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("facts", "output", "complaint"),
    [
        (FACTS | {"width": 4}, "model.onnx", r"generator\.safetensors does not fit this version"),
        ({"recipe": "test"}, "model.onnx", r"generator\.safetensors does not fit this version"),
        (FACTS, "", "is a folder; --output is the ONNX file"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts, output: str, complaint: str
) -> None:
    monkeypatch.setattr("deepfacepencil.export.to_onnx", None)
    save_weights(dual_generators(width=8, cap=16)[1].state_dict(), facts, tmp_path)
    with pytest.raises(InputError, match=complaint):
        export(tmp_path, tmp_path / output)
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_packed_convolution_is_the_same_on_squares(size: int) -> None:
    torch.manual_seed(0)
    kernel, x = torch.randn(3, 2, size, size), torch.randn(1, 2, 10, 8)
    expected = F.conv2d(x, kernel, padding=size // 2)
    weight = packed(kernel)
    squares = F.conv2d(F.pixel_unshuffle(x, 2), weight, padding=weight.shape[-1] // 2)
    torch.testing.assert_close(F.pixel_shuffle(squares, 2), expected, atol=1e-4, rtol=1e-4)


def test_a_file_that_draws_otherwise_than_torch_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the exporter or the runtime does to a network: here its last layer is another."""
    save_weights(dual_generators(8, 16)[1].state_dict(), FACTS, tmp_path)

    def altered(generator, sketch, tolerance):
        with torch.no_grad():
            generator.body.to_photo[0].bias += 0.2
        return to_onnx(generator, sketch, tolerance)

    monkeypatch.setattr("deepfacepencil.export.to_onnx", altered)
    with pytest.raises(InputError, match="differs from torch"):
        export(tmp_path, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
