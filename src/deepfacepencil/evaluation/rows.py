"""The rows of the table: FID, KID, IS, distances and faithfulness of every model on every input."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from . import figures, metrics
from .cache import Arrays, Cache
from .faithfulness import faithfulness
from .measure import Measurements, found
from .plan import Plan

Row = dict[str, Any]


def rows(plan: Plan, measurements: Measurements, store: Cache) -> Iterator[Row]:
    """A row of the table for the true photos and for every model, at every level."""
    with tqdm(total=len(plan.levels) * len(plan.models), desc="scores", leave=False) as bar:
        for level, of_models in measurements.measured.items():
            where = {"input": level.label} | asdict(level) | {"n": plan.count}
            yield (
                {"model": figures.TRUTH}
                | where
                | _faithful(of_models[""], measurements.truth, None)
            )
            for model in plan.models:
                made = of_models[model.name]
                real, features = measurements.truth["features"], made["features"]
                fid = store.kept("fid", [real, features], partial(_fid, real, features))
                row: Row = {"model": model.name} | where | {"fid": float(fid["fid"])}
                row |= _kid(plan, real, features)
                if "log_classes" in made:
                    score = metrics.inception_score(made["log_classes"], plan.seed)
                    row |= zip(("is", "is_spread"), score, strict=True)
                row |= {name: float(made[name].mean()) for name in ("l1", "ssim", "st_lpips")}
                row["tolerance"] = _mean(made["tolerance"])
                yield row | _faithful(of_models[""], made, measurements.truth)
                bar.update()


def rows_of_drawings(plan: Plan, measurements: Measurements) -> Iterator[Row]:
    """As `rows`, without what needs a true photo; KID where there are photos enough.

    No FID: it depends on the number of photos, and would not compare with the other rows.
    """
    for group, shown in measurements.drawings.items():
        for model in plan.models:
            made = shown[model.name]
            row: Row = {"model": model.name, "input": f"drawings: {group}"}
            row["n"] = len(made["photos"])
            if row["n"] >= plan.kid_subset:
                row |= _kid(plan, measurements.truth["features"], made["features"])
            yield row | {"tolerance": _mean(made["tolerance"])} | _faithful(shown[""], made, None)


def _fid(real: metrics.Features, made: metrics.Features) -> Arrays:
    return {"fid": np.array(metrics.fid(real, made))}


def _kid(plan: Plan, real: metrics.Features, made: metrics.Features) -> Row:
    mean, spread = metrics.kid(real, made, plan.kid_subset, plan.seed)
    return {"kid": mean, "kid_spread": spread}


def _faithful(drawn: Arrays, made: Arrays, truth: Arrays | None) -> Row:
    """Where landmarks of the photos lie: against those of the drawings, and of the true photos.

    In inter-ocular distances: the median of the `pairs` in which a face was found on both sides,
    because a face that is found where none is counts for as much as it is wrong in a mean.
    """
    both = np.flatnonzero(found(drawn) & found(made))
    errors = [faithfulness(drawn["landmarks"][i], made["landmarks"][i]) for i in both]
    row: Row = {
        "faces_found": float(found(made).mean()),
        "drawings_with_face": float(found(drawn).mean()),
        "pairs": len(both),
    }
    for part in errors[0] if errors else ():
        name = "landmarks" if part == "all" else f"landmarks_{part}"
        row[name] = float(np.median([error[part] for error in errors]))
    if truth is not None:
        both = np.flatnonzero(found(truth) & found(made))
        away = [faithfulness(truth["landmarks"][i], made["landmarks"][i])["all"] for i in both]
        row["landmarks_to_truth"] = float(np.median(away)) if away else None
    return row


def _mean(values: NDArray[np.floating]) -> float | None:
    """The mean of those that are known, None if none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
