"""Photo-realistic faces from freehand drawings, after the paper DeepFacePencil.

Nothing leaves the machine: onnxruntime from 1.29 on writes a device id below the user's cache and
looks up its maker's host. This variable alone stops it, and only before onnxruntime is imported.
Every import of ours passes here first, and what the package exports is loaded when it is asked for.
"""

import os
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import InputError
    from .runtime.api import draw
    from .runtime.appearance import Appearance
    from .runtime.engine import Engine
    from .sketch.normalise import load_drawing
    from .sketch.strokes import Strokes

__all__ = ["Appearance", "Engine", "InputError", "Strokes", "draw", "load_drawing"]
_HOMES = {
    "Appearance": ".runtime.appearance",
    "Engine": ".runtime.engine",
    "InputError": ".errors",
    "Strokes": ".sketch.strokes",
    "draw": ".runtime.api",
    "load_drawing": ".sketch.normalise",
}

_QUIET = "ORT_DISABLE_TELEMETRY"

if "onnxruntime" in sys.modules and os.environ.get(_QUIET) != "1":
    warnings.warn(
        "onnxruntime was imported before deepfacepencil, and tells its maker about it;"
        f" set {_QUIET}=1 or import deepfacepencil first",
        stacklevel=2,
    )
os.environ[_QUIET] = "1"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
