"""The process that reads drawings, `python -m deepfacepencil.runtime.read_apart`: see reading.py.

It alone imports what reads pictures and SVG, and never loads the network.
"""

import io
import json
from typing import Any

from ..apart import Answer, serve
from ..sketch.lines import points_of
from ..sketch.normalise import look_at, read_drawing

_LARGEST = 1024  # pixels of a picture to look at


def _work(name: str, data: bytes, asked: dict[str, Any]) -> Answer:
    strokes = read_drawing(io.BytesIO(data), name)
    if asked.get("page"):
        return {}, [json.dumps({"strokes": points_of(strokes)}).encode()]
    if not asked.get("picture"):
        return {}, strokes.to_bytes()
    picture = look_at(data, name, min(asked["picture"], _LARGEST))
    return {"size": picture.size}, [*strokes.to_bytes(), picture.tobytes()]


if __name__ == "__main__":
    serve(_work)
