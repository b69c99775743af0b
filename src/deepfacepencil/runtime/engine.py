"""The engine: strokes -> photo with onnxruntime. No torch anywhere on this path.

One Engine may be shared by many threads; a call takes as long as the network does.
"""

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..digests import is_sound
from ..errors import InputError
from ..sketch.pen import draw
from ..sketch.strokes import Strokes
from .appearance import Appearance
from .overlay import RESOLUTION

SIZES = (256, 512, 1024)  # pixels of photos
QUICK = 0  # in the place of a size: 256 pixels, by a head that is quicker than exact
SKETCH, TOLERANCE, PHOTO, ATTENTION = "sketch", "tolerance", "photo", "attention"
# What the models on a body that knows faces have besides; those of the paper's networks have not.
APPEARANCE, CODE, SIZE, FACE = "appearance", "code", "size", "face"
CODE_LENGTH = 512
SPREAD = 0.75  # of codes, in standard deviations: the rarer a person, the less exact the lines
TOLERANCE_SIZE = 64  # cells per side of the tolerance that a user may ask for
METADATA_KEY = "deepfacepencil"
BUNDLED = Path(__file__).parent / "weights" / "deepfacepencil.onnx"


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the engine makes of a drawing."""

    strokes: Strokes
    photo: NDArray[np.uint8]  # (size, size, 3)
    attention: NDArray[np.float32]  # A of Eq. 2, (N_r, 256, 256)
    face: float = 1.0  # how sure the network is that a face was drawn, 0 to 1

    @cached_property
    def sketch(self) -> NDArray[np.uint8]:
        """The strokes as a network of 256 px sees them: (256, 256), 255 for stroke."""
        return draw(self.strokes, RESOLUTION)


class GivenUp(Exception):  # noqa: N818, it is no error
    """What a call of the engine raises that was given up."""


class Call:
    """A call of the engine, which another thread may give up; it ends after the layer it is at."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()
        self.options.log_severity_level = 4  # to be given up is nothing to report

    def give_up(self) -> None:
        """Let the call end with GivenUp; one that has its photo already ends with that."""
        self.options.terminate = True


class Engine:
    """A generator loaded from an ONNX file that `deepfacepencil export` wrote.

    Raises InputError if the file is absent, damaged or somebody else's.
    """

    def __init__(self, model: Path = BUNDLED) -> None:
        if not model.is_file():
            raise InputError(f"{model}: no such model; `deepfacepencil export` makes one")
        sound = is_sound(model, "onnx")
        if sound is False:
            raise InputError(f"{model} is damaged: its digest is another; export or copy it again")
        if sound is None and model != BUNDLED:
            print(f"{model} has no digest: whether it is damaged cannot be told", file=sys.stderr)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _cores()
        options.log_severity_level = 3
        # A thread that waits for the other one gives its core to the browser instead of spinning.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(model.read_bytes(), options)
        except Exception as problem:  # onnxruntime's own exceptions share no base class
            raise InputError(f"{model} is not a model file that can be loaded") from problem
        described = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if described is None:
            raise InputError(f"{model} is not a model of ours; `deepfacepencil export` makes one")
        shapes = {value.name: value.shape for value in self._session.get_inputs()}
        self.listens = APPEARANCE in shapes  # whether appearance, seed and size change the photo
        if TOLERANCE not in shapes:
            raise InputError(f"{model} is of an older version; `deepfacepencil export` it again")
        self.resolution = shapes[SKETCH][-1]  # pixels of the sketch that the network sees
        try:
            self.facts: dict[str, Any] = dict(json.loads(described))
        except (TypeError, ValueError) as problem:
            raise InputError(
                f"{model} is damaged: its facts are none; export it again"
            ) from problem

    def __call__(
        self,
        strokes: Strokes,
        tolerance: NDArray[np.floating] | float = 0,
        appearance: Appearance = Appearance(),
        seed: int = 0,
        size: int = RESOLUTION,
        call: Call | None = None,
    ) -> Drawn:
        """The photo of a normalised drawing, and what SAP thought of its strokes.

        What neither the drawing nor `appearance` says is drawn by `seed`, 0 to 2**32 - 1. `size` is
        the photo's, one of SIZES, or QUICK while somebody draws. A model of the paper's own
        networks does not listen to these three and always gives 256 px: `listens`.

        `tolerance`, one number or (64, 64), shifts that thought: -1 keeps to the strokes, 1 takes
        them as a hint, 0 is the network's own choice.
        """
        sketch = draw(strokes, self.resolution)
        return Drawn(strokes, *self.of_raster(sketch, tolerance, appearance, seed, size, call))

    def of_raster(
        self,
        sketch: NDArray[np.uint8],
        tolerance: NDArray[np.floating] | float = 0,
        appearance: Appearance = Appearance(),
        seed: int = 0,
        size: int = RESOLUTION,
        call: Call | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], float]:
        """As a call, of strokes that are drawn: `sketch` (R, R) of `resolution`, 255 for stroke.

        Returns the photo, the attention and the certainty of a face, as in Drawn.
        """
        if size not in (QUICK, *SIZES):
            raise InputError(f"photos have 256, 512 or 1024 pixels, not {size}")
        wish = np.broadcast_to(np.asarray(tolerance, np.float32), (TOLERANCE_SIZE, TOLERANCE_SIZE))
        inputs: dict[str, NDArray[Any]] = {
            SKETCH: sketch[None, None].astype(np.float32) / 255,
            TOLERANCE: np.ascontiguousarray(wish)[None, None],
        }
        outputs = [PHOTO, ATTENTION]
        if self.listens:
            inputs[APPEARANCE] = appearance.condition()[None]
            inputs[CODE] = code_of(seed)[None]
            inputs[SIZE] = np.array(size, np.int64)
            outputs.append(FACE)
        try:
            photo, attention, *face = self._session.run(outputs, inputs, call and call.options)
        except Exception as problem:
            if call and call.options.terminate:
                raise GivenUp from problem
            raise
        pixels = np.clip((photo[0] + 1) * 127.5 + 0.5, 0, 255).astype(np.uint8)
        repeats = RESOLUTION // attention.shape[-1]
        return (
            np.ascontiguousarray(pixels.transpose(1, 2, 0)),
            attention[0].repeat(repeats, axis=1).repeat(repeats, axis=2),
            float(face[0][0]) if face else 1.0,
        )


def code_of(seed: int) -> NDArray[np.float32]:
    """The code (512,) that a seed stands for: which of the people who fit a drawing is shown."""
    return np.random.default_rng(seed).normal(0, SPREAD, CODE_LENGTH).astype(np.float32)


def _cores() -> int:
    """Cores that this process may use: onnxruntime asks for the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
