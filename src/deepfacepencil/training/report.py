"""RUN/report.html: a training at a glance, its curves and what it drew over time, in one file.

Read from what the training writes: run.json, log.jsonl and sheets/. Drawn without a script, for a
phone as for a screen, in light and dark.
"""

import base64
import html
import io
import json
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..files import atomic_path
from ..provenance import saved_as

SETTINGS, LOG, SHEETS, REPORT = "run.json", "log.jsonl", "sheets", "report.html"
MOST_SHEETS, MOST_POINTS = 16, 300
WIDTH, HEIGHT, MARGIN = 360, 150, 44  # of a chart, in its own units

# The first words of the names in the log: a chart each.
TITLES = {
    "classifier": "C: loss and accuracy",
    "rec": "Reconstruction (Eq. 4, with its weight)",
    "adv": "Adversarial, generators (Eq. 5)",
    "d": "Adversarial, D (Eq. 5)",
    "dfm": "Features of D (Eq. 6, × 10)",
    "gfm": "Features of G (Eq. 7, × 10)",
    "d0": "What D says: full resolution",
    "d1": "What D says: half",
    "d2": "What D says: a quarter",
    "gradient": "Norms of the gradients",
    "learning": "Learning rate",
    "photos/s": "Photos per second",
}
STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #222; --faint: #8886;
  --0: #1763c6; --1: #d2541b; --2: #2d8a4e; }
