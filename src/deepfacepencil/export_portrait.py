"""Trained portrait networks -> a model that draws: one ONNX file for photos of 256, 512 and 1024 px.

Drawing, tolerance, appearance, code and size in; photo, attention and certainty of a face out. What
only larger photos need lies in branches of the graph, so that it costs nothing otherwise. Weights
are stored in half precision.
"""

import json
import logging
import warnings
from typing import Any

import onnx
import torch
from onnx import GraphProto, ModelProto, TensorProto, compose, helper
from torch import Tensor, nn

from .export import half_precision_storage, use_named_norms
from .models.condition import Condition
from .models.mobile_stylegan import LATENT, SIZES, slots
from .models.portrait import SKETCH_SIZE, PortraitBody, PortraitEncoder
from .runtime.appearance import CONDITION_SIZE
from .runtime.engine import (
    APPEARANCE,
    ATTENTION,
    CODE,
    FACE,
    METADATA_KEY,
    PHOTO,
    SIZE,
    SKETCH,
    TOLERANCE,
    TOLERANCE_SIZE,
)

_FEATURES, _LATENT = "features", "latent"
_SHARED = 128  # pixels of the features that all photos are made of


class _Core(nn.Module):
    """All that photos of every size share."""

    def __init__(self, body: PortraitBody, encoder: PortraitEncoder) -> None:
        super().__init__()
        self.body, self.encoder = body, encoder

    def forward(
        self, sketch: Tensor, tolerance: Tensor, appearance: Tensor, code: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        steered = self.encoder(Condition(sketch, tolerance, appearance))
        space, synthesis = self.body.space, self.body.synthesis
        w = space.to_w(space.draw(steered.mean, steered.log_scale, code))
        x, styles = self.body.corrected(w, steered, self.encoder.corrections), slots(w)
        for level in range(SIZES.index(64), SIZES.index(_SHARED) + 1):
            x = synthesis.level(x, styles, level)
        return x, w, steered.attention, torch.sigmoid(steered.face)


class _Photo(nn.Module):
    """A photo of one size from the shared features."""

    def __init__(self, body: PortraitBody, size: int) -> None:
        super().__init__()
        self.body, self.size = body, size

    def forward(self, features: Tensor, latent: Tensor) -> Tensor:
        return self.body.photo(features, latent, self.size, have=_SHARED)


def to_onnx(body: PortraitBody, encoder: PortraitEncoder, facts: dict[str, Any]) -> ModelProto:
    """The model, with `facts` in its metadata. The networks are not to be used afterwards."""
    use_named_norms(encoder)
    core = _Core(body, encoder).eval()
    inputs = {
        SKETCH: torch.zeros(1, 1, SKETCH_SIZE, SKETCH_SIZE),
        TOLERANCE: torch.zeros(1, 1, TOLERANCE_SIZE, TOLERANCE_SIZE),
        APPEARANCE: torch.zeros(1, CONDITION_SIZE),
        CODE: torch.zeros(1, LATENT),
    }
    model = _export(core, inputs, [_FEATURES, _LATENT, ATTENTION, FACE])
    with torch.no_grad():
        features, latent, _, _ = core(*inputs.values())
    branches = {
        size: _branch(_export(_Photo(body, size), {"x": features, "w": latent}, [PHOTO]), size)
        for size in (256, 512, 1024)
    }
    graph = model.graph
    large = _choice("is_huge", branches[1024], branches[512], "large")
    whole = _choice("is_large", large, branches[256], PHOTO)
    for name, above in (("is_large", 256), ("is_huge", 512)):
        graph.initializer.append(
            helper.make_tensor(f"{name}.above", TensorProto.INT64, [], [above])
        )
        graph.node.append(helper.make_node("Greater", [SIZE, f"{name}.above"], [name]))
    graph.node.extend(whole.node)
    graph.input.append(helper.make_tensor_value_info(SIZE, TensorProto.INT64, []))
    kept = [output for output in graph.output if output.name in (ATTENTION, FACE)]
    del graph.output[:]
    graph.output.extend([_photo_info(PHOTO), *kept])
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(facts)
    onnx.checker.check_model(model)
    return model


def _export(network: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> ModelProto:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        program = torch.onnx.export(
            network.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    return half_precision_storage(program.model_proto)


def _branch(model: ModelProto, size: int) -> GraphProto:
    """A graph without inputs that takes features and latent from the one around it."""
    prefix = f"{size}/"
    graph = compose.add_prefix(model, prefix).graph
    outer = {f"{prefix}x": _FEATURES, f"{prefix}w": _LATENT}
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = outer.get(name, name)
    del graph.input[:]
    del graph.value_info[:]
    graph.output[0].CopyFrom(_photo_info(graph.output[0].name))
    return graph


def _choice(condition: str, then: GraphProto, otherwise: GraphProto, name: str) -> GraphProto:
    """A graph of one node: whether `condition` holds decides which branch is computed."""
    node = helper.make_node(
        "If", [condition], [name], then_branch=then, else_branch=otherwise, name=f"if_{condition}"
    )
    return helper.make_graph([node], name, [], [_photo_info(name)])


def _photo_info(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, None, None])
