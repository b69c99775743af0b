"""Files that know their own SHA-256: one flipped bit in them is noticed when they are read.

The digest is the last line of the file, over all before it. Readers of the format do not mind: zip
archives are read from what lies before, and for a protobuf (ONNX) the line is a field like others.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

KEY = b"deepfacepencil-sha256"
_HEX = 64
# A metadata property of an ONNX model: field 14 with a key and a value, each with its length.
_ONNX = bytes([0x72, 2 + len(KEY) + 2 + _HEX, 0x0A, len(KEY)]) + KEY + bytes([0x12, _HEX])
_PLAIN = b"\n" + KEY + b" "
LENGTH = {"onnx": len(_ONNX) + _HEX, "plain": len(_PLAIN) + _HEX}
_START = {"onnx": _ONNX, "plain": _PLAIN}
_CHUNK = 1 << 20


def seal(path: Path, kind: str = "plain") -> None:
    """Append the digest to a file that is whole, and see it safely on the disk."""
    with path.open("r+b") as file:
        digest = _sha256(file, path.stat().st_size)
        file.seek(0, os.SEEK_END)
        file.write(_START[kind] + digest.encode())
        file.flush()
        os.fsync(file.fileno())


def is_sound(path: Path, kind: str = "plain") -> bool | None:
    """Whether the file is as it was sealed; None where it has no digest, or lost it."""
    size, length = path.stat().st_size, LENGTH[kind]
    if size < length:
        return None
    with path.open("rb") as file:
        file.seek(size - length)
        end = file.read(length)
        if not end.startswith(_START[kind]):
            # A flipped bit in the seal itself: what is nearly one is no other's file.
            return False if _is_nearly(end, _START[kind]) else None
        return _sha256(file, size - length).encode() == end[len(_START[kind]) :]


def _is_nearly(found: bytes, start: bytes) -> bool:
    same = sum(a == b for a, b in zip(found, start, strict=False))
    return same >= len(start) - 2


def _sha256(file: BinaryIO, size: int) -> str:
    """Of the first `size` bytes."""
    file.seek(0)
    digest, left = hashlib.sha256(), size
    while left and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()
