"""The figures of section 4 as pictures: boards (Fig. 4 to 7), attention (Fig. 3) and curves.

From arrays and rows of the table to Pillow images and matplotlib charts; nothing is computed here.
"""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..models.sap import pooling_widths
from ..runtime import overlay
from .levels import AXES, CLEAN

MOST_ROWS = 24  # of a board
NO_FACE = "no face found"
TRUTH = "true photos"  # beside the models: how well the landmarks of drawings can be met at all

Cell = tuple[NDArray[np.uint8], str]  # a picture (S, S, 3), and what is to be said below it
BoardRow = tuple[str, list[Cell]]
Attended = tuple[str, NDArray[np.uint8], NDArray[np.floating]]  # name, sketch (S, S), A (N_r, S, S)

_LEAST_CELL, _GAP, _LINE = 160, 6, 22  # pixels
_INK, _WARNING = (40, 40, 40), (200, 40, 20)

# A colour and a marker for every model: the light theme's, the dark theme's, matplotlib's marker
# and the same for people.
SERIES = (
    ("#1763c6", "#6aa9ff", "o", "●"),
    ("#d2541b", "#ff9560", "s", "■"),
    ("#2d8a4e", "#6fd08f", "^", "▲"),
    ("#8a3fb5", "#cf9bf0", "D", "◆"),
    ("#a8810a", "#e3c355", "v", "▼"),
    ("#0b8a94", "#5cd0da", "P", "✚"),
    ("#c0306f", "#ff8fbd", "X", "✖"),
)
_TRUTH_COLOUR, _TEXT, _GRID = "#7b7c7d", "#212223", "#c1c2c3"


class Quantity(NamedTuple):
    """A number of the table."""

    key: str
    title: str
    digits: int
    better: str  # "lower", "higher", or "" where neither is
    percent: bool = False


QUALITY = (
    Quantity("fid", "FID", 1, "lower"),
    Quantity("kid", "KID", 4, "lower"),
    Quantity("is", "IS", 3, "higher"),
    Quantity("l1", "L1", 3, "lower"),
    Quantity("ssim", "SSIM", 3, "higher"),
    Quantity("st_lpips", "ST-LPIPS (AlexNet)", 3, "lower"),
)
FAITHFULNESS = (
    Quantity("faces_found", "faces found, %", 0, "higher", percent=True),
    Quantity("drawings_with_face", "drawings with a face, %", 0, "", percent=True),
    Quantity("pairs", "pairs", 0, ""),
    Quantity("landmarks", "landmarks to drawing", 3, "lower"),
    Quantity("landmarks_eyes", "eyes", 3, "lower"),
    Quantity("landmarks_brows", "brows", 3, "lower"),
    Quantity("landmarks_nose", "nose", 3, "lower"),
    Quantity("landmarks_mouth", "mouth", 3, "lower"),
    Quantity("landmarks_outline", "outline", 3, "lower"),
    Quantity("landmarks_to_truth", "landmarks to true photo", 3, "lower"),
    Quantity("tolerance", "SAP's tolerance, px", 2, ""),
)
_DRAWN = ("faces_found", "landmarks", "landmarks_to_truth", "tolerance")
_CURVES = [*QUALITY, *(quantity for quantity in FAITHFULNESS if quantity.key in _DRAWN)]


class Charts(NamedTuple):
    """The curves along one axis."""

    svgs: list[str]  # one a quantity, for the report
    png: bytes  # all of them


def board(columns: Sequence[str], rows: Sequence[BoardRow]) -> Image.Image:
    """Rows of pictures under the titles of their columns; a row's name is below its first cell."""
    cell = max(_LEAST_CELL, rows[0][1][0][0].shape[0])
    width = len(columns) * (cell + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _LINE + len(rows) * (cell + _LINE) + _GAP), "white")
    draw = ImageDraw.Draw(sheet)

    def write(text: str, x: int, y: int, colour: tuple[int, int, int]) -> None:
        size = 14.0
        while draw.textlength(text, font := ImageFont.load_default(size)) > cell and size > 6:
            size -= 1
        draw.text((x, y + 2), text, fill=colour, font=font)

    places = [_GAP + column * (cell + _GAP) for column in range(len(columns))]
    for x, title in zip(places, columns, strict=True):
        write(title, x, 0, _INK)
    for number, (name, cells) in enumerate(rows):
        y = _LINE + number * (cell + _LINE)
        for x, (pixels, said) in zip(places, cells, strict=True):
            picture = Image.fromarray(np.ascontiguousarray(pixels))
            if picture.height != cell:
                picture = picture.resize((cell, cell), Image.Resampling.LANCZOS)
            sheet.paste(picture, (x, y))
            text = f"{name}: {said}" if said and x == _GAP else name if x == _GAP else said
            write(text, x, y + cell, _WARNING if said else _INK)
    return sheet


