"""Drawings that training makes, beside drawings by people, to see whether they could be mixed up.

    python benchmarks/habits.py DATA DRAWINGS OUTPUT [SEED]

DATA is a prepared folder, or one with photos/ and labels/; DRAWINGS holds drawings in files or
folders. OUTPUT becomes a PNG: rows of S_dfm as `AS_PEOPLE_DRAW` makes them alternate with rows of
drawings by people; the first row is S_syn of the second. The milliseconds that a drawing costs are
printed.
"""

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from deepfacepencil.data.prepare import load_strokes
from deepfacepencil.errors import InputError
from deepfacepencil.sketch.drawn import AS_PEOPLE_DRAW
from deepfacepencil.sketch.inner import inner_strokes
from deepfacepencil.sketch.normalise import load_drawing
from deepfacepencil.sketch.pen import picture
from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.sketch.trace import trace_labels

COLUMNS, TILE, ROWS = 10, 192, 8


def main(data: Path, drawings: Path, output: Path, seed: int = 0) -> None:
    """Write the board."""
    rng = np.random.default_rng(seed)
    faces = _faces(data, rng, COLUMNS * ROWS // 2)
    clean = [AS_PEOPLE_DRAW.aligned(*face, rng) for face in faces]
    begin = time.process_time()
    made = [AS_PEOPLE_DRAW(strokes, rng) for strokes in clean]
    print(f"{1000 * (time.process_time() - begin) / len(made):.1f} ms a drawing")
    real = _drawings(drawings, rng, COLUMNS * ROWS // 2)
    board = Image.new("L", (COLUMNS * TILE, (ROWS + 1) * TILE), 255)
    rows = [clean[:COLUMNS]]
    for k in range(0, len(made), COLUMNS):
        rows += [made[k : k + COLUMNS], real[k : k + COLUMNS]]
    for row, strokes_of_row in enumerate(rows):
        for column, strokes in enumerate(strokes_of_row):
            board.paste(picture(strokes, TILE), (column * TILE, row * TILE))
    board.save(output)


def _faces(data: Path, rng: np.random.Generator, count: int) -> list[tuple[Strokes, Strokes]]:
    """Borders and inner strokes of `count` faces."""
    stored = sorted(data.rglob("strokes/*.npz"))
    if stored:
        return [load_strokes(stored[k]) for k in rng.integers(0, len(stored), count)]
    labels = sorted((data / "labels").glob("*.png"))
    faces = []
    for k in rng.permutation(len(labels))[:count]:
        photo = next((data / "photos").glob(f"{labels[k].stem}.*"))
        regions = np.asarray(Image.open(labels[k]))
        pixels = np.asarray(Image.open(photo).convert("RGB"))
        faces.append((trace_labels(regions), inner_strokes(pixels, regions)))
    return faces


def _drawings(folder: Path, rng: np.random.Generator, count: int) -> list[Strokes]:
    """`count` drawings of every folder in `folder`, in turn."""
    kinds: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("*.*")):
        kinds.setdefault(path.parent, []).append(path)
    queues = [list(rng.permutation(np.array(kind, object))) for kind in kinds.values()]
    found: list[Strokes] = []
    while len(found) < count and any(queues):
        for queue in queues:
            if queue:
                try:
                    found.append(load_drawing(queue.pop()))
                except InputError as problem:
                    print(problem)
    return found[:count]


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:4]]
    main(paths[0], paths[1], paths[2], *map(int, sys.argv[4:]))
