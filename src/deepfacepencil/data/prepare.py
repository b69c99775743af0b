"""Photos with labels -> a prepared folder of photos and strokes (section 4.1, Data).

Worker processes, one photo each; a photo whose files exist is not made again, so the same command
resumes. A photo that cannot be used is skipped and named at the end.

    DATA/prepared.json                    what was made, from what, what was skipped and why
    DATA/{train,val,test}/photos/ID.jpg   size x size
    DATA/{train,val,test}/strokes/ID.npz  the boundaries of its labels and strokes inside
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from tqdm import tqdm

from ..budget import require_regular
from ..errors import InputError
from ..files import atomic_path, remove_leftovers
from ..images import BACKDROP, read_photo
from ..sketch.inner import inner_strokes
from ..sketch.strokes import Strokes
from ..sketch.trace import trace_labels
from ..workers import follow_parent

MANIFEST = "prepared.json"
_FINGERPRINT = "sha256:"
_EDGE = 2  # pixels at 256 over which the photo fades into the backdrop, on each side


class Item(Protocol):
    """What becomes one prepared photo; `split` is train, val or test."""

    @property
    def id(self) -> str: ...
    @property
    def split(self) -> str: ...


Made = TypeVar("Made", bound=Item)
ENDINGS = {"photos": ".jpg", "strokes": ".npz"}  # of the files of one photo, by their folder


@dataclass(frozen=True)
class Source:
    """One photo of a data set and how to read it."""

    id: str
    split: str
    photo: Path
    read_labels: Callable[[], NDArray[np.uint8]]  # (S, S), 0 to 18; raises InputError


@dataclass(frozen=True)
class Settings:
    """What makes two preparations the same."""

    kind: str  # celebamask or photos
    size: int  # pixels of the stored photos
    backdrop: bool  # photos on a plain light backdrop instead of their own background
    split_seed: int  # of the split that was made for data without one


def prepare(sources: Sequence[Source], settings: Settings, output: Path, workers: int) -> None:
    """Make or complete the prepared folder `output`, and say what was skipped.

    Raises InputError if `output` holds anything else than a part of this, if it cannot be written,
    or if no photo could be prepared.
    """
    if min(settings.size, workers) < 1:
        raise InputError("the size and the number of workers must be at least 1")
    make = partial(_prepare_one, settings=settings, output=output)
    make_all(sources, make, vars(settings), output, workers, ENDINGS)


def make_all(
    items: Sequence[Made],
    make: Callable[
        [Made], str | None
    ],  # runs in a worker; returns why the item was skipped, or None
    settings: dict[str, Any],  # what makes two preparations the same
    output: Path,
    workers: int,
    endings: dict[str, str],  # of the files that `make` writes for an item, by their folder
) -> None:
    """What `prepare` does, for anything that can be made item by item.

    `make` writes what `paths_of` names.
    """
    try:
        _check(output, items, settings)
        _write_manifest(output, {"settings": settings, "complete": False})
        skipped = _make_missing(items, make, output, workers, endings)
        if len(skipped) == len(items):
            first = next(iter(skipped.values()), "there are none")
            raise InputError(f"no photo could be prepared: {first}")
        photos = dict(Counter(item.split for item in items if _name(item) not in skipped))
        _write_manifest(
            output,
            {"settings": settings, "complete": True, "photos": photos, "skipped": skipped},
        )
    except BrokenProcessPool as problem:
        raise InputError(
            "a worker process was killed, perhaps for want of memory; the same command resumes,"
            " with fewer workers if need be"
        ) from problem
    except OSError as problem:
        raise InputError(
            f"{output} cannot be written ({problem.strerror or problem}); once it can, the same"
            " command resumes"
        ) from problem
    for reason in skipped.values():
        print(f"skipped {reason}")
    print(f"{output}: {photos}, {len(skipped)} skipped")


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `prepare` noted about the folder it made. Raises InputError if it made none there."""
    path = folder / MANIFEST
    require_regular(path)
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        return {"settings": manifest["settings"], "complete": manifest["complete"], **manifest}
    except OSError as problem:
        raise InputError(
            f"{folder} is not a prepared folder: run `deepfacepencil prepare ... --output {folder}`"
        ) from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{path} is damaged; remove {folder} and prepare it again") from problem


def split_by_seed(ids: Sequence[str], seed: int) -> dict[str, str]:
    """A split for data that has none: {id: split}, 90 % train, 5 % val, 5 % test.

    At least one photo each; of two photos none is for test, and a single one is for train.
    """
    order = np.random.default_rng(seed).permutation(len(ids))
    held_out = max(1, round(len(ids) * 0.05))
    names = ["test"] * held_out + ["val"] * held_out + ["train"] * len(ids)
    if len(ids) < 3:
        names = ["train", "val"]
    return {ids[place]: names[rank] for rank, place in enumerate(order)}


def on_backdrop(photo: Image.Image, labels: NDArray[np.uint8]) -> Image.Image:
    """The photo's person on a plain light backdrop, cut out along its labels with a soft edge."""
    person = Image.fromarray(np.where(labels > 0, 255, 0).astype(np.uint8))
    person = person.resize(photo.size, Image.Resampling.BILINEAR)
    person = person.filter(ImageFilter.BoxBlur(_EDGE * photo.width / 256))
    return Image.composite(photo, Image.new("RGB", photo.size, BACKDROP), person)


