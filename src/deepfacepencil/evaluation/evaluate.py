"""Trained models against each other, on all the inputs of section 4: one command, one report.

REPORT/report.html    everything, in one file
REPORT/results.json   every number and how it came about; table.csv has its rows
REPORT/*.png          boards, curves, attention
REPORT/cache/         may be deleted
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ..budget import require_regular
from ..data.dataset import FacePairs
from ..errors import InputError
from ..files import atomic_path, remove_leftovers
from ..provenance import save_made
from . import figures, metrics, page
from .boards import pictures_of
from .cache import Arrays, Cache
from .features import RESIZE, ST_LPIPS, load_alexnet, load_inception
from .levels import AXES, DEFORMATION, MISSING, WIDTHS
from .measure import Instruments, Measurements, found, measure
from .plan import Plan, load_models, read_drawings
from .rows import rows, rows_of_drawings


def evaluate(
    runs: Sequence[Path],
    data: Path,
    output: Path,
    drawings: Sequence[Path] = (),  # folders of drawings, or of folders of them
    inception: Path | None = None,  # see features.py
    photos: int | None = None,  # of the test split; None for all
    kid_subset: int = 100,
    seed: int = 0,
    deformation_only: bool = False,  # without the levels of width and missing strokes
) -> Path:
    """Measure the generators of `runs` on the test split of `data`; returns the report's path.

    The same call goes on where it was interrupted. Raises InputError if a run has no weights, if
    runs or data have different resolutions, if there are fewer photos than a metric needs, and if
    a file of weights or a drawing cannot be used.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    models = load_models(runs, device)
    resolution = models[0].facts["resolution"]
    pairs = FacePairs(data, "test", resolution)
    count = len(pairs) if photos is None else min(photos, len(pairs))
    metrics.check_kid_subset(kid_subset, count)
    instruments = Instruments(load_inception(inception, device), load_alexnet(device), device)
    if instruments.inception.knows_classes:
        metrics.check_splits(count)
    levels = DEFORMATION + (() if deformation_only else WIDTHS + MISSING)
    groups = read_drawings(drawings, resolution)
    plan = Plan(models, pairs, count, levels, groups, kid_subset, seed)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; --output is a folder for the report")
    (output / "cache").mkdir(parents=True, exist_ok=True)
    remove_leftovers(output)
    networks = instruments.inception.digest, instruments.alexnet.digest
    store = Cache(output / "cache", networks)
    try:
        measurements = measure(plan, instruments, store)
        table = [*rows(plan, measurements, store), *rows_of_drawings(plan, measurements)]
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"\n{output}: interrupted; the same command goes on") from None
    results = {"data": str(data), **_conditions(plan, instruments, measurements), "rows": table}
    _write(output, results, pictures_of(plan, measurements))
    return output / "report.html"


def _conditions(plan: Plan, instruments: Instruments, measurements: Measurements) -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "split": "test",
        "photos": plan.count,
        "resolution": plan.pairs.resolution,
        "seed": plan.seed,
        "features": instruments.inception.source,
        "resize": RESIZE,
        "kid": f"{metrics.SUBSETS} subsets of {plan.kid_subset} photos; the spread is over them",
        "is": f"{metrics.SPLITS} splits; the spread is over them"
        if instruments.inception.knows_classes
        else "left out: these features come without classes; --inception has them",
        "perceptual": ST_LPIPS,
        "models": {model.name: model.facts | {"weights": model.digest} for model in plan.models},
        "drawings": {
            group: {
                "names": names,
                "without a face": _faceless(names, measurements.drawings[group][""]),
            }
            for group, (names, _) in plan.groups.items()
        },
    }


def _faceless(names: Sequence[str], drawn: Arrays) -> list[str]:
    return [name for name, face in zip(names, found(drawn), strict=True) if not face]


def _drawn_before(output: Path) -> set[str]:
    """The pictures of the report that is in `output`."""
    require_regular(output / "results.json")
    try:
        names = json.loads((output / "results.json").read_text())["pictures"]
        return {Path(name).name for name in names}
    except (OSError, ValueError, KeyError, TypeError):  # none, or damaged
        return set()


def _write(
    output: Path, results: dict[str, Any], pictures: dict[str, tuple[str, Image.Image]]
) -> None:
    rows = results["rows"]
    charts = {axis: figures.charts(rows, axis) for axis in AXES if figures.runs_along(rows, axis)}
    results["pictures"] = [*pictures, *(f"curves-{axis}.png" for axis in charts)]
    for name in _drawn_before(output) - set(results["pictures"]):
        (output / name).unlink(missing_ok=True)  # of other models, drawings or levels
    for name, (_, picture) in pictures.items():
        save_made(picture, output / name)
    for axis, drawn in charts.items():
        with atomic_path(output / f"curves-{axis}.png") as temporary:
            temporary.write_bytes(drawn.png)
    with (
        atomic_path(output / "table.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="replace") as file,
    ):
        table = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        table.writeheader()
        table.writerows(rows)
    with atomic_path(output / "results.json") as temporary:
        temporary.write_text(json.dumps(results, indent=1, allow_nan=False))
    with atomic_path(output / "report.html") as temporary:
        temporary.write_text(page.page(results, pictures, charts), "utf-8", "replace")
