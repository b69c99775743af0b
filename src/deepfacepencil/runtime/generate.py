"""Drawings -> photos on disk, and one contact sheet to look at (as Fig. 6 and 7 of the paper)."""

import io
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from glob import glob
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from PIL.PngImagePlugin import PngInfo
from tqdm import tqdm

from ..errors import InputError
from ..files import writing
from ..sketch import svg
from ..sketch.normalise import eight_bits, load_drawing
from .engine import RESOLUTION, Drawn, Engine
from .overlay import tolerance_overlay

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".svg"}
SHEET = "contact-sheet.png"
_COLUMNS, _MARGIN, _CAPTION = 6, 8, 16


def find_drawings(patterns: Sequence[str]) -> dict[str, Path]:
    """{name for the results: file} for files, folders and patterns, each file once.

    The name is the file's; where two files share one, the folder's is put before it. Raises
    InputError if there are no patterns, or one of them has no drawings.
    """
    if not patterns:
        raise InputError("no drawings: give files, folders or patterns")
    files: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if is_drawing(p))
            if not found:
                raise InputError(f"{path}: no drawings in this folder")
        else:
            found = [path] if path.exists() else sorted(map(Path, glob(pattern, recursive=True)))
            if not found:
                raise InputError(f"{pattern}: no such file or folder")
        files += found
    named: dict[str, Path] = {}
    for file in {file.resolve(): file for file in files}.values():
        named[free_name(file.stem, file.parent.name, named)] = file
    return named


def free_name(name: str, folder: str, taken: Container[str]) -> str:
    """`name`, with the folder's before it if it is taken, and with a number if that is too."""
    if name in taken:
        name = f"{folder}-{name}"
    while name in taken:
        name += "-2"
    return name


def is_drawing(path: Path) -> bool:
    """Whether a file in a folder is meant; other systems put hidden ones beside them."""
    return path.suffix.lower() in ENDINGS and path.name[0] != "." and path.is_file()


def generate(engine: Engine, drawings: dict[str, Path], output: Path, attention: bool) -> Path:
    """Write NAME.png for every drawing, NAME-tolerance.png if asked, and a contact sheet.

    Returns the path of the sheet. Drawings that cannot be used do not stop the others: they are
    named in the InputError at the end. Raises InputError before anything is written if a result
    would have the name of another, or replace a drawing.
    """
    ends = ("", "-tolerance") if attention else ("",)
    results = [SHEET, *(f"{name}{end}.png" for name in drawings for end in ends)]
    require_own_names(results, drawings.values(), output)
    columns: list[Image.Image] = []
    problems: list[str] = []
    for name, path in tqdm(drawings.items(), unit=" drawings"):
        try:
            strokes, original = load_drawing(path), _as_it_came(path)
        except InputError as problem:
            problems.append(str(problem))
            continue
        output.mkdir(parents=True, exist_ok=True)
        drawn = engine(strokes)
        _save(Image.fromarray(drawn.photo), output / f"{name}.png")
        overlay = Image.fromarray(tolerance_overlay(drawn.sketch, drawn.attention))
        if attention:
            _save(overlay, output / f"{name}-tolerance.png")
        columns.append(_column(name, original, drawn, overlay if attention else None))
    if columns:
        _save(_sheet(columns), output / SHEET)
    if problems:
        done = f"{len(columns)} of {len(drawings)} drawings done; " if columns else ""
        raise InputError(done + "; ".join(problems))
    return output / SHEET


def require_own_names(results: Sequence[str], inputs: Iterable[Path], output: Path) -> None:
    """Raises InputError if two results would have one name, or one would replace an input."""
    used = {path.resolve() for path in inputs}
    for result, count in Counter(results).items():
        if (output / result).resolve() in used:
            raise InputError(f"{output / result} is one of the inputs; choose another --output")
        if count > 1:
            raise InputError(f"{result}: two results would have this name; rename an input")


def _as_it_came(path: Path) -> Image.Image:
    """A drawing that could be loaded, for people to look at: at most 256 x 256, on white."""
    data = path.read_bytes()
    if svg.is_svg(data, path.name):
        image = svg.read(data, str(path)).picture().convert("RGBA")
    else:
        with Image.open(io.BytesIO(data)) as file:
            image = eight_bits(ImageOps.exif_transpose(file)).convert("RGBA")
    image.thumbnail((RESOLUTION, RESOLUTION), Image.Resampling.LANCZOS)
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image).convert("RGB")


def _save(image: Image.Image, path: Path) -> None:
    about = PngInfo()
    about.add_text("Software", "DeepFacePencil")
    about.add_text("Description", "Synthetic: made from a drawing, shows nobody.")
    with writing(path) as temporary:
        image.save(temporary, "PNG", pnginfo=about)


def _column(
    name: str, original: Image.Image, drawn: Drawn, overlay: Image.Image | None
) -> Image.Image:
    """One drawing from top to bottom: as it came, as the network saw it, tolerance, photo."""
    cell = Image.new("RGB", (RESOLUTION, RESOLUTION), "white")
    width, height = original.size
    cell.paste(original, ((RESOLUTION - width) // 2, (RESOLUTION - height) // 2))
    cells = [cell, Image.fromarray(255 - drawn.sketch).convert("RGB")]
    cells += [overlay] if overlay else []
    cells.append(Image.fromarray(drawn.photo))
    column = Image.fromarray(np.vstack([np.asarray(cell) for cell in cells]))
    captioned = Image.new("RGB", (RESOLUTION, column.height + _CAPTION), "white")
    captioned.paste(column)
    ImageDraw.Draw(captioned).text((4, column.height + 2), name[:40], fill=(90, 90, 90))
    return captioned


def _sheet(columns: list[Image.Image]) -> Image.Image:
    """Columns side by side, six to a band."""
    width, height = columns[0].width + _MARGIN, columns[0].height + _MARGIN
    across = min(len(columns), _COLUMNS)
    bands = -(-len(columns) // _COLUMNS)
    sheet = Image.new("RGB", (across * width + _MARGIN, bands * height + _MARGIN), "white")
    for place, column in enumerate(columns):
        band, position = divmod(place, _COLUMNS)
        sheet.paste(column, (_MARGIN + position * width, _MARGIN + band * height))
    return sheet
