"""Ours, its ablations and its rivals, paired: one seed is one set of drawings and first weights.

    python benchmarks/paired.py DATA OUTPUT [--seeds 0 1 2] [--models ours dual-only ...]
                                [--changed constant-rate lambda-40 clean-d no-pooling frozen-body]
                                [--photos 20000] [--width 32]

Everything random follows from (seed, stage, resolution), so models that have a stage see the same
photos in it and begin it with the same D. Stage 1 is trained once per seed, as ours, and `ours` and
`dual-only` go on from it; the models without that stage are trained whole. --changed trains ours
with one thing changed, from the same stage 1. Prints FID, KID and L1 on clean and deformed test
sketches, their mean and standard deviation over the seeds; and the same of what a model differs by
from the first one with the same seed. OUTPUT/paired.csv has every number. The same command resumes.
About twenty minutes of two cores a model and seed with 20,000 photos at 128 px; a narrower network
(--width) and fewer photos take less.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
import tyro
from tyro.conf import Positional

from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.evaluation import metrics
from deepfacepencil.evaluation.features import load_inception
from deepfacepencil.evaluation.levels import Level
from deepfacepencil.evaluation.measure import generate
from deepfacepencil.evaluation.plan import Plan, load_models
from deepfacepencil.models.build import Model
from deepfacepencil.training.checkpoint import STATE, load_state, save_state
from deepfacepencil.training.loop import train
from deepfacepencil.training.networks import Networks
from deepfacepencil.training.recipes import (
    CLASSIFIER,
    COMPARE,
    STAGE_1,
    Adversary,
    Recipe,
    for_model,
)

LEVELS = (Level(), Level(d=11), Level(d=30))
NUMBERS = ("fid", "kid", "l1")
MODELS: tuple[Model, ...] = (
    "ours", "dual-only", "sap-only", "baseline", "baseline-deform", "pix2pixhd", "pix2pix",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    data: Positional[Path]
    output: Positional[Path]
    seeds: tuple[int, ...] = (0, 1, 2)
    models: tuple[Model, ...] = MODELS
    changed: tuple[str, ...] = ()
    photos: int = 20_000
    """Of all stages but the classifier's; all are shared out as in COMPARE."""
    width: int = COMPARE.width
    """Channels of the generators at full resolution; all other widths change by the same factor."""


def recipe_of(photos: int, width: int) -> Recipe:
    """COMPARE, with another number of photos and channels."""
    shown = sum(phase.images for phase in COMPARE.phases if phase.stage != CLASSIFIER)
    phases = tuple(
        replace(phase, images=phase.images * photos // shown // phase.batch * phase.batch)
        for phase in COMPARE.phases
    )
    return replace(
        COMPARE,
        phases=phases,
        width=width,
        cap=COMPARE.cap * width // COMPARE.width,
        discriminator_width=COMPARE.discriminator_width * width // COMPARE.width,
        discriminator_cap=COMPARE.discriminator_cap * width // COMPARE.width,
    )


def changes(recipe: Recipe) -> dict[str, Recipe]:
    """Ours with one thing changed."""
    return {
        "constant-rate": replace(recipe, decays=False),
        "lambda-40": replace(recipe, discriminator_matching=40.0),
        "clean-d": replace(recipe, adversary=Adversary(loss=recipe.adversary.loss, clean=True)),
        "no-pooling": replace(recipe, pooling=(1, 1, 1, 1)),
        "frozen-body": replace(recipe, body_learns_from_main=False),
    }


def up_to_stage_1(recipe: Recipe) -> Recipe:
    """Its classifier and stage 1 alone."""
    return replace(recipe, phases=tuple(p for p in recipe.phases if p.stage in _BEFORE))


_BEFORE = (CLASSIFIER, STAGE_1)


def go_on(first: Path, run: Path, recipe: Recipe, seed: int) -> None:
    """Let `run` begin where stage 1 in `first`, a run of ours, has ended."""
    if (run / STATE).exists():
        return
    run.mkdir(parents=True)
    before = load_state(first)
    assert before is not None
    torch.manual_seed(seed)  # of what stage 2 trains, in a model without SAP
    networks = Networks(recipe).state_dict()
    taken = before["networks"]
    of_stage_1 = ("auxiliary.", "main.body.", "discriminator.", "ema.auxiliary.", "ema.main.body.")
    for name in networks:
        if recipe.model == "ours" or name.startswith(of_stage_1):
            networks[name] = taken[name]
    done = sum(phase.stage in _BEFORE for phase in recipe.phases)
    save_state(before | {"networks": networks, "phase": done, "log": 0}, run)


def train_all(settings: Settings) -> dict[tuple[str, int], Path]:
    """{(model, seed): its run}, all trained."""
    recipe, runs = recipe_of(settings.photos, settings.width), {}
    for seed in settings.seeds:
        folder = settings.output / str(seed)
        first = folder / "stage-1"
        train(settings.data, first, up_to_stage_1(recipe), seed)
        recipes = {model: for_model(recipe, model) for model in settings.models}
        recipes |= {f"ours, {name}": changes(recipe)[name] for name in settings.changed}
        for name, of_model in recipes.items():
            run = folder / name.replace(", ", "-")
            if of_model.model in ("ours", "dual-only"):
                go_on(first, run, of_model, seed)
            print(f"{run}", flush=True)
            train(settings.data, run, of_model, seed)
            runs[name, seed] = run
    return runs


def measure(data: Path, runs: dict[tuple[str, int], Path]) -> list[dict[str, Any]]:
    """A row for every run and level."""
    device = torch.device("cpu")
    models = load_models(list(runs.values()), device)
    resolution = models[0].facts["resolution"]
    pairs = FacePairs(data, "test", resolution)
    count = len(pairs)
    plan = Plan(models, pairs, count, LEVELS, {}, min(100, count), 0)
    truths, inception = plan.photos(range(count)), load_inception(None, device)
    real = inception.features(truths)
    rows = []
    for (name, seed), model in zip(runs, models, strict=True):
        for level in LEVELS:
            photos, _ = generate(model, plan.sketches(range(count), level), device)
            features = inception.features(photos)
            kid, _ = metrics.kid(real, features, plan.kid_subset, seed=0)
            values = metrics.fid(real, features), kid, float(metrics.l1(photos, truths).mean())
            where = {"model": name, "seed": seed, "input": level.label}
            rows.append(where | dict(zip(NUMBERS, values, strict=True)))
    return rows


def print_table(rows: list[dict[str, Any]], minus: str | None = None) -> None:
    """A line for every model and level, mean and standard deviation over the seeds.

    With `minus`, of the differences to the model of this name with the same seed.
    """
    of = {(row["model"], row["input"], row["seed"]): row for row in rows}
    lines: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for (model, level, seed), row in of.items():
        if model != minus:
            base = of[minus, level, seed] if minus else dict.fromkeys(NUMBERS, 0.0)
            lines[model, level].append([row[number] - base[number] for number in NUMBERS])
    title = f"minus {minus}" if minus else ""
    print(f"{title:24}{'input':>10}" + "".join(f"{number:>20}" for number in NUMBERS))
    for (model, level), of_seeds in lines.items():
        print(f"{model:24}{level:>10}", end="")
        for values in zip(*of_seeds, strict=True):
            spread = stdev(values) if len(values) > 1 else 0
            print(f"{mean(values):12.4g} ± {spread:5.2g}", end="")
        print()


def main(settings: Settings) -> None:
    """Train, measure, print the tables."""
    rows = measure(settings.data, train_all(settings))
    with (settings.output / "paired.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    print_table(rows)
    print_table(rows, minus=rows[0]["model"])


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
