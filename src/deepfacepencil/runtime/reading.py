"""Drawings from outside, read in a process that can be ended: bytes -> strokes and a picture.

This is the parent's side, which imports nothing that reads pictures; read_apart.py is the process.
"""

import atexit
from functools import cache

from PIL import Image

from ..apart import Answer, Apart
from ..budget import require_size
from ..sketch.strokes import Strokes


class Reader:
    """Reads drawings, each for as long and with as much memory as drawings need."""

    def __init__(self, niceness: int = 0) -> None:
        self._apart = Apart("deepfacepencil.runtime.read_apart", niceness=niceness)

    def strokes(self, data: bytes, name: str) -> Strokes:
        """The strokes in the bytes of a file, placed like a training face. Raises InputError."""
        _, parts = self._ask(data, name)
        return Strokes.from_bytes(parts)

    def for_page(self, data: bytes, name: str) -> bytes:
        """These as JSON, {"strokes": [[x, y, x, y, ...], ...]}, as the studio's page draws them."""
        _, (text,) = self._ask(data, name, page=True)
        return text

    def with_picture(self, data: bytes, name: str, size: int) -> tuple[Strokes, Image.Image]:
        """These, and the drawing as it came: RGB, at most `size` pixels wide and high."""
        head, (*strokes, picture) = self._ask(data, name, picture=size)
        wide, high = (int(side) for side in head["size"])
        return Strokes.from_bytes(strokes), Image.frombytes("RGB", (wide, high), picture)

    def begin(self) -> None:
        """Start its process, which imports what it needs while others do."""
        self._apart.begin()

    def close(self) -> None:
        self._apart.close()

    def _ask(self, data: bytes, name: str, picture: int = 0, page: bool = False) -> Answer:
        require_size(len(data), name)
        return self._apart(name, data, picture=picture, page=page)


@cache
def shared() -> Reader:
    """The one reader of a command; its process ends with the command."""
    reader = Reader()
    atexit.register(reader.close)
    return reader
