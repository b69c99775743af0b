"""The measurements: every model draws every sketch, and trained networks describe the photos.

A unit of work is one model, one level and a batch of test photos.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ..data.landmarks import find_landmarks
from ..models.condition import Condition
from ..models.generator import to_bytes
from ..models.sap import pooling_widths
from ..runtime import overlay
from . import metrics
from .cache import Arrays, Cache
from .features import AlexNet, Inception
from .levels import Level
from .plan import Model, Photos, Plan, Sketches

BATCH = 16
ATTENDED = 3  # drawings, or test photos, in the figure of the attention
LANDMARKS = (478, 2)


@dataclass(frozen=True, eq=False)
class Measurements:
    """All that was measured; under "" lies what was found in the sketches themselves."""

    truth: Arrays  # of the true photos
    measured: dict[Level, dict[str, Arrays]]  # {level: {model: what Instruments.of_model gives}}
    boards: dict[Level, dict[str, Arrays]]  # of Plan.faces: Instruments.of_model_alone
    drawings: dict[str, dict[str, Arrays]]  # the same of Plan.groups


@dataclass(frozen=True, eq=False)
class Instruments:
    """The networks that describe photos."""

    inception: Inception
    alexnet: AlexNet
    device: torch.device

    def of_photos(self, photos: Photos) -> Arrays:
        """Features, classes if they are known, and landmarks of every photo."""
        arrays: Arrays = {
            "features": self.inception.features(photos),
            "landmarks": landmarks_of(photos, drawings=False),
        }
        if self.inception.knows_classes:
            arrays["log_classes"] = self.inception.log_classes(photos)
        return arrays

    def of_model(
        self, model: Model, sketches: Sketches, truths: Photos, true_features: Callable[[], Any]
    ) -> Arrays:
        """One unit: a model's photos of `sketches` against the true ones, with their features."""
        photos, attention = generate(model, sketches, self.device)
        features = self.alexnet.features(photos)
        return self.of_photos(photos) | {
            "tolerance": mean_tolerance(attention, sketches),
            "l1": metrics.l1(photos, truths),
            "ssim": metrics.ssim(photos, truths),
            "st_lpips": self.alexnet.distance(features, true_features()),
        }

    def of_model_alone(self, model: Model, sketches: Sketches) -> Arrays:
        """As `of_model`, of drawings that have no true photo; with the pictures for the boards."""
        photos, attention = generate(model, sketches, self.device)
        kept: Arrays = {"photos": photos, "tolerance": mean_tolerance(attention, sketches)}
        if attention is not None:
            kept["attention"] = attention[:ATTENDED].astype(np.float16)
        return self.of_photos(photos) | kept


def measure(plan: Plan, instruments: Instruments, store: Cache) -> Measurements:
    """All the work: every model on every sketch.

    Batch by batch, so that the AlexNet's features of a true photo serve all models and levels.
    """
    truth: list[Arrays] = []
    measured: dict[Level, dict[str, list[Arrays]]] = {
        level: {name: [] for name in ("", *(model.name for model in plan.models))}
        for level in plan.levels
    }
    sketches = (plan.count + len(plan.faces)) * len(plan.levels)
    sketches += sum(len(names) for names, _ in plan.groups.values())
    with tqdm(total=sketches * len(plan.models), unit=" photos") as bar:
        for start in range(0, plan.count, BATCH):
            batch = range(start, min(start + BATCH, plan.count))
            photos = plan.photos(batch)
            truth.append(store.kept("truths", [photos], partial(instruments.of_photos, photos)))
            features = cache(partial(instruments.alexnet.features, photos))
            for level, of_models in measured.items():
                drawn = plan.sketches(batch, level)
                of_models[""].append(_of_sketches(drawn, store))
                for model in plan.models:
                    make = partial(instruments.of_model, model, drawn, photos, features)
                    arrays = store.kept("photos", [model.digest, drawn, photos], make)
                    of_models[model.name].append(arrays)
                    bar.update(len(batch))
        alone = partial(_alone, plan, instruments, store, bar.update)
        return Measurements(
            _joined(truth),
            {
                level: {name: _joined(parts) for name, parts in of_models.items()}
                for level, of_models in measured.items()
            },
            {level: alone(plan.sketches(plan.faces, level)) for level in plan.levels},
            {group: alone(drawn) for group, (_, drawn) in plan.groups.items()},
        )


def _alone(
    plan: Plan,
    instruments: Instruments,
    store: Cache,
    done: Callable[[int], Any],
    sketches: Sketches,
) -> dict[str, Arrays]:
    """{model: what `of_model_alone` gives}, and under "" what was found in the sketches."""
    parts: dict[str, list[Arrays]] = defaultdict(list)
    for start in range(0, len(sketches), BATCH):
        batch = sketches[start : start + BATCH]
        parts[""].append(_of_sketches(batch, store))
        for model in plan.models:
            make = partial(instruments.of_model_alone, model, batch)
            parts[model.name].append(store.kept("shown", [model.digest, batch], make))
            done(len(batch))
    return {name: _joined(some) for name, some in parts.items()}


def _of_sketches(sketches: Sketches, store: Cache) -> Arrays:
    """Where landmarks lie in the sketches."""
    find = partial(landmarks_of, as_drawn(sketches), drawings=True)
    return store.kept("sketches", [sketches], lambda: {"landmarks": find()})


@torch.no_grad()
def generate(
    model: Model, sketches: Sketches, device: torch.device
) -> tuple[Photos, NDArray[np.float32] | None]:
    """A model's photos of sketches, and A of Eq. 2 (N, N_r, S, S) if it has SAP."""
    strokes = torch.from_numpy(sketches).to(device)[:, None] / 255
    made = model.network(Condition(strokes))
    chosen = None if made.attention is None else made.attention.float().cpu().numpy()
    return to_bytes(made.photo), chosen


def mean_tolerance(
    attention: NDArray[np.floating] | None, sketches: Sketches
) -> NDArray[np.float64]:
    """The expected pooling width on the strokes of each sketch, pixels at 256 (N,); nan without A.

    The widths are those that were used, which a smaller picture has rounded to its own pixels.

    Away from strokes there is nothing to pool, and what is chosen there means nothing.
    """
    if attention is None:
        return np.full(len(sketches), np.nan)
    size = sketches.shape[-1]
    widths = [width * overlay.RESOLUTION / size for width in pooling_widths(size)]
    return np.array(
        [
            np.average(overlay.tolerance(chosen, widths), weights=sketch)
            if sketch.any()
            else np.nan
            for chosen, sketch in zip(attention, sketches, strict=True)
        ]
    )


def landmarks_of(pictures: Iterable[NDArray[np.uint8]], drawings: bool) -> NDArray[np.float32]:
    """Landmarks of every picture (H, W, 3), in pixels (N, 478, 2); nan where no face is found."""
    nowhere = np.full(LANDMARKS, np.nan)
    found = [find_landmarks(picture, drawings) for picture in pictures]
    return np.array([nowhere if at is None else at for at in found], np.float32)


def as_drawn(sketches: Sketches) -> Photos:
    """Sketches as people see them, dark on white: (N, S, S, 3)."""
    return np.repeat(255 - sketches[..., None], 3, axis=-1)


def found(arrays: Arrays) -> NDArray[np.bool_]:
    """In which of the pictures a face was found."""
    return np.array([np.isfinite(points).all() for points in arrays["landmarks"]])


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
