"""Drawings -> photos on disk, and one contact sheet to look at (as Fig. 6 and 7 of the paper)."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from ..budget import read_file
from ..errors import InputError, seen
from ..files import require_own_names
from ..provenance import save_made
from .appearance import Appearance
from .engine import RESOLUTION, Drawn, Engine
from .overlay import tolerance_overlay
from .reading import shared
from .settings import Asked, drawing_inside, own_seed, read_settings

SHEET = "contact-sheet.png"
A_FACE = 0.3  # how sure the network is at least where a face was drawn
# Pixels of the contact sheet; photos are twice as large as drawings.
_CELL, _PHOTO, _MARGIN, _CAPTION, _WIDTH = 192, 384, 8, 30, 2400


def generate(
    engine: Engine,
    drawings: dict[str, Path],
    output: Path,
    attention: bool = False,
    asked: Asked = Asked(),
) -> Path:
    """Write NAME.png for every drawing, NAME-2.png ... for more variants, and a contact sheet.

    With `attention` NAME-tolerance.png too. Photos hold their drawing, as the studio's do. Returns
    the path of the sheet. Drawings that cannot be used do not stop the others: they are named in
    the InputError at the end, a line each. Raises InputError before anything is written if a result
    would have the name of another, or replace a drawing.
    """
    people = asked.variants if engine.listens else 1
    unheard = [] if engine.listens else asked.options()
    ends = ["", *(f"-{number}" for number in range(2, people + 1))]
    results = [f"{name}{end}.png" for name in drawings for end in ends]
    results += [f"{name}-tolerance.png" for name in drawings if attention]
    require_own_names([SHEET, *results], drawings.values(), output)
    blocks: list[Image.Image] = []
    problems: list[str] = []
    remarks: list[str] = []
    for name, path in tqdm(drawings.items(), unit=" drawings"):
        try:
            data = read_file(path)
            strokes, original = shared().with_picture(data, str(path), RESOLUTION)
            said = read_settings(data, own_seed(strokes))
        except InputError as problem:
            problems.append(str(problem))
            continue
        output.mkdir(parents=True, exist_ok=True)
        if not engine.listens and said.appearance != Appearance():
            unheard.append("what drawings say of looks")
        variants: list[Drawn] = []
        for variant, end in enumerate(ends):
            wanted = asked.of(said, variant)
            drawn = engine(strokes, wanted.tolerance, wanted.appearance, wanted.seed, asked.size)
            variants.append(drawn)
            inside = None
            try:
                inside = drawing_inside(data, strokes, wanted)
            except InputError:
                remarks.append(f"{path}: more strokes than its photo can hold")
            save_made(Image.fromarray(drawn.photo), output / f"{name}{end}.png", inside)
        if variants[0].face < A_FACE:
            remarks.append(
                f"{path}: no face was recognised in this drawing: lines are read, not shades;"
                " draw outline, eyes, nose and mouth as lines"
            )
        overlay = Image.fromarray(tolerance_overlay(variants[0].sketch, variants[0].attention))
        if attention:
            save_made(overlay, output / f"{name}-tolerance.png")
        blocks.append(_block(name, original, variants, overlay if attention else None))
    if unheard:
        remarks.append(f"this model hears lines alone, not {', '.join(dict.fromkeys(unheard))}")
    for remark in dict.fromkeys(remarks):
        print(seen(remark), file=sys.stderr)
    if blocks:
        save_made(_sheet(blocks), output / SHEET)
    if problems:
        done = f"{len(blocks)} of {len(drawings)} drawings done; " if blocks else ""
        raise InputError("\n".join([f"{done}not done:", *problems] if done else problems))
    return output / SHEET


def _block(
    name: str, original: Image.Image, variants: list[Drawn], overlay: Image.Image | None
) -> Image.Image:
    """One drawing: as it came above as the network saw it, beside them the photos, the veil."""
    large = [Image.fromarray(drawn.photo) for drawn in variants] + ([overlay] if overlay else [])
    block = Image.new("RGB", (_CELL + len(large) * _PHOTO, _PHOTO + _CAPTION), "white")
    came = original.copy()
    came.thumbnail((_CELL, _CELL), Image.Resampling.LANCZOS)
    block.paste(came, ((_CELL - came.width) // 2, (_CELL - came.height) // 2))
    seen = Image.fromarray(255 - variants[0].sketch)
    block.paste(seen.resize((_CELL, _CELL), Image.Resampling.LANCZOS), (0, _CELL))
    for place, picture in enumerate(large):
        fitted = picture.resize((_PHOTO, _PHOTO), Image.Resampling.LANCZOS)
        block.paste(fitted, (_CELL + place * _PHOTO, 0))
    draw = ImageDraw.Draw(block)
    font = ImageFont.load_default(size=20)
    name = name.encode(errors="replace").decode()  # names need not be text
    while draw.textlength(name, font) > block.width - 8:
        name = name[:-2] + "…"
    draw.text((4, _PHOTO + 3), name, fill=(40, 40, 40), font=font)
    return block


def _sheet(blocks: list[Image.Image]) -> Image.Image:
    """Blocks side by side, as many to a band as a screen is wide."""
    width, height = blocks[0].width + _MARGIN, blocks[0].height + _MARGIN
    across = min(len(blocks), max(1, _WIDTH // width))
    bands = -(-len(blocks) // across)
    sheet = Image.new("RGB", (across * width + _MARGIN, bands * height + _MARGIN), "white")
    for place, block in enumerate(blocks):
        band, position = divmod(place, across)
        sheet.paste(block, (_MARGIN + position * width, _MARGIN + band * height))
    return sheet