@media (prefers-color-scheme: dark) {
  :root { --back: #16181b; --text: #ddd; --0: #6aa9ff; --1: #ff9560; --2: #6fd08f; } }
body { margin: 0 auto; max-width: 1100px; padding: 12px; background: var(--back);
  color: var(--text); font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem } h3 { font-size: 1rem; margin: 0 }
.charts { display: grid; gap: 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
svg { width: 100%; display: block } svg text { font-size: 11px; fill: var(--text) }
polyline { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke }
.axis { stroke: var(--faint); vector-effect: non-scaling-stroke }
figure { margin: 0 0 20px; overflow-x: auto } figure img { min-width: 620px; max-width: 100% }
figcaption { position: sticky; left: 0 }
"""


class Curve(NamedTuple):
    """One value of the log over the training; nan where a stage does not have it."""

    name: str
    shown: NDArray[np.int64]  # photos since the beginning
    values: NDArray[np.float64]


def write_report(run: Path) -> None:
    """Write RUN/report.html from what `run` holds at the moment."""
    lines, starts = _read_log(run / LOG)
    settings = json.loads((run / SETTINGS).read_text())
    wanted = sum(phase["images"] for phase in settings["recipe"]["phases"])
    facts = [f"recipe {settings['recipe']['name']}, seed {settings['seed']}"]
    if (model := settings.get("model", "ours")) != "ours":
        facts.insert(0, model)
    if lines:
        last = lines[-1]
        facts.append(f"{last['total']:,} of {wanted:,} photos shown ({last['total'] / wanted:.0%})")
        facts.append(f"{last['stage']}, {last['resolution']} px, {last['photos/s']} photos/s")
    curves = sorted(_curves(lines), key=lambda curve: curve.name)
    groups = {word: list(some) for word, some in groupby(curves, lambda c: c.name.split()[0])}
    order = sorted(groups, key=lambda word: [*TITLES, word].index(word))
    charts = [_chart(TITLES.get(word, word), groups[word], starts) for word in order]
    name = html.escape(run.resolve().name)
    page = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style><h1>{name}</h1><p>{html.escape('; '.join(facts))}</p>",
        "<h2>The log, over the photos shown</h2>",
        f"<div class=charts>{''.join(charts)}</div>",
        "<h2>The same faces over time, the newest first</h2>",
        "<p>Rows: clean sketch, deformed sketch, photo of G_a, photo of G_m, tolerance of G_m,",
        "the true photo. Before stage 2 there is no G_m, and without SAP no tolerance. A single",
        "generator makes the photos of both sketches. For the enhancer: deformed sketch, its",
        "photo, the true photo.</p>",
        *_figures(run / SHEETS),
    ]
    with atomic_path(run / REPORT) as temporary:
        temporary.write_text("\n".join(page), "utf-8")


def _read_log(path: Path) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """The lines, with the photos shown in `total`, and where phases start: (photos, name)."""
    lines: list[dict[str, Any]] = []
    starts: list[tuple[int, str]] = []
    before = 0
    for text in path.read_text(errors="replace").splitlines() if path.exists() else ():
        line = _line(text)
        if line is None:  # damaged: the curves are decoration, the others will do
            continue
        phase = f"{line['stage']}, {line['resolution']}"
        if not lines or starts[-1][1] != phase or line["shown"] <= lines[-1]["shown"]:
            before = lines[-1]["total"] if lines else 0
            starts.append((before, phase))
        lines.append(line | {"total": before + line["shown"]})
    return lines, starts


def _line(text: str) -> dict[str, Any] | None:
    """One line of the log; None for what is none."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    if not isinstance(line, dict) or not isinstance(line.get("stage"), str):
        return None
    rest = {name: value for name, value in line.items() if name != "stage"}
    numbers = all(type(value) in (int, float) for value in rest.values())
    return line if numbers and {"resolution", "shown", "photos/s"} <= rest.keys() else None


def _curves(lines: list[dict[str, Any]]) -> Iterator[Curve]:
    shown = np.array([line["total"] for line in lines])
    names = dict.fromkeys(name for line in lines for name in line)
    for name in names:
        if name not in ("stage", "resolution", "shown", "total"):
            yield Curve(name, shown, np.array([line.get(name, np.nan) for line in lines]))


def _chart(title: str, curves: list[Curve], starts: list[tuple[int, str]]) -> str:
    """An SVG from the first phase to the last one that has these values.

    The highest and lowest hundredth of the values are cut off.
    """
    low, high = np.nanquantile([curve.values for curve in curves], (0.01, 0.99))
    having = np.flatnonzero(np.isfinite([curve.values for curve in curves]).any(axis=0))
    shown = curves[0].shown
    first = max(start for start, _ in starts if start < shown[having[0]])
    last = shown[having[-1]]
    size = -(-len(having) // MOST_POINTS)  # lines of the log to a point
    bottom, top, right = HEIGHT - 16, 20, WIDTH - MARGIN

    def x(photos: float) -> float:
        return float((photos - first) / (last - first) * right)

    parts = []
    phases = [(start, phase) for start, phase in starts if first <= start < last]
    for (start, phase), (end, _) in pairwise([*phases, (last, "")]):
        place = f"{x(start):.1f}"
        parts.append(f"<path class=axis d='M{place} {top}V{bottom}'/>")
        if x(end) - x(start) > 70:  # room to write
            parts.append(f"<text x={place} y={HEIGHT - 3}>{html.escape(phase)}</text>")
    for number, curve in enumerate(curves):
        colour = f"var(--{number % 3})"
        pieces = np.ma.clump_unmasked(np.ma.masked_invalid(curve.values))
        for piece in pieces:
            points = []
            for begin in range(piece.start, piece.stop, size):
                chunk = slice(begin, min(begin + size, piece.stop))
                value = np.clip(curve.values[chunk].mean(), low, high)
                y = bottom - (value - low) / max(high - low, 1e-12) * (bottom - top)
                points.append(f"{x(shown[chunk].mean()):.1f},{y:.1f}")
            parts.append(f"<polyline points='{' '.join(points)}' style='stroke:{colour}'/>")
        latest = f"{html.escape(curve.name)} {curve.values[pieces[-1].stop - 1]:.3g}"
        parts.append(f"<text x={5 + 120 * number} y=12 style='fill:{colour}'>{latest}</text>")
    for level, value in ((top + 4, high), (bottom, low)):
        parts.append(f"<text x={WIDTH} y={level} text-anchor=end>{value:.3g}</text>")
    drawing = f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img>{''.join(parts)}</svg>"
    return f"<section><h3>{html.escape(title)}</h3>{drawing}</section>"


def _figures(sheets: Path) -> Iterator[str]:
    """Some of the sheets, evenly spread over the training, the newest first."""
    paths = sorted(sheets.glob("[!.]*.png"))
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), MOST_SHEETS)).round().astype(int)
    for number in reversed(chosen):
        try:
            _, *stage, resolution, shown = paths[number].stem.split("-")
            with Image.open(paths[number]) as image:
                yield figure(image, f"{' '.join(stage)}, {resolution} px, {int(shown):,} photos")
        except (OSError, SyntaxError, ValueError):  # damaged, or no sheet: the others will do
            continue


def figure(image: Image.Image, caption: str) -> str:
    """A <figure> that holds its picture, as JPEG."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, quality=82, **saved_as("JPEG"))
    picture = base64.b64encode(buffer.getvalue()).decode()
    about = html.escape(caption)
    return (
        f"<figure><figcaption>{about}</figcaption><img loading=lazy alt='{about}'"
        f" src='data:image/jpeg;base64,{picture}'></figure>"
    )
