"""Trained models against each other, on all the inputs of section 4: one command, one report.

A unit of work is one model, one level and a batch of test photos. What a unit gives lies in
REPORT/cache under a name made of all it depends on: weights, sketches, photos, the networks that
look at them. So nothing is computed twice, and an interrupted command goes on.

    REPORT/report.html    everything, in one file
    REPORT/results.json   every number and how it came about; table.csv has its rows
    REPORT/*.png          boards, curves, attention
    REPORT/cache/         may be deleted
"""

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from tqdm import tqdm

from ..data.dataset import FacePairs
from ..data.landmarks import find_landmarks
from ..errors import InputError
from ..files import atomic_path, find_pictures, free_name, is_picture, remove_leftovers
from ..models.condition import Condition
from ..models.generator import to_bytes
from ..models.sap import pooling_widths
from ..provenance import save_made
from ..runtime import overlay
from ..sketch.normalise import load_drawing
from ..sketch.pen import draw
from ..training.checkpoint import load_generator, refuse_enhancer
from . import figures, metrics, page
from .faithfulness import faithfulness
from .features import RESIZE, ST_LPIPS, AlexNet, Inception, load_alexnet, load_inception
from .levels import AXES, CLEAN, DEFORMATION, MISSING, WIDTHS, Level

METHOD = 3  # to be raised when what lies in the cache is measured in another way
BATCH = 16
FACES = 6  # test photos on a board
ATTENDED = 3  # of them, and of the drawings, in the figure of the attention
LANDMARKS = (478, 2)

Arrays = dict[str, Any]  # numpy arrays
Row = dict[str, Any]
Photos = NDArray[np.uint8]  # (N, S, S, 3)
Sketches = NDArray[np.uint8]  # (N, S, S), 255 for stroke


@dataclass(frozen=True, eq=False)
class Model:
    """A trained generator, as the report knows it."""

    name: str
    network: nn.Module
    digest: str  # of its weights
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is measured on what."""

    models: list[Model]
    pairs: FacePairs  # the test split
    count: int  # of its photos
    levels: tuple[Level, ...]
    groups: dict[str, tuple[list[str], Sketches]]  # {folder: (names, sketches)} of the drawings
    kid_subset: int  # photos in each of KID's subsets
    seed: int  # of deformations, missing strokes and subsets

    @property
    def faces(self) -> list[int]:
        """The test photos on the boards, from all over the split."""
        places = np.linspace(0, self.count - 1, min(FACES, self.count))
        return [round(place) for place in places]

    def sketches(self, chosen: Iterable[int], level: Level) -> Sketches:
        """The test sketches `chosen` at a level; each the same whichever others are chosen."""
        pairs = self.pairs
        return np.stack(
            [
                level.sketch(
                    pairs.strokes(index),
                    pairs.resolution,
                    np.random.default_rng((self.seed, index)),
                )
                for index in chosen
            ]
        )

    def photos(self, chosen: Iterable[int]) -> Photos:
        """The true photos `chosen`."""
        return np.stack([self.pairs[index].photo.transpose(1, 2, 0) for index in chosen])


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen; under "" lies what was seen in the sketches themselves."""

    truth: Arrays
    measured: dict[Level, dict[str, Arrays]]  # {level: {model: what Bench.measure gives}}
    boards: dict[Level, dict[str, Arrays]]  # the same for Plan.faces and Bench.show
    drawings: dict[str, dict[str, Arrays]]  # the same for Plan.groups