def attention(attended: Sequence[Attended]) -> Image.Image:
    """A board of what SAP chose (Fig. 3).

    After the sketch: the weight of every branch, from white for 0 to red for 1; the branch with
    the largest; and the expected width, from blue for the narrowest to orange for the widest.
    """
    widths = pooling_widths(attended[0][1].shape[-1])  # all are of one size
    columns = ["sketch", *(f"r = {width}" for width in widths), "largest", "expected width"]
    rows: list[BoardRow] = []
    for name, sketch, chosen in attended:
        largest = np.equal(np.arange(len(widths))[:, None, None], chosen.argmax(axis=0))
        cells = [np.repeat(255 - sketch[:, :, None], 3, axis=-1)]
        cells += [_veil(sketch, weight[:, :, None] * (0, 170, 190)) for weight in chosen]
        cells += [overlay.tolerance_overlay(sketch, a) for a in (largest, chosen)]
        rows.append((name, [(cell, "") for cell in cells]))
    return board(columns, rows)


def _veil(sketch: NDArray[np.uint8], taken: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The sketch (S, S) on white paper from which colour (S, S, 3) is taken."""
    return ((255 - taken) * (1 - sketch[:, :, None] / 255.0)).astype(np.uint8)


def charts(rows: Sequence[dict[str, Any]], axis: str) -> Charts:
    """How every number of the table runs along an axis of levels.py (Fig. 5 in numbers)."""
    on = on_axis(rows, axis)
    having = [q for q in _CURVES if any(row.get(q.key) is not None for row in on)]
    names = models(rows)
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": axis,
        "font.size": 9,
        "axes.edgecolor": _TEXT,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "text.color": _TEXT,
        "axes.labelcolor": _TEXT,
        "xtick.color": _TEXT,
        "ytick.color": _TEXT,
        "grid.color": _GRID,
    }
    with matplotlib.rc_context(style):
        svgs = []
        for quantity in having:
            figure = Figure(figsize=(3.6, 2.5), layout="constrained")
            _plot(figure.subplots(), on, names, axis, quantity)
            svgs.append(_inline(figure))
        across = 3
        down = -(-len(having) // across)
        figure = Figure((3.6 * across, 2.6 * down + 0.4), layout="constrained", facecolor="white")
        for number, quantity in enumerate(having, 1):
            axes = figure.add_subplot(down, across, number)
            _plot(axes, on, names, axis, quantity)
        handles = {
            label: handle
            for axes in figure.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles, loc="outside upper center", ncols=4, frameon=False)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=110)
    return Charts(svgs, png.getvalue())


def on_axis(rows: Iterable[dict[str, Any]], axis: str) -> list[dict[str, Any]]:
    """The rows of test sketches that leave S_syn along this axis only, the clean ones included."""
    others = [other for other in AXES if other != axis]
    return [row for row in rows if all(row.get(k) == getattr(CLEAN, k) for k in others)]


def runs_along(rows: Iterable[dict[str, Any]], axis: str) -> bool:
    """Whether there are rows at several places of this axis: what a curve needs."""
    return len({row["input"] for row in on_axis(rows, axis)}) > 1


def models(rows: Iterable[dict[str, Any]]) -> list[str]:
    """The models of these rows, in order, without the true photos."""
    return [name for name in dict.fromkeys(row["model"] for row in rows) if name != TRUTH]


def _plot(
    axes: Axes, rows: Sequence[dict[str, Any]], names: list[str], axis: str, quantity: Quantity
) -> None:
    for name in [TRUTH, *names]:
        of_model = sorted(
            (row for row in rows if row["model"] == name and row.get(quantity.key) is not None),
            key=lambda row: row[axis],
        )
        if not of_model:
            continue
        x = [row[axis] for row in of_model]
        y = np.array([row[quantity.key] for row in of_model]) * (100 if quantity.percent else 1)
        if name == TRUTH:
            axes.plot(x, y, "--", color=_TRUTH_COLOUR, label=TRUTH)
            continue
        colour, _, marker, _ = SERIES[names.index(name) % len(SERIES)]
        spread = [row.get(f"{quantity.key}_spread") or 0 for row in of_model]
        axes.errorbar(
            x,
            y,
            yerr=spread if any(spread) else None,
            label=name,
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1.5,
            elinewidth=0.8,
            capsize=2,
        )
    arrow = {"lower": " ↓", "higher": " ↑", "": ""}[quantity.better]
    axes.set_title(quantity.title + arrow, fontsize=10)
    axes.set_xlabel(AXES[axis])
    axes.set_xticks(sorted({row[axis] for row in rows}))
    axes.grid(linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _inline(figure: Figure) -> str:
    """The figure as an <svg> that stands in a page: its colours are the page's, its size too."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", r"<svg \1 role='img'>", svg, count=1)
    svg = re.sub(r"font-family: [^;]*; ", "", svg)
    for number, (colour, *_) in enumerate(SERIES):
        svg = svg.replace(colour, f"var(--m{number})")
    return svg.replace(_TEXT, "var(--text)").replace(_GRID, "var(--faint)")
