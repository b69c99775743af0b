"""Nothing half-written: files appear under their name when they are whole.

No part of the paper; everything that this program leaves on a disk goes through it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` if the block succeeds."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process was writing in `folder` and in the folders in it."""
    for path in folder.rglob(".*.part"):
        path.unlink()
