"""The two generators of a dual training beside each other.

    python benchmarks/guide.py DATA RUN...

FID, KID x 1000 and L1 of G_a and G_m, both on the clean sketches of the test split. If they are
alike, what is wrong with G_m's photos comes from the body that both share, and not from SAP.
"""

import sys
from pathlib import Path

import torch
from choices import clean_test

from deepfacepencil.evaluation import metrics
from deepfacepencil.evaluation.features import load_inception
from deepfacepencil.evaluation.measure import generate
from deepfacepencil.evaluation.plan import Model
from deepfacepencil.models.build import generators
from deepfacepencil.training.checkpoint import load_state, load_weights

SUBSET = 100  # photos in each of KID's subsets


def main(data: Path, runs: list[Path]) -> None:
    """Print a line for each generator."""
    cpu = torch.device("cpu")
    inception = load_inception(None, cpu)
    for run in runs:
        facts, state = load_weights(run)[1], load_state(run)
        size = facts["width"], facts["cap"], facts["depth"]
        sketches, truths = clean_test(data, facts["resolution"])
        real = inception.features(truths)
        both = generators(facts["model"], *size)
        for name, key, network in zip(("G_a", "G_m"), ("auxiliary", "main"), both, strict=True):
            average = f"ema.{key}."
            network.load_state_dict(
                {
                    parameter.removeprefix(average): value
                    for parameter, value in state["networks"].items()
                    if parameter.startswith(average)
                }
            )
            made, _ = generate(Model(name, network.eval(), "", facts), sketches, cpu)
            features = inception.features(made)
            kid = 1000 * metrics.kid(real, features, SUBSET, seed=0)[0]
            fid, l1 = metrics.fid(real, features), metrics.l1(made, truths).mean()
            print(f"{run} {name}: FID {fid:.1f}, KID x 1000 {kid:.0f}, L1 {l1:.3f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(run) for run in sys.argv[2:]])
