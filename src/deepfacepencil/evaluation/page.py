"""REPORT/report.html: the tables, curves and boards of an evaluation in one file.

Drawn without a script and without anything from elsewhere, for a phone as for a screen, in light
and dark, in the look of a training's report.
"""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from ..training.report import STYLE, figure
from .figures import FAITHFULNESS, QUALITY, SERIES, TRUTH, Charts, Quantity, models, on_axis
from .levels import AXES

Row = dict[str, Any]

_HEADS = {
    "d": ("Deformation (Fig. 5)", "Every point of the strokes moved by up to d."),
    "width": ("Stroke width", "The strokes of S_syn, drawn with a wider pen."),
    "missing": ("Missing strokes", "The strokes of S_syn, some left out."),
}


def page(
    results: Mapping[str, Any],
    pictures: Mapping[str, tuple[str, Image.Image]],
    charts: Mapping[str, Charts],
) -> str:
    """The report of what evaluate.py writes to results.json, with its pictures and charts."""
    return "\n".join(_parts(results, pictures, charts))


def _parts(
    results: Mapping[str, Any],
    pictures: Mapping[str, tuple[str, Image.Image]],
    charts: Mapping[str, Charts],
) -> Iterator[str]:
    rows: list[Row] = results["rows"]
    names = models(rows)
    on = {axis: on_axis(rows, axis) for axis in AXES}
    clean = [row for row in rows if row["input"] == "d = 0"]
    drawn = [row for row in rows if row["input"].startswith("drawings")]
    yield "<!doctype html><html lang=en><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width, initial-scale=1'>"
    yield f"<title>{html.escape(', '.join(names))}</title><style>{STYLE}{_style()}</style>"
    yield "<h1>Sketches to photos: " + html.escape(", ".join(names)) + "</h1>"
    yield (
        f"<p>{results['photos']} photos of the {html.escape(results['split'])} split of"
        f" {html.escape(results['data'])}, {results['resolution']} px, seed {results['seed']}."
        f" Features: {html.escape(results['features'])}; photos resized"
        f" {html.escape(results['resize'])}. KID: {html.escape(results['kid'])}. IS:"
        f" {html.escape(results['is'])}. Bold is the best of its input.</p>"
    )
    yield from _trainings(results["models"])
    yield "<h2>Clean test sketches (Table 1)</h2>"
    yield _table(clean, QUALITY)
    yield "<p>How near the landmarks of the photos are to those of the sketches:</p>"
    yield _table(clean, FAITHFULNESS)
    for axis, (head, about) in _HEADS.items():
        if axis not in charts:
            continue
        yield f"<h2>{head}</h2><p>{about}</p>"
        yield _legend(names)
        yield "<div class=charts>"
        yield from charts[axis].svgs
        yield "</div>"
        yield _table(on[axis], QUALITY) + _table(on[axis], FAITHFULNESS)
    if drawn:
        yield "<h2>Drawings (Fig. 6, 7)</h2>"
        yield _table(drawn, QUALITY) + _table(drawn, FAITHFULNESS)
        yield from _groups(results["drawings"])
    yield from _boards(pictures)
    yield from _notes()


def _trainings(models: Mapping[str, Any]) -> Iterator[str]:
    """How each model was trained."""
    yield "<ul>"
    for name, facts in models.items():
        shown = ", ".join(f"{images:,}" for images in facts["shown"])
        unfinished = "" if facts.get("finished", True) else "; <b>not finished</b>"
        yield (
            f"<li>{html.escape(name)}: recipe {html.escape(facts['recipe'])}, seed {facts['seed']},"
            f" photos shown in its phases {shown}{unfinished}."
        )
    yield "</ul>"


def _groups(drawings: Mapping[str, Any]) -> Iterator[str]:
    """What the folders of drawings have, and in which of them no face is found."""
    for group, about in drawings.items():
        missing = about["without a face"]
        yield (
            f"<p>{html.escape(group)}: {len(about['names'])} drawings; no face was found in"
            f" {len(missing)}{': ' if missing else ''}{html.escape(', '.join(missing))}.</p>"
        )


def _boards(pictures: Mapping[str, tuple[str, Image.Image]]) -> Iterator[str]:
    """The pictures: of drawings, which follow their table, of test sketches, and the attention."""
    for key in ("board-drawings", "board", "attention"):
        some = [name for name in pictures if name.startswith(key)]
        if key == "board":
            yield "<h2>Test sketches</h2>"
            some = [name for name in some if not name.startswith("board-drawings")]
        if key == "attention" and some:
            yield "<h2>What SAP chose (Fig. 3)</h2>"
        for name in some:
            yield figure(pictures[name][1], pictures[name][0])


