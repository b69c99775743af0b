"""How fast data is made: photos/s of `prepare`, triplets/s of FacePairs, at 256 px.

    python benchmarks/prepare.py FOLDER [PHOTOS]

FOLDER is what `deepfacepencil prepare photos` takes; PHOTOS of it (400) are prepared into a
temporary folder by two processes, their start included. Triplets are made for five seconds by one
process, a core's worth: with the paper's distortion, and all freehand. Wants idle cores.
"""

import itertools
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from deepfacepencil.data import photos
from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.data.prepare import Settings, prepare
from deepfacepencil.sketch.drawn import AS_PEOPLE_DRAW, Distortion

SIZE, PROCESSES, SECONDS = 256, 2, 5


def triplets_per_second(prepared: Path, distortion: Distortion) -> float:
    """Of one process, over SECONDS."""
    pairs = FacePairs(prepared, "train", SIZE, distortion, flip=True)
    start = time.perf_counter()
    for count in itertools.count(1):
        pairs.visit(count // len(pairs), count % len(pairs))
        if time.perf_counter() - start > SECONDS:
            break
    return count / (time.perf_counter() - start)


def main(folder: Path, number: int = 400) -> None:
    """Measure and print a table."""
    sources = [replace(source, split="train") for source in photos.find(folder, 0)[:number]]
    with tempfile.TemporaryDirectory() as temporary:
        prepared = Path(temporary) / "data"
        start = time.perf_counter()
        prepare(sources, Settings("photos", SIZE, False, 0), prepared, PROCESSES)
        rows = {
            f"prepare, {PROCESSES} processes": len(sources) / (time.perf_counter() - start),
            "triplets, the paper's distortion": triplets_per_second(prepared, Distortion()),
            "triplets, all freehand": triplets_per_second(prepared, Distortion(freehand_share=1)),
            "triplets, as people draw": triplets_per_second(prepared, AS_PEOPLE_DRAW),
        }
    print(f"\n{SIZE} px{'per second':>38}")
    for name, rate in rows.items():
        print(f"{name:34}{rate:10.0f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
