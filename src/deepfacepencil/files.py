"""Nothing half-written: files appear when they are whole, and one process at a time writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import InputError

LOCK = ".lock"


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` if the block succeeds."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make `folder`, remove what a killed process was writing there, and keep other ones out.

    Raises InputError if another process is at work in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder}: another process is writing there; wait for it, or choose another folder"
        ) from None
    except NotImplementedError:  # the file systems of some clusters have no locks
        pass
    try:
        for leftover in folder.rglob(".*.[0-9]*.part"):
            leftover.unlink()
        yield
    finally:
        lock.release()
