"""What the field has learnt since the paper, one choice after the other, on the same budget.

    python benchmarks/choices.py DATA OUTPUT [PHOTOS]

Trains stage 1 (G_a on clean sketches, 128 px) for PHOTOS (6,000) photos with the losses of PAPER,
with each part of MODERN on its own and together; evaluates all trainings on clean sketches.
OUTPUT has a folder for each, with its sample sheets, and the report. The same command resumes.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from deepfacepencil.evaluation.evaluate import evaluate
from deepfacepencil.training.loop import train
from deepfacepencil.training.recipes import COMPARE, PAPER, STAGE_1, Adversary, Phase


def main(data: Path, output: Path, photos: int = 6_000) -> None:
    """Train, evaluate, print the table."""
    paper = replace(
        COMPARE,
        model="baseline",
        phases=(Phase(STAGE_1, 128, photos, 8),),
        adversary=PAPER.adversary,
        reconstruction=PAPER.reconstruction,
        ema_images=PAPER.ema_images,
    )
    hinge = Adversary(hinge=True)
    recipes = {
        "paper": paper,
        "hinge": replace(paper, adversary=hinge),
        "augment": replace(paper, adversary=Adversary(augment=True)),
        "L_rec x 10": replace(paper, reconstruction=10.0),
        "no EMA": replace(paper, ema_images=1.0),
        "hinge, L_rec x 10": replace(paper, adversary=hinge, reconstruction=10.0),
        "hinge, L_rec x 10, augment": replace(
            paper, adversary=replace(hinge, augment=True), reconstruction=10.0
        ),
    }
    runs = {name: output / f"{number}" for number, name in enumerate(recipes)}
    for name, recipe in recipes.items():
        print(f"{runs[name]}: {name}", flush=True)
        train(data, runs[name], recipe, seed=0)
    evaluate(list(runs.values()), data, output / "report", deformation_only=True)
    rows = json.loads((output / "report" / "results.json").read_text())["rows"]
    print(f"{'':30}{'FID':>8}{'KID x 1000':>12}{'L1':>8}{'SSIM':>8}{'ST-LPIPS':>10}")
    for name, run in runs.items():
        (row,) = (row for row in rows if row["d"] == 0 and row["model"].endswith(f"({run})"))
        print(
            f"{name:30}{row['fid']:8.1f}{1000 * row['kid']:12.1f}{row['l1']:8.3f}"
            f"{row['ssim']:8.3f}{row['st_lpips']:10.3f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
