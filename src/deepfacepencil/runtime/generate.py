"""Drawings -> photos on disk, and one contact sheet to look at (as Fig. 6 and 7 of the paper)."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from ..errors import InputError
from ..files import require_own_names
from ..provenance import save_made
from .engine import RESOLUTION, Drawn, Engine
from .overlay import tolerance_overlay
from .reading import file_bytes, shared
from .settings import read_settings

SHEET = "contact-sheet.png"
_COLUMNS, _MARGIN, _CAPTION = 6, 8, 16


def generate(engine: Engine, drawings: dict[str, Path], output: Path, attention: bool) -> Path:
    """Write NAME.png for every drawing, NAME-tolerance.png if asked, and a contact sheet.

    Returns the path of the sheet. Drawings that cannot be used do not stop the others: they are
    named in the InputError at the end, a line each. Raises InputError before anything is written if
    a result would have the name of another, or replace a drawing.
    """
    ends = ("", "-tolerance") if attention else ("",)
    results = [SHEET, *(f"{name}{end}.png" for name in drawings for end in ends)]
    require_own_names(results, drawings.values(), output)
    columns: list[Image.Image] = []
    problems: list[str] = []
    for name, path in tqdm(drawings.items(), unit=" drawings"):
        try:
            data = file_bytes(path)
            strokes, original = shared().with_picture(data, str(path), RESOLUTION)
            said = read_settings(data)
        except InputError as problem:
            problems.append(str(problem))
            continue
        output.mkdir(parents=True, exist_ok=True)
        drawn = engine(strokes, said.tolerance, said.appearance, said.seed)
        save_made(Image.fromarray(drawn.photo), output / f"{name}.png")
        overlay = Image.fromarray(tolerance_overlay(drawn.sketch, drawn.attention))
        if attention:
            save_made(overlay, output / f"{name}-tolerance.png")
        columns.append(_column(name, original, drawn, overlay if attention else None))
    if columns:
        save_made(_sheet(columns), output / SHEET)
    if problems:
        done = f"{len(columns)} of {len(drawings)} drawings done; " if columns else ""
        raise InputError("\n".join([f"{done}not done:", *problems] if done else problems))
    return output / SHEET


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
    caption = name[:40].encode(errors="replace").decode()  # names need not be text
    ImageDraw.Draw(captioned).text((4, column.height + 2), caption, fill=(90, 90, 90))
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
