"""Trained weights -> a model that draws: G_m with SAP as ONNX, compared with torch.

The residual blocks, which hold four fifths of the weights, compute in 8 bits; everything else has
its weights in half precision and computes in single precision. Besides the photo the model gives
SAP's attention, so that people can see how far their strokes were relaxed, and it takes a wish for
how far they should be.
"""

import json
import logging
import tempfile
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from torch import Tensor, nn

from .digests import seal
from .errors import InputError
from .files import atomic_path
from .models.blocks import InstanceNorm
from .models.condition import Condition
from .models.generator import MainGenerator
from .runtime.engine import (
    ATTENTION,
    METADATA_KEY,
    PHOTO,
    RESOLUTION,
    SKETCH,
    TOLERANCE,
    TOLERANCE_SIZE,
)
from .sketch.pen import draw
from .sketch.place import average_face
from .sketch.strokes import Strokes
from .training.checkpoint import load_generator, refuse_enhancer

# On the scale [-1, 1] of photos. Half-precision weights move no colour by more than two of its 256
# grey levels, or something is wrong. 8 bits may move them by two on average (root mean square).
AGREEMENT = ROUNDING = 4 / 255


class _Drawn(nn.Module):
    """G_m as the engine calls it: one sketch and a tolerance in, photo and attention out."""

    def __init__(self, generator: MainGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, sketch: Tensor, tolerance: Tensor) -> tuple[Tensor, Tensor]:
        generated = self.generator(Condition(sketch, tolerance))
        assert generated.attention is not None
        return generated.photo, generated.attention


def export(run: Path, output: Path) -> float:
    """Write the generator of a training as ONNX; returns how far it is from torch.

    That distance is the root mean square over the photo of a drawn face, on its scale [-1, 1].
    A network that 8 bits would move by more than ROUNDING is written without them. Raises
    InputError if the run has no weights or those of another model or of an enhancer, or if the file
    would not agree with torch.
    """
    refuse_enhancer(run, "exported")
    generator, facts = load_generator(run)
    if facts["model"] != "ours":
        raise InputError(f"{run} holds {facts['model']}; only our model, with SAP, can be exported")
    assert isinstance(generator, MainGenerator)
    if output.is_dir():
        raise InputError(f"{output} is a folder; --output is the ONNX file to write")
    output.parent.mkdir(parents=True, exist_ok=True)
    if not facts.get("finished", True):
        print(f"{run} is not finished: this is what it draws so far")
    if facts["resolution"] != RESOLUTION:
        print(f"{run} was trained at {facts['resolution']} px and is to draw at {RESOLUTION}")
    sketch = torch.from_numpy(draw(example_face(), RESOLUTION) / np.float32(255))[None, None]
    own = torch.zeros(1, 1, TOLERANCE_SIZE, TOLERANCE_SIZE)
    wished = torch.linspace(-1, 1, own.numel()).view_as(own)
    inputs = [{SKETCH: sketch.numpy(), TOLERANCE: wish.numpy()} for wish in (own, wished)]
    with torch.no_grad():
        torchs = [generator(Condition(sketch, wish)).photo.numpy() for wish in (own, wished)]

    def differences(model: onnx.ModelProto) -> NDArray[np.float32]:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return np.stack([session.run([PHOTO], i)[0] for i in inputs]) - np.stack(torchs)

    exact = to_onnx(generator, sketch, own)
    model = half_precision_storage(_eight_bits(exact, inputs))
    distance = _root_mean_square(differences(model))
    if not distance <= ROUNDING:  # nor if it is no number
        model = half_precision_storage(exact)
        moved = differences(model)
        distance, farthest = _root_mean_square(moved), np.abs(moved).max()
        if not farthest <= AGREEMENT:
            raise InputError(f"{run}: the exported model differs from torch by {farthest:.4f}")
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(facts)
    onnx.checker.check_model(model)
    with atomic_path(output) as temporary:
        onnx.save(model, temporary)
        seal(temporary, "onnx")
    return distance


def _root_mean_square(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(values).mean()))


def to_onnx(generator: MainGenerator, sketch: Tensor, tolerance: Tensor) -> onnx.ModelProto:
    """The single-precision graph, with operators that onnxruntime knows and is fast at.

    Its inputs have the shapes of `sketch` (1, 1, H, W) and `tolerance` (1, 1, h, w). The generator
    is not to be used afterwards.
    """
    use_named_norms(generator)
    body: Any = generator.body  # torch does not type what a Sequential holds
    *ups, (before_last, _, _), (last, _, _) = body.decoder
    body.decoder = nn.Sequential(*ups, _Doubling(before_last.weight), nn.PixelShuffle(2))
    body.to_photo = _PackedEnd(_Doubling(last.weight), body.to_photo[0])
    # The exporter talks about its own internals, and of a torchvision that nothing here needs.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        program = torch.onnx.export(
            _Drawn(generator).eval(),
            (sketch, tolerance),
            input_names=[SKETCH, TOLERANCE],
            output_names=[PHOTO, ATTENTION],
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


