"""Trained portrait networks -> a model that draws: one ONNX file, photos of 256, 512, 1024 px.

Drawing, tolerance, appearance, code and size in; photo, attention and certainty of a face out. What
comes after the features of 64 px lies in branches of the graph: the quick head while somebody
draws, else the body's own levels. Weights are stored in half precision.
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
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, compose, helper
from torch import Tensor, nn

from .digests import seal
from .errors import InputError
from .export import AGREEMENT, example_face, half_precision_storage, use_named_norms
from .files import atomic_path
from .models.backdrop import backdrop_of, out_of_focus, softened
from .models.condition import Condition
from .models.grading import graded, regions_of
from .models.mobile_stylegan import LATENT, slots
from .models.portrait import HEAD, SKETCH_SIZE, PortraitBody, PortraitEncoder
from .models.portrait_body import load_taught
from .models.worn import Worn
from .runtime.appearance import CONDITION_SIZE, Appearance
from .runtime.engine import (
    APPEARANCE,
    ATTENTION,
    CODE,
    FACE,
    METADATA_KEY,
    PHOTO,
    QUICK,
    SIZE,
    SIZES,
    SKETCH,
    TOLERANCE,
    TOLERANCE_SIZE,
    code_of,
)
from .sketch.pen import draw
from .training.checkpoint import PORTRAIT_WEIGHTS, load_weights

# Of single pixels: half precision moves what is as thin as a hair by a little, and it is bright.
_FARTHEST = 3 * AGREEMENT
_COMPARED = (256, 512)  # pixels of the photos that are compared with torch, and the quick one
_WIDE, _REGIONS = "wide", "regions"
_SHARED = 64  # pixels of the features that all photos are made of


def finished(photo: Tensor, regions: Tensor, appearance: Tensor) -> Tensor:
    """A photo (B, 3, S, S) of the body, its backdrop out of focus and in the colours asked for."""
    return graded(out_of_focus(photo, regions), regions, appearance)


class Core(nn.Module):
    """All that photos of every size share: the features of 64 px, and what else they need."""

    def __init__(self, body: PortraitBody, worn: Worn, encoder: PortraitEncoder) -> None:
        super().__init__()
        self.body, self.worn, self.encoder = body, worn, encoder

    def forward(
        self, sketch: Tensor, tolerance: Tensor, appearance: Tensor, code: Tensor
    ) -> tuple[Tensor, ...]:
        steered = self.encoder(Condition(sketch, tolerance, appearance))
        w = self.body.space.somebody(steered.mean, steered.log_scale, code, appearance)
        begun = self.body.begun(w, steered, self.encoder.corrections)
        corrected = self.body.corrected_last(begun, steered, self.encoder.corrections)
        logits = self.body.labels(corrected)
        backdrop = backdrop_of(logits)
        dressed = self.body.dressed(corrected, begun, logits, steered, self.worn)
        features = self.body.raised(softened(dressed, backdrop), slots(w), 32, _SHARED)
        features, regions = softened(features, backdrop), regions_of(logits)
        return features, w, regions, steered.attention, torch.sigmoid(steered.face)


class _Branch(nn.Module):
    """What is computed only where it is needed, of what `Core` gives."""

    def __init__(self, body: PortraitBody, size: int = 0) -> None:
        super().__init__()
        self.body, self.size = body, size


class _Quick(_Branch):
    """The photo of 256 px while somebody draws."""

    def forward(self, features: Tensor, w: Tensor, regions: Tensor, appearance: Tensor) -> Tensor:
        return finished(self.body.quick_photo(features, w), regions, appearance)


class _Wide(_Branch):
    """The features of HEAD px, which all other photos are made of."""

    def forward(self, features: Tensor, w: Tensor) -> Tensor:
        return self.body.raised(features, slots(w), _SHARED, HEAD)


class _Photo(_Branch):
    """The body's own photo of one size, from the features of HEAD px."""

    def forward(self, wide: Tensor, w: Tensor, regions: Tensor, appearance: Tensor) -> Tensor:
        return finished(self.body.photo(wide, w, self.size, have=HEAD), regions, appearance)