@dataclass(frozen=True, eq=False)
class Bench:
    """The networks that look at photos, and where what they saw is kept."""

    inception: Inception
    alexnet: AlexNet
    cache: Path
    device: torch.device

    def kept(self, kind: str, on: Iterable[Any], make: Callable[[], Arrays]) -> Arrays:
        """What `make` gives, made once for everything in `on` that it depends on."""
        digest = hashlib.sha256(f"{METHOD} {self.inception.digest} {self.alexnet.digest}".encode())
        for part in on:
            digest.update(f"{getattr(part, 'shape', '')}".encode())
            digest.update(part.tobytes() if isinstance(part, np.ndarray) else f"{part}".encode())
        path = self.cache / f"{kind}-{digest.hexdigest()[:32]}.npz"
        if path.exists():
            try:
                with np.load(path) as stored:
                    return dict(stored)
            except (EOFError, ValueError, BadZipFile):
                pass  # it was being written when the power went: made anew
        arrays = make()
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        return arrays

    def look(self, photos: Photos) -> Arrays:
        """What every photo is looked at for: features, classes if they are known, landmarks."""
        seen: Arrays = {
            "features": self.inception.features(photos),
            "landmarks": landmarks_of(photos, drawings=False),
        }
        if self.inception.knows_classes:
            seen["log_classes"] = self.inception.log_classes(photos)
        return seen

    def measure(
        self, model: Model, sketches: Sketches, truths: Photos, seen: Callable[[], Any]
    ) -> Arrays:
        """One unit: a model's photos of `sketches` against the true ones, `seen` by the AlexNet."""
        photos, attention = generate(model, sketches, self.device)
        return self.look(photos) | {
            "tolerance": mean_tolerance(attention, sketches),
            "l1": metrics.l1(photos, truths),
            "ssim": metrics.ssim(photos, truths),
            "st_lpips": self.alexnet.distance(self.alexnet.features(photos), seen()),
        }

    def show(self, model: Model, sketches: Sketches) -> Arrays:
        """As `measure`, of drawings that have no true photo; keeps what the boards show."""
        photos, attention = generate(model, sketches, self.device)
        kept: Arrays = {"photos": photos, "tolerance": mean_tolerance(attention, sketches)}
        if attention is not None:
            kept["attention"] = attention[:ATTENDED].astype(np.float16)
        return self.look(photos) | kept

    def look_at_drawings(self, sketches: Sketches) -> Arrays:
        """Where landmarks lie in drawings."""
        find = partial(landmarks_of, _as_drawn(sketches), drawings=True)
        return self.kept("sketches", [sketches], lambda: {"landmarks": find()})


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
    looking = load_inception(inception, device)
    if looking.knows_classes:
        metrics.check_splits(count)
    levels = DEFORMATION + (() if deformation_only else WIDTHS + MISSING)
    groups = _read_drawings(drawings, resolution)
    plan = Plan(models, pairs, count, levels, groups, kid_subset, seed)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; --output is a folder for the report")
    (output / "cache").mkdir(parents=True, exist_ok=True)
    remove_leftovers(output)
    bench = Bench(looking, load_alexnet(device), output / "cache", device)
    try:
        seen = _see(plan, bench)
        rows = [*_rows(plan, bench, seen), *_rows_of_drawings(plan, seen)]
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"\n{output}: interrupted; the same command goes on") from None
    results = {
        "data": str(data),
        "split": "test",
        "photos": count,
        "resolution": resolution,
        "seed": seed,
        "features": looking.source,
        "resize": RESIZE,
        "kid": f"{metrics.SUBSETS} subsets of {kid_subset} photos; the spread is over them",
        "is": f"{metrics.SPLITS} splits; the spread is over them"
        if looking.knows_classes
        else "left out: these features come without classes; --inception has them",
        "perceptual": ST_LPIPS,
        "models": {model.name: model.facts | {"weights": model.digest} for model in models},
        "drawings": {
            group: {"names": names, "without a face": _faceless(names, seen.drawings[group][""])}
            for group, (names, _) in groups.items()
        },
        "rows": rows,
    }
    _write(output, results, _pictures(plan, seen))
    return output / "report.html"


def load_models(runs: Sequence[Path], device: torch.device) -> list[Model]:
    """The generators of these runs; those of one kind are told apart by their folders.

    Raises InputError if there is none, if one has no weights or those of an enhancer, which is not
    measured, or if their resolutions differ.
    """
    for run in runs:
        refuse_enhancer(run, "measured")
    loaded = {run: load_generator(run) for run in dict.fromkeys(runs)}
    kinds = [facts["model"] for _, facts in loaded.values()]
    if len({facts["resolution"] for _, facts in loaded.values()}) != 1:
        sizes = ", ".join(f"{run}: {facts['resolution']} px" for run, (_, facts) in loaded.items())
        raise InputError(
            f"runs of one resolution can be compared; give them apart ({sizes})"
            if runs
            else "give the folder of at least one trained run"
        )
    models = []
    for run, (network, facts) in loaded.items():
        digest = hashlib.sha256(facts["model"].encode())
        for name, tensor in network.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        kind = facts["model"]
        name = kind if kinds.count(kind) == 1 else f"{kind} ({run})"
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1/4 faster
        models.append(Model(name, network.to(device), digest.hexdigest(), facts))
    return models


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
    widths = [width * 256 / size for width in pooling_widths(size)]
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


