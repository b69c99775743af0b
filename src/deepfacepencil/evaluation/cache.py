"""What was measured once is kept: interrupted evaluations go on, and models share what is equal.

Everything lies under a name made of all that it depends on, so nothing out of date is ever read.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..budget import require_regular
from ..files import atomic_path

METHOD = 3  # to be raised when what lies in the cache is measured in another way

Arrays = dict[str, Any]  # numpy arrays


@dataclass(frozen=True)
class Cache:
    """A folder of arrays, measured with networks of these digests."""

    folder: Path
    networks: tuple[str, ...]

    def kept(self, kind: str, on: Iterable[Any], make: Callable[[], Arrays]) -> Arrays:
        """What `make` gives, made once for everything in `on` that it depends on."""
        digest = hashlib.sha256(" ".join([f"{METHOD}", *self.networks]).encode())
        for part in on:
            digest.update(f"{getattr(part, 'shape', '')}".encode())
            digest.update(part.tobytes() if isinstance(part, np.ndarray) else f"{part}".encode())
        path = self.folder / f"{kind}-{digest.hexdigest()[:32]}.npz"
        require_regular(path)
        if path.exists():
            try:
                with np.load(path) as stored:
                    return dict(stored)
            except Exception:  # cut or flipped, which a zip notices: made anew
                pass
        arrays = make()
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        return arrays
