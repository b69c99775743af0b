"""The process that reads drawings, `python -m deepfacepencil.runtime.read_apart`: see reading.py.

It alone imports what reads pictures and SVG, and never loads the network.
"""

import io
from typing import Any

from ..apart import Answer, serve
from ..sketch.normalise import look_at, read_drawing

_LARGEST = 1024  # pixels of a picture to look at


def _work(name: str, data: bytes, asked: dict[str, Any]) -> Answer:
    strokes = read_drawing(io.BytesIO(data), name)
    parts = [part.tobytes() for part in (strokes.points, strokes.starts, strokes.classes)]
    if not asked["picture"]:
        return {}, parts
    picture = look_at(data, name, min(asked["picture"], _LARGEST))
    return {"size": picture.size}, [*parts, picture.tobytes()]


if __name__ == "__main__":
    serve(_work)