def _as_drawn(sketches: Sketches) -> Photos:
    """Sketches as people see them, dark on white: (N, S, S, 3)."""
    return np.repeat(255 - sketches[..., None], 3, axis=-1)


def _found(arrays: Arrays) -> NDArray[np.bool_]:
    return np.array([np.isfinite(points).all() for points in arrays["landmarks"]])


def _faceless(names: Sequence[str], drawn: Arrays) -> list[str]:
    return [name for name, face in zip(names, _found(drawn), strict=True) if not face]


def _read_drawings(given: Sequence[Path], size: int) -> dict[str, tuple[list[str], Sketches]]:
    """{folder: (names, sketches)} of the drawings in these folders and in the folders in them."""
    groups: dict[str, tuple[list[str], Sketches]] = {}
    having: dict[Path, None] = {}  # each once
    for folder in given:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; --drawings are folders of drawings")
        folders = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
        some = [path.resolve() for path in folders if any(map(is_picture, path.iterdir()))]
        if not some:
            raise InputError(f"{folder}: no pictures in this folder")
        having |= dict.fromkeys(some)
    for path in having:
        name = free_name(path.name, path.parent.name, groups)
        named = find_pictures([str(path)])
        read = tqdm(named.values(), f"drawings of {name}", unit=" drawings")
        groups[name] = list(named), np.stack([draw(load_drawing(file), size) for file in read])
    return groups


