"""Files of every verb: the pictures that it is given, and results that appear only when whole.

No part of the paper. Everything that this program leaves on a disk is written through
`atomic_path`.
"""

import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from glob import escape, glob
from pathlib import Path

from .errors import InputError

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".svg"}


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` if the block succeeds."""
    for left in path.parent.glob(f".{escape(path.name)}.*.part"):
        if not _lives(left.name.split(".")[-2]):
            left.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _lives(process: str) -> bool:
    """Whether the process of this number is at work; what is no number counts as one that is."""
    if not process.isdecimal() or os.name != "posix":
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's
        return True
    return True


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process was writing in `folder` and in the folders in it."""
    for path in folder.rglob(".*.part"):
        path.unlink()


def find_pictures(patterns: Sequence[str]) -> dict[str, Path]:
    """{name for the results: file} for files, folders and patterns, each file once.

    The name is the file's; where two files share one, the folder's is put before it. Raises
    InputError if there are no patterns, or one of them has no pictures.
    """
    if not patterns:
        raise InputError("no pictures: give files, folders or patterns")
    files: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if is_picture(p))
            if not found:
                raise InputError(f"{path}: no pictures in this folder")
        else:
            found = [path] if path.exists() else sorted(map(Path, glob(pattern, recursive=True)))
            if not found:
                raise InputError(f"{pattern}: no such file or folder")
        files += found
    named: dict[str, Path] = {}
    for file in {file.resolve(): file for file in files}.values():
        named[free_name(file.stem, file.parent.name, named)] = file
    return named


def free_name(name: str, folder: str, taken: Container[str]) -> str:
    """`name`, with the folder's before it if it is taken, and with a number if that is too."""
    if name in taken:
        name = f"{folder}-{name}"
    while name in taken:
        name += "-2"
    return name


def is_picture(path: Path) -> bool:
    """Whether a file in a folder is meant; other systems put hidden ones beside them."""
    return path.suffix.lower() in PICTURES and path.name[0] != "." and path.is_file()


def require_own_names(results: Sequence[str], inputs: Iterable[Path], output: Path) -> None:
    """Raises InputError if two results would have one name, or one would replace an input."""
    used = {path.resolve() for path in inputs}
    for result, count in Counter(results).items():
        if (output / result).resolve() in used:
            raise InputError(f"{output / result} is one of the inputs; choose another --output")
        if count > 1:
            raise InputError(f"{result}: two results would have this name; rename an input")
