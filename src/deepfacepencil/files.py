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

from .budget import require_regular
from .errors import InputError, seen

PICTURES = {
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
    ".gif", ".avif", ".heic", ".heif", ".jp2", ".ppm", ".pgm", ".pbm", ".svg", ".svgz", ".pdf",
}  # fmt: skip
_LONGEST = 255  # bytes of a file's name, on most disks
_LONGEST_END = "-tolerance-deformed-2.png"  # what results add to a name


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` if the block succeeds.

    Raises InputError if `path` is there and no file: a pipe or a device is not replaced.
    """
    require_regular(path)
    end = f".{os.getpid()}.part"
    name = _shortened(path.name, _LONGEST - len(".1234567890.part") - 1)
    for left in path.parent.glob(f".{escape(name)}.*.part"):
        if not _lives(left.name.split(".")[-2]):
            left.unlink(missing_ok=True)
    temporary = path.with_name(f".{name}{end}")
    # Made here, and anew: in a folder that others may write to, they could have put a link there.
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
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
            _name_what_is_left_out(path, found)
        else:
            found = [path] if path.exists() else sorted(map(Path, glob(pattern, recursive=True)))
            if not found:
                raise InputError(f"{pattern}: no such file or folder")
        files += found
    named: dict[str, Path] = {}
    for file in {file.resolve(): file for file in files}.values():
        stem = _shortened(file.stem, _LONGEST - len(_LONGEST_END))
        named[free_name(stem, file.parent.name, named)] = file
    return named


def _name_what_is_left_out(folder: Path, found: Sequence[Path]) -> None:
    """Say which files of a folder are not taken, hidden ones and texts about it apart."""
    about = {".txt", ".md", ".json", ".csv", ".html"}
    other = sorted(
        path.name
        for path in set(folder.iterdir()) - set(found)
        if path.name[0] != "." and path.suffix.lower() not in about and path.is_file()
    )
    for name in other:
        path = seen(str(folder / name))
        print(f"left out {path}: not a kind of picture that is read; save it as PNG")


def _shortened(name: str, most: int) -> str:
    """The name, cut to so many bytes."""
    return (
        os.fsencode(name)[:most].decode(errors="ignore") if len(os.fsencode(name)) > most else name
    )


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