def export(run: Path, output: Path) -> float:
    """Write the portrait generator of a training as ONNX; returns how far it is from torch.

    That distance is the root mean square over the photos of a drawn face, on their scale [-1, 1].
    Raises InputError if the run has no weights yet, or if the file would not agree with torch.
    """
    if output.is_dir():
        raise InputError(f"{output} is a folder; --output is the ONNX file to write")
    encoder, axes, facts = load_encoder(run)
    output.parent.mkdir(parents=True, exist_ok=True)
    if not facts.get("finished", True):
        print(f"{run} is not finished: this is what it draws so far")
    taught = load_taught()
    body = taught.body
    body.space.axes.copy_(axes)
    inputs = _example()
    core = Core(body, taught.worn, encoder).eval()
    given = {name: torch.from_numpy(value) for name, value in inputs.items()}
    with torch.no_grad():
        features, w, regions, *_ = core(*given.values())
        photos = {size: body.photo(features, w, size, have=_SHARED) for size in _COMPARED}
        photos[QUICK] = body.quick_photo(features, w)
        asked = regions, given[APPEARANCE]
        torchs = {size: finished(photo, *asked).numpy() for size, photo in photos.items()}
    model = to_onnx(body, taught.worn, encoder, facts)
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


def to_onnx(
    body: PortraitBody, worn: Worn, encoder: PortraitEncoder, facts: dict[str, Any]
) -> ModelProto:
    """The model, with `facts` in its metadata. The networks are not to be used afterwards."""
    use_named_norms(encoder)
    core = Core(body, worn, encoder).eval()
    inputs = {
        SKETCH: torch.zeros(1, 1, SKETCH_SIZE, SKETCH_SIZE),
        TOLERANCE: torch.zeros(1, 1, TOLERANCE_SIZE, TOLERANCE_SIZE),
        APPEARANCE: torch.zeros(1, CONDITION_SIZE),
        CODE: torch.zeros(1, LATENT),
    }
    names = ("features", "w", _REGIONS, ATTENTION, FACE)
    model = _export(core, inputs, list(names))
    graph = model.graph
    with torch.no_grad():
        known = dict(zip(names, core(*inputs.values()), strict=True)) | inputs
        known[_WIDE] = _Wide(body)(known["features"], known["w"])

    def branch(network: _Branch, *taken: str) -> GraphProto:
        exported = _export(network, {name: known[name] for name in taken}, [PHOTO])
        return _branch(exported, f"{type(network).__name__}{network.size}/", taken)

    small, usual, huge = (
        branch(_Photo(body, size), _WIDE, "w", _REGIONS, APPEARANCE) for size in SIZES
    )
    large = helper.make_graph(
        [_choice("is_huge", huge, usual, "large")], "large", [], [_any_size("large")]
    )
    exact = branch(_Wide(body), "features", "w")
    exact.node[-1].output[0] = _WIDE
    exact.node.append(_choice("is_large", large, small, "exact"))
    exact.output[0].name = "exact"
    for name, above in (("is_exact", QUICK), ("is_large", 256), ("is_huge", 512)):
        graph.initializer.append(
            helper.make_tensor(f"{name}.above", TensorProto.INT64, [], [above])
        )
        graph.node.append(helper.make_node("Greater", [SIZE, f"{name}.above"], [name]))
    quick = branch(_Quick(body), "features", "w", _REGIONS, APPEARANCE)
    graph.node.append(_choice("is_exact", exact, quick, PHOTO))
    graph.input.append(helper.make_tensor_value_info(SIZE, TensorProto.INT64, []))
    kept = [output for output in graph.output if output.name in (ATTENTION, FACE)]
    del graph.output[:]
    graph.output.extend([_any_size(PHOTO), *kept])
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


def _branch(model: ModelProto, prefix: str, taken: tuple[str, ...]) -> GraphProto:
    """A graph without inputs: what is `taken` has the same name in the graph around it."""
    graph = compose.add_prefix(model, prefix).graph
    outer = {prefix + name: name for name in taken}
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = outer.get(name, name)
    del graph.input[:]
    del graph.value_info[:]
    graph.output[0].CopyFrom(_any_size(graph.output[0].name))
    return graph


def _choice(condition: str, then: GraphProto, otherwise: GraphProto, name: str) -> NodeProto:
    """A node that computes one of two graphs, by whether `condition` holds."""
    return helper.make_node(
        "If", [condition], [name], then_branch=then, else_branch=otherwise, name=f"if_{condition}"
    )


def _any_size(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, None, None])
