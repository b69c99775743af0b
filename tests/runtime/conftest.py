"""Models of a few nodes with the inputs and outputs of real ones: one listens, one does not."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deepfacepencil.runtime.appearance import COLOURS, CONDITION_SIZE
from deepfacepencil.runtime.engine import CODE_LENGTH, METADATA_KEY, Engine

_HAIR = 4 * COLOURS.index("hair")


def _model(path: Path, listens: bool) -> Path:
    """A photo in the colour of the hair, shifted by the code; a face is what has enough strokes."""
    FLOAT, node = TensorProto.FLOAT, helper.make_node
    constants = {
        "from": [_HAIR], "to": [_HAIR + 3], "zero": [0], "three": [3], "axis": [1],
        "pixel": [1, 3, 1, 1], "head": [1, 3], "one": [1], "cells": [1, 4, 64, 64], "big": [256],
    }  # fmt: skip
    weights = {"share": [0.1], "quarter": [0.25], "many": [20.0], "least": 0.0, "most": 1.0}
    nodes = [
        node("Expand", ["quarter", "cells"], ["attention"]),
        node("ReduceMean", ["tolerance"], ["wish"], keepdims=0),
        node("ReduceMean", ["sketch"], ["ink"], keepdims=0),
        node("Mul", ["ink", "many"], ["much"]),
        node("Clip", ["much", "least", "most"], ["face"]),
    ]
    inputs = [("sketch", [1, 1, 128, 128]), ("tolerance", [1, 1, 64, 64])]
    if listens:
        inputs += [("appearance", [1, CONDITION_SIZE]), ("code", [1, CODE_LENGTH])]
        nodes += [
            node("Slice", ["appearance", "from", "to", "axis"], ["hair"]),
            node("Slice", ["code", "zero", "three", "axis"], ["person"]),
            node("Mul", ["person", "share"], ["shift"]),
            node("Add", ["hair", "shift"], ["somebody"]),
            node("Reshape", ["size", "one"], ["side"]),
        ]
    else:
        nodes += [
            node("Expand", ["quarter", "head"], ["somebody"]),
            node("Identity", ["big"], ["side"]),
        ]
    nodes += [
        node("Add", ["somebody", "wish"], ["colour"]),
        node("Reshape", ["colour", "pixel"], ["dot"]),
        node("Concat", ["head", "side", "side"], ["shape"], axis=0),
        node("Expand", ["dot", "shape"], ["photo"]),
    ]
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs]
    if listens:
        values.append(helper.make_tensor_value_info("size", TensorProto.INT64, []))
    outputs = [("photo", [1, 3, None, None]), ("attention", [1, 4, 64, 64])]
    outputs += [("face", [1])] if listens else []
    graph = helper.make_graph(
        nodes,
        "face",
        values,
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs],
        [
            *(numpy_helper.from_array(np.array(v, np.int64), k) for k, v in constants.items()),
            *(numpy_helper.from_array(np.array(v, np.float32), k) for k, v in weights.items()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, "{}"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def listening_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that hears appearance, seed and size."""
    return _model(tmp_path_factory.mktemp("models") / "listening.onnx", listens=True)


@pytest.fixture(scope="session")
def listening(listening_model: Path) -> Engine:
    return Engine(listening_model)


@pytest.fixture(scope="session")
def deaf(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine whose model hears lines alone."""
    return Engine(_model(tmp_path_factory.mktemp("models") / "deaf.onnx", listens=False))