# The decoder doubles the resolution with transposed convolutions. onnxruntime computes them at a
# third of the speed of plain ones, which tells where they are large. What follows gives the same
# numbers with plain ones, in 2 x 2 squares: the four pixels of a square lie in four channels,
# c * 4 + 2 * row + column.


class _Doubling(nn.Module):
    """ResizeConvolution, instance norm and ReLU: (B, in, H, W) -> squares (B, 4 out, H, W).

    After a nearest-neighbour resize, a 3 x 3 kernel meets only 2 x 2 different values. Which ones,
    and which of its weights fall together, is the same for all pixels at one place of a square.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        kernel = weight.flip(2, 3).transpose(0, 1)  # (out, in, 3, 3), as convolutions have it
        rows = _summed_pairs(kernel, dim=2)
        self.kernels = [both for row in rows for both in _summed_pairs(row, dim=3)]

    def forward(self, x: Tensor) -> Tensor:
        squares = []
        for kernel, (row, column) in zip(self.kernels, product(range(2), repeat=2), strict=True):
            border = (1 - column, column, 1 - row, row)  # left, right, top, bottom
            squares.append(nn.functional.conv2d(nn.functional.pad(x, border), kernel))
        channels = torch.stack(squares, dim=2).flatten(2, 3)  # normalised as `out`, not as 4 out
        normal = nn.functional.instance_norm(channels).relu()
        return normal.unflatten(2, (4, -1)).flatten(1, 2)  # (B, 4 out, H, W)


def _summed_pairs(kernel: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The two weights along `dim` for the first and for the second pixel of a square."""
    first, middle, last = kernel.split(1, dim)
    return torch.cat([first, middle + last], dim), torch.cat([first + middle, last], dim)


class _PackedEnd(nn.Module):
    """The last doubling and the photo's convolution, computed at half the photo's size.

    onnxruntime pads the photo's 3 channels to 16; here they are 12.
    """

    def __init__(self, doubling: _Doubling, photo: nn.Conv2d) -> None:
        super().__init__()
        assert photo.bias is not None
        self.doubling = doubling
        self.photo, self.photo_bias = packed(photo.weight), photo.bias.repeat_interleave(4)

    def forward(self, x: Tensor) -> Tensor:
        squares = self.doubling(x)
        reach = self.photo.shape[-1] // 2
        photo = nn.functional.conv2d(squares, self.photo, self.photo_bias, padding=reach)
        return nn.functional.pixel_shuffle(photo.tanh(), 2)  # (B, 3, H, W)


def packed(kernel: Tensor) -> Tensor:
    """The kernel that does on squares what `kernel` (out, in, k, k) does on pixels.

    Returns (4 out, 4 in, K, K) with K = (k // 2 + 1) // 2 * 2 + 1.
    """
    out_channels, in_channels, size, _ = kernel.shape
    reach = (size // 2 + 1) // 2  # squares to each side
    result = kernel.new_zeros(out_channels, 4, in_channels, 4, 2 * reach + 1, 2 * reach + 1)
    for row, column, i, j in product(range(2), range(2), range(size), range(size)):
        down, right = row + i - size // 2, column + j - size // 2  # of the square's first pixel
        place = reach + down // 2, reach + right // 2
        result[:, 2 * row + column, :, 2 * (down % 2) + right % 2, *place] = kernel[:, :, i, j]
    return result.flatten(0, 1).flatten(1, 2)


def use_named_norms(network: nn.Module) -> None:
    """Replace our instance norm by the operator that exporters know."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, _NamedInstanceNorm())


class _NamedInstanceNorm(nn.Module):
    """What blocks.InstanceNorm computes, as the operator that exporters know."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.instance_norm(x)


class _Calls(CalibrationDataReader):
    """What the quantizer looks at to learn how large values become. They are normalised in every
    block, so one drawing tells; but wishes for more or less tolerance make them larger."""

    def __init__(self, calls: list[dict[str, NDArray[np.float32]]]) -> None:
        self._left = iter(calls)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._left, None)


def _eight_bits(
    model: onnx.ModelProto, calls: list[dict[str, NDArray[np.float32]]]
) -> onnx.ModelProto:
    """The convolutions of the residual blocks in 8 bits: a fifth less time, two fifths less
    to load.

    A photo moves by about one grey level (root mean square). With the decoder in 8 bits as well it
    would move by 4: what is rounded there is not smoothed by anything behind it. Weights have 7
    bits, because the sums of 8 overflow on processors without VNNI.
    """
    residual = [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and ".residual." in node.input[1]
    ]
    with tempfile.TemporaryDirectory() as folder:
        exact, rounded = Path(folder) / "exact.onnx", Path(folder) / "rounded.onnx"
        onnx.save(model, exact)
        logging.disable(logging.WARNING)  # it recommends what the exporter has done already
        try:
            quantize_static(
                exact,
                rounded,
                _Calls(calls),
                nodes_to_quantize=residual,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(rounded)


def half_precision_storage(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights as float16, each cast back before use; onnxruntime folds the casts when it loads."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 1000:
            continue
        name = tensor.name
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for position, cast in enumerate(casts):
        graph.node.insert(position, cast)
    del graph.value_info[:]
    return model


def example_face() -> Strokes:
    """The drawing by which a model's file is compared with torch."""
    return average_face()
