"""Models side by side on photos they never saw: realism and faithfulness (Table 1, Fig. 5).

    python benchmarks/models.py FACES OUTPUT MODEL.onnx... [--photos N]

FACES has photos/ and labels/. Every model draws the same sketches of the labels at d = 0, 11 and
30, without an appearance and with a seed of its own for each. KID and FID are against the photos
as they are, and against those on a plain backdrop, for models that were trained with one. Landmarks
are to those of the true photo, in inter-ocular distances. One table, and OUTPUT/sheet.png.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from deepfacepencil.data.landmarks import eyes, find_landmarks
from deepfacepencil.data.photos import read_labels
from deepfacepencil.data.prepare import on_backdrop
from deepfacepencil.evaluation.features import load_inception
from deepfacepencil.evaluation.metrics import fid, kid
from deepfacepencil.images import read_photo
from deepfacepencil.runtime.engine import Engine
from deepfacepencil.sketch.deform import deform
from deepfacepencil.sketch.trace import trace_labels

LEVELS = (0, 11, 30)
SHOWN = 10


def landmark_error(photo: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of the landmarks of two photos; NaN where the first has no face."""
    found, wanted = find_landmarks(photo, False), find_landmarks(truth, False)
    if found is None or wanted is None:
        return float("nan")
    left, right = (wanted[side].mean(0) for side in eyes())
    return float(np.linalg.norm(found - wanted, axis=1).mean() / np.linalg.norm(left - right))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, default=170)
    given = parser.parse_args()
    names = sorted(path.stem for path in (given.faces / "labels").glob("*.png"))[: given.photos]
    labels = [read_labels(given.faces / "labels" / f"{name}.png") for name in names]
    truths = [read_photo(given.faces / "photos" / f"{name}.jpg", 256) for name in names]
    strokes = [trace_labels(each) for each in labels]
    inception = load_inception(None, torch.device("cpu"))

    def features(photos: list[np.ndarray]) -> np.ndarray:
        parts = [np.stack(photos[i : i + 16]) for i in range(0, len(photos), 16)]
        return np.concatenate([inception.features(part) for part in parts])

    natural = [np.asarray(photo) for photo in truths]
    plain = [np.asarray(on_backdrop(*pair)) for pair in zip(truths, labels, strict=True)]
    real = {"natural": features(natural), "plain": features(plain)}
    rows = [natural[:SHOWN]]
    print(
        "model, d: KID x 1000 natural, plain; FID natural, plain; landmarks; faces found",
        flush=True,
    )
    subset = min(100, len(names) // 2)
    for model in given.models:
        engine = Engine(model)
        for d in LEVELS:
            made = []
            for index, lines in enumerate(tqdm(strokes, leave=False)):
                drawn = deform(lines, np.random.default_rng((d, index)), d)
                made.append(engine(drawn, seed=index).photo)
            rows.append(made[:SHOWN])
            seen = features(made)
            kids = [1000 * kid(own, seen, subset)[0] for own in real.values()]
            fids = [fid(own, seen) for own in real.values()]
            errors = np.array([landmark_error(*p) for p in zip(made, natural, strict=True)])
            print(
                f"{model.name}, {d}: {kids[0]:.1f}, {kids[1]:.1f}; {fids[0]:.1f}, {fids[1]:.1f};"
                f" {np.nanmean(errors):.4f}; {np.isfinite(errors).mean():.0%}",
                flush=True,
            )
    given.output.mkdir(parents=True, exist_ok=True)
    sheet = np.vstack([np.hstack(row) for row in rows])
    Image.fromarray(sheet).save(given.output / "sheet.png")


if __name__ == "__main__":
    main()
