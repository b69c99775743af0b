"""The report of a training that never was."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from deepfacepencil.training.report import MOST_SHEETS, write_report


class Reader(HTMLParser):
    """Texts, and attributes by name."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.attributes: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "<run> & co"
    (folder / "sheets").mkdir(parents=True)
    phases = [{"images": 100}, {"images": 300}]
    settings = {"recipe": {"name": "tiny", "phases": phases}, "seed": 3}
    (folder / "run.json").write_text(json.dumps(settings))
    return folder


def read(run: Path) -> Reader:
    reader = Reader()
    reader.feed((run / "report.html").read_text())
    return reader


def line(stage: str, shown: int, **losses: float) -> str:
    return json.dumps({"stage": stage, "resolution": 32, "shown": shown, "photos/s": 2.0} | losses)


def test_a_run_that_has_hardly_begun(run: Path) -> None:
    write_report(run)
    assert "recipe tiny, seed 3" in read(run).texts
    (run / "log.jsonl").write_text(line("classifier", 20, classifier=0.7) + "\n")
    write_report(run)
    assert any("20 of 400 photos shown (5%)" in text for text in read(run).texts)


def test_curves_break_where_a_stage_has_no_such_value(run: Path) -> None:
    lines = [line("stage 1", n, **{"rec a": 1 / n, "d": 1.0}) for n in range(10, 110, 10)]
    lines += [line("stage 2", n, **{"rec m": 1 / n, "d": 2.0}) for n in range(10, 110, 10)]
    lines += [line("stage 3", n, **{"rec a": 0.5, "rec m": 0.25, "d": 0.5}) for n in (10, 20)]
    (run / "log.jsonl").write_text("\n".join(lines))
    write_report(run)
    reader = read(run)
    assert any("220 of 400" in text for text in reader.texts)
    assert {"rec a 0.5", "rec m 0.25", "d 0.5", "stage 1, 32", "stage 2, 32"} <= set(reader.texts)
    curves = [points.split() for points in reader.attributes["points"]]
    # rec a in two pieces, rec m in one, d, photos/s
    assert sorted(map(len, curves)) == [2, 10, 12, 22, 22]
    for curve in curves:
        places = [tuple(map(float, point.split(","))) for point in curve]
        assert places == sorted(places, key=lambda place: place[0])
        assert all(0 <= x <= 360 and 0 <= y <= 150 for x, y in places)


def test_it_is_one_file_for_every_screen(run: Path) -> None:
    for n in range(2 * MOST_SHEETS):
        Image.new("RGB", (64, 48), (n, n, n)).save(run / "sheets" / f"1-stage-1-32-{n:08d}.png")
    (run / "sheets" / ".1-stage-1-32-9.png.5.part").write_text("half")
    write_report(run)
    reader = read(run)
    sources = reader.attributes["src"]
    assert len(sources) == MOST_SHEETS
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not {"href", "http-equiv", "onload"} & reader.attributes.keys()
    captions = [text for text in reader.texts if text.endswith(" photos")]
    assert captions[0] == f"stage 1, 32 px, {2 * MOST_SHEETS - 1} photos"
    assert captions[-1] == "stage 1, 32 px, 0 photos"
    assert "<run> & co" in reader.texts
    page = (run / "report.html").read_text()
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