def _table(rows: Sequence[Row], quantities: Iterable[Quantity]) -> str:
    """A table of what these rows have, scrolled sideways where the screen is narrow."""
    shown = [q for q in quantities if any(row.get(q.key) is not None for row in rows)]
    rows = [row for row in rows if any(row.get(q.key) is not None for q in shown)]
    heads = "".join(f"<th>{html.escape(q.title)}" for q in shown)
    parts = [f"<div class=wide><table><tr><th>input<th>model<th>n{heads}"]
    before = ""
    for row in rows:
        rivals = [r for r in rows if r["input"] == row["input"] and r["model"] != TRUTH]
        cells = "".join(f"<td>{_cell(row, q, rivals)}" for q in shown)
        place = html.escape(row["input"]) if row["input"] != before else ""
        begins = " class=begins" if place else ""
        parts.append(f"<tr{begins}><th>{place}<td>{html.escape(row['model'])}<td>{row['n']}{cells}")
        before = row["input"]
    return "".join([*parts, "</table></div>"])


def _cell(row: Row, quantity: Quantity, rivals: Sequence[Row]) -> str:
    value = row.get(quantity.key)
    if value is None:
        return "–"
    text = f"{value * (100 if quantity.percent else 1):.{quantity.digits}f}"
    values = [rival[quantity.key] for rival in rivals if rival.get(quantity.key) is not None]
    best = {"lower": min, "higher": max}.get(quantity.better)
    if best and len(values) > 1 and row["model"] != TRUTH and value == best(values):
        text = f"<b>{text}</b>"
    spread = row.get(f"{quantity.key}_spread")
    return text if spread is None else f"{text} ± {spread:.{quantity.digits}f}"


def _legend(names: Sequence[str]) -> str:
    keys = [
        f"<span style='color: var(--m{number % len(SERIES)})'>"
        f"{SERIES[number % len(SERIES)][3]} {html.escape(name)}</span>"
        for number, name in enumerate(names)
    ]
    return f"<p class=legend>{' '.join(keys)} <span class=truth>┄ {TRUTH}</span></p>"


def _style() -> str:
    """What the report of a training does not need: tables, and a colour for every model."""
    light, dark = (
        "; ".join(f"--m{number}: {series[theme]}" for number, series in enumerate(SERIES))
        for theme in (0, 1)
    )
    return f"""
:root {{ {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
.wide {{ overflow-x: auto; margin: 0 0 16px }}
table {{ border-collapse: collapse; font-size: .875rem; white-space: nowrap }}
td, th {{ padding: 2px 10px 2px 0; text-align: right; font-variant-numeric: tabular-nums }}
th {{ font-weight: 600; white-space: normal; max-width: 6.5rem; vertical-align: bottom }}
th:first-child {{ white-space: nowrap; max-width: none }} .charts {{ margin-bottom: 16px }}
th:first-child, td:nth-child(2), th:nth-child(2) {{ text-align: left }}
th:first-child {{ position: sticky; left: 0; background: var(--back) }}
.begins > * {{ border-top: 1px solid var(--faint) }}
.legend span {{ margin-right: 12px; white-space: nowrap }} .truth {{ opacity: .7 }}
svg text {{ font-family: system-ui, sans-serif }}
"""


def _notes() -> Iterator[str]:
    yield "<h2>How to read it</h2><ul>"
    for note in (
        "FID, KID and IS look at photos as a set, and KID alone does not depend on how large the"
        " set is: FID of this report compares within it and not with other numbers of photos.",
        "L1 is the mean difference of colours from 0 to 1. ST-LPIPS is the shift-tolerant variant"
        " of LPIPS, not LPIPS.",
        "Landmarks: mediapipe's, found in the drawing and in the photo, compared in inter-ocular"
        " distances: the median of the pairs with a face on both sides. A model in whose photos"
        " few faces are found is judged by those few. The row of the true photos says how near"
        " even the truth comes to landmarks that are found in a drawing.",
        "A deformed sketch should not be followed everywhere: at a large d, landmarks to the true"
        " photo say more than landmarks to the drawing.",
        "SAP's tolerance is the expected pooling width on the strokes, in pixels at 256: where it"
        " is large, realism goes before conformance.",
    ):
        yield f"<li>{html.escape(note)}"
    yield "</ul>"
