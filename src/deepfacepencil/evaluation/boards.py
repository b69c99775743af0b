"""The pictures of a report: which drawings and photos are shown side by side (Fig. 3 to 7)."""

from collections.abc import Sequence

from PIL import Image

from . import figures
from .cache import Arrays
from .levels import CLEAN, DEFORMATION
from .measure import ATTENDED, Measurements, as_drawn, found
from .plan import Plan, Sketches


def pictures_of(plan: Plan, measurements: Measurements) -> dict[str, tuple[str, Image.Image]]:
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

    for level, shown in measurements.boards.items():
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
        rows = _board(names, drawings, sketches, measurements.drawings[group])
        for start in range(0, len(rows), figures.MOST_ROWS):
            some = rows[start : start + figures.MOST_ROWS]
            caption = f"Drawings: {group}, {start + 1} to {start + len(some)} (Fig. 6, 7)"
            file = f"board-drawings-{group}-{start // figures.MOST_ROWS + 1}.png"
            pictures[file] = caption, figures.board(["drawing", *names], some)
        attend(drawings, sketches, measurements.drawings[group])
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
        name: ["" if face else figures.NO_FACE for face in found(arrays)]
        for name, arrays in shown.items()
    }
    columns = [zip(as_drawn(sketches), marks[""], strict=True)]
    columns += [zip(shown[name]["photos"], marks[name], strict=True) for name in models]
    return list(zip(names, map(list, zip(*columns, strict=True)), strict=True))
