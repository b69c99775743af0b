"""A model for slow lines: its weights in eight bits, which the browser makes whole again.

Only storage changes: every large tensor becomes whole numbers in blocks, each with a scale, and the
graph multiplies them before use; onnxruntime folds that when it loads. What eight bits harm most
stays in sixteen, as far as there is room.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from ..digests import KEY, seal
from ..errors import InputError
from ..runtime.engine import Engine
from ..sketch.strokes import Strokes

_LEAST = 1_000  # values of a tensor that is worth it
_BLOCK = 64  # values that share a scale
_KINDS = (TensorProto.FLOAT16, TensorProto.FLOAT)
# Who a drawing is: errors here move the whole photo, by three times what any other layer's do.
_WHO = ("body.space.", "encoder.gather.", "encoder.hidden.", "encoder.mean.")
MOST_BYTES = 25_000_000
FARTHEST = 2.0  # grey levels, root mean square, from the photos of the model as it was


class Stored(NamedTuple):
    """A large tensor, and the graph that it lies in."""

    graph: GraphProto
    tensor: TensorProto


def for_the_web(path: Path, output: Path, drawings: list[Strokes]) -> float:
    """Writes a model in eight bits, at most MOST_BYTES.

    Returns how far its photos of `drawings` are from the model's, in grey levels, root mean square.
    Raises InputError if that is more than FARTHEST.
    """
    model = onnx.load(path)
    kept_facts = [entry for entry in model.metadata_props if entry.key != KEY.decode()]
    del model.metadata_props[:]  # the digest was of the model as it was
    model.metadata_props.extend(kept_facts)
    # Then what few values come together in: their errors do not cancel out each other.
    order = sorted(
        (tensor for _, tensor in stored(model)),
        key=lambda one: (not one.name.startswith(_WHO), int(np.prod(one.dims[1:]))),
    )
    room = MOST_BYTES - len(in_eight_bits(model).SerializeToString())
    kept = set()
    for tensor in order:
        more = int(np.prod(tensor.dims))  # a second byte for each value
        if more < room and tensor.data_type == TensorProto.FLOAT16:
            kept.add(tensor.name)
            room -= more
    onnx.save(in_eight_bits(model, frozenset(kept)), output)
    seal(output, "onnx")
    whole, small = Engine(path), Engine(output)
    photos = [
        [engine(strokes, seed=seed).photo.astype(np.float32) for engine in (whole, small)]
        for seed, strokes in enumerate(drawings)
    ]
    distance = float(np.sqrt(np.square(np.subtract(*np.stack(photos, axis=1))).mean()))
    if not distance <= FARTHEST:
        raise InputError(f"{path}: eight bits move its photos by {distance:.1f} grey levels")
    return distance


def graphs_of(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs_of(attribute.g)


def stored(model: ModelProto) -> list[Stored]:
    """The large tensors of real numbers, in the order of the file."""
    return [
        Stored(graph, tensor)
        for graph in graphs_of(model.graph)
        for tensor in graph.initializer
        if tensor.data_type in _KINDS and np.prod(tensor.dims) >= _LEAST
    ]


def in_eight_bits(model: ModelProto, kept: frozenset[str] = frozenset()) -> ModelProto:
    """The model with its large tensors in eight bits, but for those that are `kept`."""
    small = ModelProto()
    small.CopyFrom(model)
    for graph, tensor in stored(small):
        if tensor.name not in kept:
            _store(graph, tensor)
    return small


def _store(graph: GraphProto, tensor: TensorProto) -> None:
    """Puts blocks of whole numbers, scales, and what multiplies them in the tensor's place."""
    name, kind, dims = tensor.name, tensor.data_type, list(tensor.dims)
    whole, scales = _blocks(numpy_helper.to_array(tensor))
    graph.initializer.remove(tensor)
    parts: dict[str, NDArray[Any]] = {
        "whole": whole,
        "scales": scales,
        "dims": np.array(dims, np.int64),
    }
    graph.initializer.extend(
        numpy_helper.from_array(value, f"{name}.{part}") for part, value in parts.items()
    )
    # Folded constants of float16 would be rounded twice: the product is made in float32.
    wide = name if kind == TensorProto.FLOAT else f"{name}.wide"
    nodes = [
        helper.make_node("Cast", [f"{name}.whole"], [f"{name}.real"], to=TensorProto.FLOAT),
        helper.make_node("Cast", [f"{name}.scales"], [f"{name}.steps"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}.real", f"{name}.steps"], [f"{name}.blocks"]),
        helper.make_node("Reshape", [f"{name}.blocks", f"{name}.dims"], [wide]),
    ]
    if wide != name:  # what came in sixteen bits is cast where it is used: that cast is not needed
        for cast in [n for n in graph.node if n.op_type == "Cast" and n.input[0] == name]:
            nodes.append(helper.make_node("Identity", [wide], [cast.output[0]]))
            graph.node.remove(cast)
    for position, node in enumerate(nodes):
        graph.node.insert(position, node)


def _blocks(values: NDArray[np.floating]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Whole numbers -127 to 127 (blocks, n), and the scale of each block (blocks, 1)."""
    flat = values.astype(np.float32).ravel()
    size = next(n for n in range(_BLOCK, 0, -1) if flat.size % n == 0)
    rows = flat.reshape(-1, size)
    scales = (np.abs(rows).max(axis=1, keepdims=True) / 127).astype(np.float16)
    steps = np.maximum(scales.astype(np.float32), np.float32(1e-12))
    return np.clip(np.rint(rows / steps), -127, 127).astype(np.int8), scales
