"""A photo of half the size for machines that are slow: what follows the pen there, until it rests.

The last level of the network and the head that makes the photo are computed at half their size:
what doubles the size gives the mean of its four pixels, kernels of 3 x 3 become those that see as
far there, and noise is averaged. Half of the time, and a photo that is close to the whole one's.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

from ..errors import InputError
from ..runtime.engine import PHOTO, RESOLUTION, SIZE

HALF = RESOLUTION // 2
_PREFIX = f"{HALF}/"
# In one dimension: what three fine taps are, about the middle of two fine pixels, on coarse ones.
_COARSE = np.array([[0.5, 0, 0], [0.5, 1, 0.5], [0, 0, 0.5]], np.float32)


def with_half_size(model: ModelProto) -> ModelProto:
    """The model that makes HALF photos too, where `size` is HALF or less.

    Raises InputError if it is not made like ours: features, and a choice of photos by size.
    """
    half = ModelProto()
    half.CopyFrom(model)
    graph = half.graph
    choice = next((n for n in graph.node if n.op_type == "If" and n.output[0] == PHOTO), None)
    doubling = next((n for n in reversed(graph.node) if n.op_type == "DepthToSpace"), None)
    if choice is None or doubling is None:
        raise InputError("this model is not made like ours: export it again")
    usual = next(a.g for a in choice.attribute if a.name == "else_branch")
    after = _descendants(graph.node, doubling)
    level = [node for node in after if node is not choice]
    values = _Values(graph, usual)
    twin = _twin([*level, *usual.node], values, usual.output[0].name)
    whole = helper.make_graph([*after], "whole", [], [_photo()])
    whole.node[-1].output[0] = whole.output[0].name = "photo.whole"
    for node in after:
        graph.node.remove(node)
    above = helper.make_tensor("is_small.above", TensorProto.INT64, [], [HALF])
    graph.initializer.append(above)
    graph.node.extend(
        [
            helper.make_node("Greater", [SIZE, "is_small.above"], ["is_usual"]),
            helper.make_node("If", ["is_usual"], [PHOTO], then_branch=whole, else_branch=twin),
        ]
    )
    return half


class _Values:
    """The constants of a graph and of one inside it, whether they are stored in 16 bits or 32."""

    def __init__(self, *graphs: GraphProto) -> None:
        self._stored = {t.name: t for graph in graphs for t in graph.initializer}
        casts = [n for graph in graphs for n in graph.node if n.op_type == "Cast"]
        self._cast = {node.output[0]: node.input[0] for node in casts}
        self.inner = graphs[-1]

    def of(self, name: str) -> NDArray[np.float32] | None:
        tensor = self._stored.get(self._cast.get(name, name))
        return None if tensor is None else numpy_helper.to_array(tensor).astype(np.float32)


def _descendants(nodes: Iterable[NodeProto], first: NodeProto) -> list[NodeProto]:
    """A node and all that come of it, in their order."""
    made, found = set(first.output), [first]
    for node in nodes:
        if node is not first and (made & set(_all_inputs(node))):
            made |= set(node.output)
            found.append(node)
    return found


def _all_inputs(node: NodeProto) -> Iterable[str]:
    """Its inputs, and those of the nodes in its graphs."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from _all_inputs(inner)


def _twin(nodes: list[NodeProto], values: _Values, photo: str) -> GraphProto:
    """The same computation at half the size, as a graph that takes the rest from around it."""
    made = [node for node in nodes if node.op_type != "AveragePool"]
    pooled = {n.output[0]: n.input[0] for n in nodes if n.op_type == "AveragePool"}
    own = {name for node in made for name in node.output}
    own |= {tensor.name for tensor in values.inner.initializer}

    def named(name: str) -> str:
        name = pooled.get(name, name)
        return _PREFIX + name if name in own else name

    twins: list[NodeProto] = []
    constants = [_renamed(tensor) for tensor in values.inner.initializer]

    def constant(name: str, value: NDArray[np.floating] | NDArray[np.integer]) -> str:
        constants.append(numpy_helper.from_array(value, _PREFIX + name))
        return _PREFIX + name

    for node in made:
        inputs, output = [named(name) for name in node.input], named(node.output[0])
        if node.op_type == "DepthToSpace":
            twins += _mean_of_four(inputs[0], output, node.output[0], constant)
            continue
        for place, name in enumerate(node.input):
            value = values.of(name)
            fits = None if value is None else _fitting(node.op_type, value)
            if fits is not None:
                inputs[place] = constant(f"{name}.{node.output[0]}", fits)
        kept = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        twins.append(helper.make_node(node.op_type, inputs, [output], **kept))
    used = {name for node in twins for name in node.input}
    constants = [tensor for tensor in constants if tensor.name in used]
    return helper.make_graph(twins, "half", [], [_photo(named(photo))], constants)


def _renamed(tensor: TensorProto) -> TensorProto:
    twin = TensorProto()
    twin.CopyFrom(tensor)
    twin.name = _PREFIX + tensor.name
    return twin


def _mean_of_four(
    x: str, output: str, name: str, constant: Callable[[str, NDArray[np.int64]], str]
) -> list[NodeProto]:
    """What a pixel shuffle (C R D: channels, rows, columns) makes, each 2 x 2 pixels as one."""
    split = constant(f"{name}.split", np.array([0, -1, 4, HALF, HALF], np.int64))
    axis = constant(f"{name}.axis", np.array([2], np.int64))
    parts = f"{output}.parts"
    return [
        helper.make_node("Reshape", [x, split], [parts]),
        helper.make_node("ReduceMean", [parts, axis], [output], keepdims=0),
    ]


def _fitting(
    kind: str, value: NDArray[np.float32]
) -> NDArray[np.floating] | NDArray[np.integer] | None:
    """What takes a constant's place at half the size; None where it stays."""
    if kind == "Reshape":  # rows and columns come last
        return (value // np.where(np.arange(len(value)) < len(value) - 2, 1, 2)).astype(np.int64)
    if value.ndim != 4 or value.shape[2] < 3:
        return None
    return _coarse_kernels(value) if kind == "Conv" else _pooled(value)


def _coarse_kernels(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.einsum("ir,ocrs,js->ocij", _COARSE, kernels, _COARSE).astype(np.float32)


def _pooled(noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture (1, C, 2 H, 2 W), each 2 x 2 pixels as one."""
    n, c, h, w = noise.shape
    return noise.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5)).astype(np.float32)


def _photo(name: str = PHOTO) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, None, None])
