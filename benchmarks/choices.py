"""What the field has learnt since the paper, one choice after the other, on the same budget.

    python benchmarks/choices.py DATA OUTPUT [PHOTOS]

Trains stage 1 (G_a on clean sketches, 64 px) with PHOTOS (6,000) photos: with the paper's choices,
with each of the others on its own, and with those of SMALL and MODERN together; the paper's and
SMALL's with two seeds, to show what is chance. Measures all on the clean sketches of the test split
and prints the table. OUTPUT has a folder for each, with its sample sheets, and board.png: a column
for each training, in this order. The same command resumes.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.evaluation import metrics
from deepfacepencil.evaluation.features import load_alexnet, load_inception
from deepfacepencil.evaluation.measure import generate
from deepfacepencil.evaluation.plan import Photos, Sketches, load_models
from deepfacepencil.training.loop import train
from deepfacepencil.training.recipes import (
    COMPARE,
    MODERN,
    PAPER,
    SMALL,
    STAGE_1,
    Adversary,
    Phase,
    Recipe,
)

SIZE = 64  # pixels
BATCH = 16
SUBSET = 80  # photos in each of KID's subsets
ROWS = 6  # of the board
SMALLS = "SMALL: hinge, 10 L_rec, half first"
AGAIN = "the paper's", SMALLS


def choices(photos: int) -> dict[str, Recipe]:
    """{what is chosen otherwise: the recipe}; those in AGAIN with a second seed as well."""
    paper = replace(
        COMPARE,
        model="baseline",
        phases=(Phase(STAGE_1, SIZE, photos, BATCH),),
        adversary=PAPER.adversary,
        reconstruction=PAPER.reconstruction,
        ema_images=PAPER.ema_images,
    )
    # A photo of half the size costs a quarter.
    grown = (
        Phase(STAGE_1, SIZE // 2, 2 * photos, BATCH),
        Phase(STAGE_1, SIZE, photos // 2, BATCH),
    )
    small = replace(
        paper, adversary=SMALL.adversary, reconstruction=SMALL.reconstruction, phases=grown
    )
    perceptual = replace(small, perceptual=MODERN.perceptual)
    constant = replace(perceptual, decays=MODERN.decays)
    modern = replace(constant, adversary=MODERN.adversary)
    return {
        "the paper's": paper,
        "hinge loss": replace(paper, adversary=SMALL.adversary),
        "10 L_rec": replace(paper, reconstruction=SMALL.reconstruction),
        "D sees views": replace(paper, adversary=Adversary(augment=True)),
        "no average": replace(paper, ema_images=1.0),
        "half the size first": replace(paper, phases=grown),
        "ST-LPIPS": replace(paper, perceptual=MODERN.perceptual),
        "constant learning rate": replace(paper, decays=False),
        SMALLS: small,
        "SMALL and ST-LPIPS": perceptual,
        "and the constant learning rate": constant,
        "MODERN: and D sees views": modern,
    }


def clean_test(data: Path, size: int) -> tuple[Sketches, Photos]:
    """All sketches S_syn of the test split and their photos."""
    triplets = list(FacePairs(data, "test", size, None))
    sketches = np.concatenate([triplet.S_syn for triplet in triplets])
    return sketches, np.stack([triplet.photo.transpose(1, 2, 0) for triplet in triplets])


def main(data: Path, output: Path, photos: int = 6_000) -> None:
    """Train, measure, print the table."""
    recipes = choices(photos)
    trainings = [(name, 0) for name in recipes] + [(name, 1) for name in AGAIN]
    runs = [output / str(number) for number in range(len(trainings))]
    for run, (name, seed) in zip(runs, trainings, strict=True):
        print(f"{run}: {name}, seed {seed}", flush=True)
        train(data, run, recipes[name], seed)

    device = torch.device("cpu")
    inception, alexnet = load_inception(None, device), load_alexnet(device)
    sketches, truths = clean_test(data, SIZE)
    real, seen = inception.features(truths), alexnet.features(truths)
    columns = [255 - sketches[:ROWS, :, :, None].repeat(3, axis=3), truths[:ROWS]]
    print(f"{'':36}{'seed':>6}{'FID':>8}{'KID x 1000':>12}{'L1':>8}{'SSIM':>8}{'ST-LPIPS':>10}")
    for model, (name, seed) in zip(load_models(runs, device), trainings, strict=True):
        made, _ = generate(model, sketches, device)
        features = inception.features(made)
        fid, (kid, _) = metrics.fid(real, features), metrics.kid(real, features, SUBSET, seed=0)
        distances = metrics.l1(made, truths), metrics.ssim(made, truths)
        lpips = alexnet.distance(alexnet.features(made), seen)
        print(f"{name:36}{seed:6}{fid:8.1f}{1000 * kid:12.1f}", end="")
        print(f"{distances[0].mean():8.3f}{distances[1].mean():8.3f}{lpips.mean():10.3f}")
        columns.insert(-1, made[:ROWS])
    board = np.hstack([np.vstack(list(column)) for column in columns])
    Image.fromarray(board).resize((2 * board.shape[1], 2 * board.shape[0])).save(
        output / "board.png"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