def _see(plan: Plan, bench: Bench) -> Seen:
    """All the work: every model on every sketch, and what the networks see in the photos.

    Batch by batch, so that what the AlexNet sees in a true photo serves all models and levels.
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
            truth.append(bench.kept("truths", [photos], partial(bench.look, photos)))
            features = cache(partial(bench.alexnet.features, photos))
            for level, of_models in measured.items():
                drawn = plan.sketches(batch, level)
                of_models[""].append(bench.look_at_drawings(drawn))
                for model in plan.models:
                    measure = partial(bench.measure, model, drawn, photos, features)
                    arrays = bench.kept("photos", [model.digest, drawn, photos], measure)
                    of_models[model.name].append(arrays)
                    bar.update(len(batch))
        show = partial(_show, plan, bench, bar.update)
        return Seen(
            _joined(truth),
            {
                level: {name: _joined(parts) for name, parts in of_models.items()}
                for level, of_models in measured.items()
            },
            {level: show(plan.sketches(plan.faces, level)) for level in plan.levels},
            {group: show(drawn) for group, (_, drawn) in plan.groups.items()},
        )


def _show(
    plan: Plan, bench: Bench, done: Callable[[int], Any], sketches: Sketches
) -> dict[str, Arrays]:
    """{model: what `Bench.show` gives}, and under "" what was seen in the sketches themselves."""
    parts: dict[str, list[Arrays]] = defaultdict(list)
    for start in range(0, len(sketches), BATCH):
        batch = sketches[start : start + BATCH]
        parts[""].append(bench.look_at_drawings(batch))
        for model in plan.models:
            show = partial(bench.show, model, batch)
            parts[model.name].append(bench.kept("shown", [model.digest, batch], show))
            done(len(batch))
    return {name: _joined(some) for name, some in parts.items()}


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rows(plan: Plan, bench: Bench, seen: Seen) -> Iterator[Row]:
    """A row of the table for the true photos and for every model, at every level."""
    with tqdm(total=len(plan.levels) * len(plan.models), desc="scores", leave=False) as bar:
        for level, of_models in seen.measured.items():
            where = {"input": level.label} | asdict(level) | {"n": plan.count}
            yield {"model": figures.TRUTH} | where | _faithful(of_models[""], seen.truth, None)
            for model in plan.models:
                made = of_models[model.name]
                real, features = seen.truth["features"], made["features"]
                fid = bench.kept("fid", [real, features], partial(_fid, real, features))
                row: Row = {"model": model.name} | where | {"fid": float(fid["fid"])}
                row |= _kid(plan, real, features)
                if "log_classes" in made:
                    score = metrics.inception_score(made["log_classes"], plan.seed)
                    row |= zip(("is", "is_spread"), score, strict=True)
                row |= {name: float(made[name].mean()) for name in ("l1", "ssim", "st_lpips")}
                row["tolerance"] = _mean(made["tolerance"])
                yield row | _faithful(of_models[""], made, seen.truth)
                bar.update()


def _rows_of_drawings(plan: Plan, seen: Seen) -> Iterator[Row]:
    """As `_rows`, without what needs a true photo; KID where there are photos enough.

    No FID: it depends on the number of photos, and would not compare with the other rows.
    """
    for group, shown in seen.drawings.items():
        for model in plan.models:
            made = shown[model.name]
            row: Row = {"model": model.name, "input": f"drawings: {group}"}
            row["n"] = len(made["photos"])
            if row["n"] >= plan.kid_subset:
                row |= _kid(plan, seen.truth["features"], made["features"])
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
    both = np.flatnonzero(_found(drawn) & _found(made))
    errors = [faithfulness(drawn["landmarks"][i], made["landmarks"][i]) for i in both]
    row: Row = {
        "faces_found": float(_found(made).mean()),
        "drawings_with_face": float(_found(drawn).mean()),
        "pairs": len(both),
    }
    for part in errors[0] if errors else ():
        name = "landmarks" if part == "all" else f"landmarks_{part}"
        row[name] = float(np.median([error[part] for error in errors]))
    if truth is not None:
        both = np.flatnonzero(_found(truth) & _found(made))
        away = [faithfulness(truth["landmarks"][i], made["landmarks"][i])["all"] for i in both]
        row["landmarks_to_truth"] = float(np.median(away)) if away else None
    return row


def _mean(values: NDArray[np.floating]) -> float | None:
    """The mean of those that are known, None if none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _pictures(plan: Plan, seen: Seen) -> dict[str, tuple[str, Image.Image]]:
    """{file name: (caption, picture)}: the boards of Fig. 4 to 7 and the attention of Fig. 3."""
    names = [model.name for model in plan.models]
    ids = [plan.pairs.ids[index] for index in plan.faces]
    truths = plan.photos(plan.faces)
    pictures: dict[str, tuple[str, Image.Image]] = {}
    attended: dict[str, list[figures.Attended]] = {name: [] for name in names}

    def attend(what: Sequence[str], sketches: Sketches, shown: dict[str, Arrays]) -> None:
        for name in names:
            for_all = shown[name].get("attention", ())[:ATTENDED]
            attended[name] += zip(what, sketches, for_all, strict=False)

    for level, shown in seen.boards.items():
        sketches = plan.sketches(plan.faces, level)
        rows = _board(names, ids, sketches, shown)
        for (_, cells), truth in zip(rows, truths, strict=True):
            cells.append((truth, ""))
        figure = "Fig. 4" if level == CLEAN else "Fig. 5" if level in DEFORMATION else "more"
        board = figures.board(["sketch", *names, "true photo"], rows)
        pictures[f"board-{level.name}.png"] = f"Test sketches, {level.label} ({figure})", board
        if level in (CLEAN, DEFORMATION[-1]):
            attend([f"{name}, {level.label}" for name in ids], sketches, shown)
    for group, (drawings, sketches) in plan.groups.items():
        rows = _board(names, drawings, sketches, seen.drawings[group])
        for start in range(0, len(rows), figures.MOST_ROWS):
            some = rows[start : start + figures.MOST_ROWS]
            caption = f"Drawings: {group}, {start + 1} to {start + len(some)} (Fig. 6, 7)"
            file = f"board-drawings-{group}-{start // figures.MOST_ROWS + 1}.png"
            pictures[file] = caption, figures.board(["drawing", *names], some)
        attend(drawings, sketches, seen.drawings[group])
    for number, name in enumerate(names, 1):
        if attended[name]:
            caption = f"Which pooling width SAP chose, and where (Fig. 3): {name}"
            pictures[f"attention-{number}.png"] = caption, figures.attention(attended[name])
    return pictures


def _board(
    models: Sequence[str], names: Sequence[str], sketches: Sketches, shown: dict[str, Arrays]
) -> list[figures.BoardRow]:
    """A row for every sketch: itself, then each model's photo; marked where no face was found."""
    marks = {
        name: ["" if face else figures.NO_FACE for face in _found(arrays)]
        for name, arrays in shown.items()
    }
    columns = [zip(_as_drawn(sketches), marks[""], strict=True)]
    columns += [zip(shown[name]["photos"], marks[name], strict=True) for name in models]
    return list(zip(names, map(list, zip(*columns, strict=True)), strict=True))


def _drawn_before(output: Path) -> set[str]:
    """The pictures of the report that is in `output`."""
    try:
        names = json.loads((output / "results.json").read_text()).get("pictures", [])
    except (OSError, ValueError):
        return set()
    return {Path(name).name for name in names}


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
