"""Drawings from outside, read in a process that can be ended: bytes -> strokes and a picture.

This is the parent's side, which imports nothing that reads pictures; read_apart.py is the process.
"""

import atexit
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from ..apart import Answer, Apart
from ..budget import MAX_FILE, require_size
from ..errors import InputError
from ..sketch.strokes import Strokes


class Reader:
    """Reads drawings, each for as long and with as much memory as drawings need."""

    def __init__(self, niceness: int = 0) -> None:
        self._apart = Apart("deepfacepencil.runtime.read_apart", niceness=niceness)

    def strokes(self, data: bytes, name: str) -> Strokes:
        """The strokes in the bytes of a file, placed like a training face. Raises InputError."""
        _, parts = self._ask(data, name, 0)
        return _strokes(parts)

    def with_picture(self, data: bytes, name: str, size: int) -> tuple[Strokes, Image.Image]:
        """These, and the drawing as it came: RGB, at most `size` pixels wide and high."""
        head, parts = self._ask(data, name, size)
        wide, high = (int(side) for side in head["size"])
        return _strokes(parts), Image.frombytes("RGB", (wide, high), parts[3])

    def begin(self) -> None:
        """Start its process, which imports what it needs while others do."""
        self._apart.begin()

    def close(self) -> None:
        self._apart.close()

    def _ask(self, data: bytes, name: str, size: int) -> Answer:
        require_size(len(data), name)
        return self._apart(name, data, picture=size)


@cache
def shared() -> Reader:
    """The one reader of a command; its process ends with the command."""
    reader = Reader()
    atexit.register(reader.close)
    return reader


def file_bytes(path: Path) -> bytes:
    """What is in a file, unless it is too much. Raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}): give a PNG, JPEG, WebP or SVG file"
        ) from None
    require_size(len(data), str(path))
    return data


def _strokes(parts: list[bytes]) -> Strokes:
    points, starts, classes = parts[:3]
    return Strokes(
        np.frombuffer(points, np.float32).reshape(-1, 2),
        np.frombuffer(starts, np.int32),
        np.frombuffer(classes, np.uint8).reshape(-1, 2),
    )
