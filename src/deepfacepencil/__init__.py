"""Photo-realistic faces from freehand drawings, after the paper DeepFacePencil.

Nothing leaves the machine: onnxruntime from 1.29 on writes a device id below the user's cache and
looks up its maker's host. This variable alone stops it, and only before onnxruntime is imported.
Every import of ours passes here first.
"""

import os
import sys
import warnings

_QUIET = "ORT_DISABLE_TELEMETRY"

if "onnxruntime" in sys.modules and os.environ.get(_QUIET) != "1":
    warnings.warn(
        "onnxruntime was imported before deepfacepencil, and tells its maker about it;"
        f" set {_QUIET}=1 or import deepfacepencil first",
        stacklevel=2,
    )
os.environ[_QUIET] = "1"
