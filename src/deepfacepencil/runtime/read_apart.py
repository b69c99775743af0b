"""The process that reads drawings, `python -m deepfacepencil.runtime.read_apart`: see reading.py.

It alone imports what reads pictures and SVG, and never loads the network.
"""

import io
from typing import Any

from PIL import Image, ImageOps

from ..apart import Answer, serve
from ..budget import MAX_PIXELS
from ..errors import InputError
from ..sketch import svg
from ..sketch.normalise import FORMATS, eight_bits, read_drawing

_LARGEST = 1024  # pixels of a picture to look at


def _work(name: str, data: bytes, asked: dict[str, Any]) -> Answer:
    strokes = read_drawing(io.BytesIO(data), name)
    parts = [part.tobytes() for part in (strokes.points, strokes.starts, strokes.classes)]
    if not asked["picture"]:
        return {}, parts
    picture = _as_it_came(data, name, min(asked["picture"], _LARGEST))
    return {"size": picture.size}, [*parts, picture.tobytes()]


def _as_it_came(data: bytes, name: str, size: int) -> Image.Image:
    """A drawing that could be read, for people to look at: on white."""
    if svg.is_svg(data, name):
        image = svg.read(data, name).picture().convert("RGBA")
    else:
        with Image.open(io.BytesIO(data), formats=FORMATS) as file:
            if (
                file.width * file.height > MAX_PIXELS
            ):  # a photo of the studio, only read for its text
                raise InputError(f"{name}: {file.width} x {file.height} pixels: scale it down")
            image = eight_bits(ImageOps.exif_transpose(file)).convert("RGBA")
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image).convert("RGB")


if __name__ == "__main__":
    serve(_work)
