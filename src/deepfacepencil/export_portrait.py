"""Trained portrait networks -> a model that draws: one ONNX file, photos of 256, 512, 1024 px.

Drawing, tolerance, appearance, code and size in; photo, attention and certainty of a face out. What
only larger photos need lies in branches of the graph, so that it costs nothing otherwise. Weights
are stored in half precision.
"""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, compose, helper
from torch import Tensor, nn

from .digests import seal
from .errors import InputError
from .export import AGREEMENT, example_face, half_precision_storage, use_named_norms
from .files import atomic_path
from .models.condition import Condition
from .models.mobile_stylegan import LATENT, SIZES, slots
from .models.portrait import SKETCH_SIZE, PortraitBody, PortraitEncoder
from .models.portrait_body import load_taught
from .runtime.appearance import CONDITION_SIZE, Appearance
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
    code_of,
)
from .sketch.pen import draw
from .training.checkpoint import PORTRAIT_WEIGHTS, load_weights

_COMPARED = (256, 512)  # pixels of the photos that are compared with torch
# Of single pixels: half precision moves what is as thin as a hair by a little, and it is bright.
_FARTHEST = 3 * AGREEMENT
_FEATURES, _LATENT = "features", "latent"
_SHARED = 256  # pixels of the features that all photos are made of


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
        w = space.somebody(steered.mean, steered.log_scale, code, appearance)
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


def export(run: Path, output: Path) -> float:
    """Write the portrait generator of a training as ONNX; returns how far it is from torch.

    That distance is the root mean square over the photos of a drawn face of 256 and 512 px, on
    their scale [-1, 1]. Raises InputError if the run has no weights yet, or if the file would not
    agree with torch.
    """
    if output.is_dir():
        raise InputError(f"{output} is a folder; --output is the ONNX file to write")
    encoder, axes, facts = load_encoder(run)
    output.parent.mkdir(parents=True, exist_ok=True)
    if not facts.get("finished", True):
        print(f"{run} is not finished: this is what it draws so far")
    body = load_taught().body
    body.space.axes.copy_(axes)
    inputs = _example()
    core = _Core(body, encoder).eval()
    with torch.no_grad():
        features, latent, _, _ = core(*(torch.from_numpy(value) for value in inputs.values()))
        torchs = {
            size: body.photo(features, latent, size, have=_SHARED).numpy() for size in _COMPARED
        }
    model = to_onnx(body, encoder, facts)
    with atomic_path(output) as temporary:
        onnx.save(model, temporary)
        del model
        session = onnxruntime.InferenceSession(str(temporary))
        moved = [
            (session.run([PHOTO], {**inputs, SIZE: np.array(size)})[0] - photo).ravel()
            for size, photo in torchs.items()
        ]
        every = np.concatenate(moved)
        farthest, usual = float(np.abs(every).max()), float(np.sqrt(np.square(every).mean()))
        if not (farthest <= _FARTHEST and usual <= AGREEMENT / 4):  # nor if one is no number
            raise InputError(f"{run}: the exported model differs from torch by {farthest:.4f}")
        seal(temporary, "onnx")
    return usual


def load_encoder(run: Path) -> tuple[PortraitEncoder, Tensor, dict[str, Any]]:
    """G_m's encoder of a training, the axes of its codes, and the facts about it."""
    if not (run / PORTRAIT_WEIGHTS).exists():
        raise InputError(f"{run} has no G_m to export yet: that begins with stage 2")
    weights, facts = load_weights(run, PORTRAIT_WEIGHTS)
    encoder = PortraitEncoder(relaxing=True)
    own = {n.removeprefix("encoder."): t for n, t in weights.items() if n != "axes"}
    try:
        encoder.load_state_dict(own)
        axes = weights["axes"]
    except (KeyError, RuntimeError) as problem:
        reason = str(problem).splitlines()[0]
        path = run / PORTRAIT_WEIGHTS
        raise InputError(f"{path} does not fit this version ({reason})") from problem
    return encoder.requires_grad_(False).eval(), axes, facts


def _example() -> dict[str, NDArray[Any]]:
    """A drawn face, tolerances and hair asked for, and somebody's code."""
    sketch = draw(example_face(), SKETCH_SIZE)[None, None].astype(np.float32) / 255
    wish = np.linspace(-1, 1, TOLERANCE_SIZE**2, dtype=np.float32)
    return {
        SKETCH: sketch,
        TOLERANCE: wish.reshape(1, 1, TOLERANCE_SIZE, TOLERANCE_SIZE),
        APPEARANCE: Appearance(hair=(180, 140, 90)).condition()[None],
        CODE: code_of(1)[None],
    }


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