def save_strokes(borders: Strokes, path: Path, inner: Strokes | None = None) -> None:
    """Store the strokes of a photo as `load_strokes` reads them."""
    arrays = {
        prefix + name: getattr(strokes, name)
        for prefix, strokes in (("", borders), ("inner_", inner or Strokes.of([])))
        for name in ("points", "starts", "classes")
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def fingerprint(folder: Path) -> str:
    """What a prepared folder has, wherever it is: its settings, and its strokes by name and size.

    Raises InputError if it is no prepared folder, or has not the strokes of all it has.
    """
    strokes = sorted(path for path in folder.glob("*/strokes/*.npz") if path.name[0] != ".")
    known = {path.with_suffix("") for path in strokes}
    for path in sorted(folder.glob("*/*/[!.]*.*")):
        wanted = path.parents[1] / "strokes" / path.stem
        if path.suffix in (".jpg", ".npz") and wanted not in known:
            raise InputError(f"{wanted}.npz is gone; give the same prepare command again")
    digest = hashlib.sha256(json.dumps(read_manifest(folder)["settings"], sort_keys=True).encode())
    for path in strokes:
        digest.update(f"{path.parents[1].name}/{path.name} {path.stat().st_size}\n".encode())
    return f"{_FINGERPRINT}{digest.hexdigest()}"


def load_strokes(path: Path) -> tuple[Strokes, Strokes]:
    """The borders and the inner strokes of a photo.

    Folders that were prepared before inner strokes were known have none. Raises InputError if the
    file is damaged.
    """
    try:
        with np.load(path) as stored:
            borders = _whole(stored, "")
            inner = _whole(stored, "inner_") if "inner_points" in stored else Strokes.of([])
            return borders, inner
    except Exception as problem:  # whatever a damaged zip raises
        raise InputError(
            f"{path} is damaged; remove it and give the same prepare command again"
        ) from problem


def _whole(stored: Any, prefix: str) -> Strokes:
    """Strokes that are what they should be. Raises ValueError otherwise."""
    points, starts, classes = (stored[prefix + name] for name in ("points", "starts", "classes"))
    chains = np.diff(starts)
    fits = (
        points.shape == (starts[-1], 2)
        and classes.shape == (len(chains), 2)
        and starts[0] == 0
        and (chains % 3 == 1).all()
        and (chains > 0).all()
        and np.isfinite(points).all()
    )
    if not fits:
        raise ValueError("no strokes")
    return Strokes(points, starts, classes)


def _check(output: Path, items: Sequence[Made], settings: dict[str, Any]) -> None:
    """That `output` is new, empty, or an interrupted or finished preparation of the same."""
    if not (output / MANIFEST).exists():
        if output.exists() and any(path.suffix != ".part" for path in output.iterdir()):
            raise InputError(
                f"{output} is not empty and not a prepared folder; choose another --output"
            )
        return
    before = read_manifest(output)["settings"]
    if before != settings:
        raise InputError(
            f"{output} was prepared with {before}; choose another --output or remove it"
        )
    # A split made by seed changes with every photo that is added: none may be in two splits.
    names = {_name(item) for item in items}
    for path in output.glob("*/strokes/*.npz"):
        if f"{path.parents[1].name}/{path.stem}" not in names:
            raise InputError(
                f"{output} was prepared from other photos or another split of them, see {path};"
                " choose another --output or remove it"
            )


def _write_manifest(output: Path, manifest: dict[str, Any]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    with atomic_path(output / MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1))


def _make_missing(
    items: Sequence[Made],
    make: Callable[[Made], str | None],
    output: Path,
    workers: int,
    endings: dict[str, str],
) -> dict[str, str]:
    """Make what is missing in worker processes; returns {name: why} of what was skipped."""
    remove_leftovers(output)
    for split in {item.split for item in items}:
        for folder in endings:
            (output / split / folder).mkdir(parents=True, exist_ok=True)
    todo = [i for i in items if not all(p.exists() for p in paths_of(i, output, endings))]
    skipped = {}
    with ProcessPoolExecutor(workers, initializer=follow_parent) as pool:
        try:
            results = pool.map(make, todo, chunksize=4)
            done = len(items) - len(todo)
            bar = tqdm(results, total=len(items), initial=done, unit=" photos")
            for item, problem in zip(todo, bar, strict=True):
                if problem:
                    skipped[_name(item)] = problem
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return skipped


def _prepare_one(source: Source, settings: Settings, output: Path) -> str | None:
    """Prepare one photo; returns why it was skipped, or None."""
    try:
        labels = source.read_labels()
        strokes = trace_labels(labels)
        photo = read_photo(source.photo, settings.size)
    except InputError as problem:
        return str(problem)
    if not len(strokes):
        return f"{source.photo}: its labels have no boundary"
    inner = inner_strokes(np.asarray(photo), labels)
    if settings.backdrop:
        photo = on_backdrop(photo, labels)
    photo_path, strokes_path = paths_of(source, output, ENDINGS)
    save_photo(photo, photo_path)
    save_strokes(strokes, strokes_path, inner)
    return None


def save_photo(photo: Image.Image, path: Path) -> None:
    """Store a photo to train with."""
    encoded = io.BytesIO()  # saved to a file on a full disk, Pillow may lose the end and not say so
    photo.save(encoded, "JPEG", quality=95, subsampling=0)
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.getvalue())


def _name(item: Item) -> str:
    return f"{item.split}/{item.id}"


def paths_of(item: Item, output: Path, endings: dict[str, str]) -> list[Path]:
    """The files of an item, in the order of `endings`."""
    root = output / item.split
    return [root / folder / f"{item.id}{ending}" for folder, ending in endings.items()]
