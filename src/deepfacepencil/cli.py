"""The verbs of `deepfacepencil`: studio, generate, prepare, train, export.

Each is a dataclass whose fields are its arguments and whose docstrings are its help. What a verb
needs is imported inside it: drawing never loads torch, and --help loads nothing.
"""

import errno
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg, subcommand

from .errors import InputError


@dataclass(frozen=True)
class Studio:
    """Draw in the browser; the photo follows the pen."""

    model: Path | None = None
    """A model that `deepfacepencil export` wrote, instead of the bundled one."""
    port: int = 8400
    """Where the page is served."""
    host: str = "127.0.0.1"
    """Who may draw: this machine alone, or with 0.0.0.0 everyone who can reach it."""
    browser: bool = True
    """Open the page."""

    def run(self) -> None:
        from .runtime.engine import BUNDLED
        from .studio.server import serve

        serve(self.model or BUNDLED, self.host, self.port, self.browser)


@dataclass(frozen=True)
class Generate:
    """Make photos from drawings: PNG, JPEG, WebP, SVG; scans, phone pictures, screenshots."""

    drawings: Positional[tuple[str, ...]]
    """Files, folders of drawings, or patterns such as 'sketches/*.png'."""
    output: Path
    """Folder for the photos and the contact sheet."""
    attention: bool = False
    """Also write how far each place may leave the stroke that was drawn there."""
    model: Path | None = None
    """A model that `deepfacepencil export` wrote, instead of the bundled one."""

    def run(self) -> None:
        from .runtime.engine import BUNDLED, Engine
        from .runtime.generate import find_drawings, generate

        drawings = find_drawings(self.drawings)
        sheet = generate(Engine(self.model or BUNDLED), drawings, self.output, self.attention)
        print(f"contact sheet: {sheet}")


@dataclass(frozen=True)
class _Preparation:
    root: Positional[Path]
    """The folder of the data set."""
    output: Annotated[Path, arg(metavar="DATA")]
    """Folder to prepare into; the same command goes on where it was interrupted."""
    size: int = 256
    """Pixels of the prepared photos."""
    backdrop: bool = False
    """Put the person on a plain light backdrop, cut out along the labels."""
    split_seed: int = 0
    """Seed of the split into train, val and test, for data that has none."""
    workers: int = os.cpu_count() or 1
    """Processes that work side by side."""


@dataclass(frozen=True)
class CelebAMask(_Preparation):
    """CelebAMask-HQ as it is distributed: ROOT holds CelebA-HQ-img and CelebAMask-HQ-mask-anno."""


@dataclass(frozen=True)
class Photos(_Preparation):
    """Your own photos: ROOT/photos, and ROOT/labels with equal names and the 19 classes.

    Both may also lie in ROOT/train, ROOT/val and ROOT/test: then that split is kept.
    """


@dataclass(frozen=True)
class Prepare:
    """Turn photos with label maps into sketches to train with."""

    source: (
        Annotated[CelebAMask, subcommand("celebamask", prefix_name=False)]
        | Annotated[Photos, subcommand("photos", prefix_name=False)]
    )

    def run(self) -> None:
        from .data import celebamask, photos
        from .data.prepare import Settings, prepare

        source = self.source
        _require_seed("--split-seed", source.split_seed)
        kind = "celebamask" if isinstance(source, CelebAMask) else "photos"
        find = celebamask.find if kind == "celebamask" else photos.find
        settings = Settings(kind, source.size, source.backdrop, source.split_seed)
        prepare(find(source.root, source.split_seed), settings, source.output, source.workers)


@dataclass(frozen=True)
class Train:
    """Train all stages on prepared data; the same command goes on where it was interrupted."""

    data: Positional[Path]
    """A folder that `deepfacepencil prepare` made."""
    output: Annotated[Path, arg(metavar="RUN")]
    """Folder of the run: state, weights, log and sample sheets."""
    recipe: Literal["paper", "small", "modern", "small-512", "tiny"] = "small"
    """paper: as published, for GPUs; small: hours of two CPU cores; modern: small with what the
    field has learnt since; small-512: the enhancer that makes small's photos twice as large; tiny:
    seconds, a trial."""
    generator: Annotated[Path | None, arg(metavar="RUN")] = None
    """For small-512: the finished run of small to go on from."""
    seed: int = 0
    """One seed gives one result on one machine."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """What to train on; auto: GPUs if there are any."""
    devices: Literal["auto"] | int = "auto"
    """How many of them per node, a process each; auto: all GPUs, or one process on the CPU."""
    nodes: int = 1
    """How many machines train together: docs/training.md."""
    precision: Literal["recipe", "32-true", "bf16-mixed"] = "recipe"
    """float32, or bfloat16 where that is safe, instead of what the recipe says."""

    def run(self) -> None:
        _require_seed("--seed", self.seed)
        _needs_the_train_extra()
        from .training.loop import train
        from .training.recipes import RECIPES

        recipe = RECIPES[self.recipe]
        if self.precision != "recipe":
            recipe = replace(recipe, bfloat16=self.precision == "bf16-mixed")
        machine = self.accelerator, self.devices, self.nodes
        train(self.data, self.output, recipe, self.seed, *machine, self.generator)


@dataclass(frozen=True)
class Export:
    """Make a model file of a training: what `generate --model` draws with."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    output: Path
    """The ONNX file to write."""

    def run(self) -> None:
        _needs_the_train_extra()
        from .export import export

        distance = export(self.run_folder, self.output)
        size = self.output.stat().st_size / 1e6
        print(
            f"{self.output}: {size:.1f} MB, at most {distance * 127.5:.2f} grey levels from torch"
        )


def _require_seed(option: str, seed: int) -> None:
    if seed < 0:
        raise InputError(f"{option} {seed}: a seed is 0 or larger")


def _needs_the_train_extra() -> None:
    try:
        import lightning_fabric  # noqa: F401
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ModuleNotFoundError as missing:
        raise InputError(
            f"this needs {missing.name}; install it with `pip install 'deepfacepencil[train]'`"
        ) from missing


Command = (
    Annotated[Studio, subcommand("studio")]
    | Annotated[Generate, subcommand("generate")]
    | Annotated[Prepare, subcommand("prepare")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Export, subcommand("export")]
)


def main() -> None:
    """The command line. Exit status 2 for what the user can mend, 130 after Ctrl-C."""
    command = tyro.cli(
        Command,
        prog="deepfacepencil",
        description="Draw a face, get a photo.",
        config=(tyro.conf.OmitArgPrefixes,),
    )
    try:
        command.run()
    except InputError as problem:
        sys.exit(_complain(str(problem)))
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
            raise
        where = f"{problem.filename}: " if problem.filename else ""
        sys.exit(_complain(f"{where}{problem.strerror}"))
    except KeyboardInterrupt as stop:
        print(stop if stop.args else "\ninterrupted", file=sys.stderr)
        sys.exit(130)


def _complain(problem: str) -> int:
    print(f"deepfacepencil: {problem}", file=sys.stderr)
    return 2
