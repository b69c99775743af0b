"""Untrained models through the whole evaluation, with stand-ins for the large networks.

The Inception sees mean colours; a face is found where something is drawn in the middle.
"""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("torchmetrics")
pytest.importorskip("stlpips_pytorch")
pytest.importorskip("mediapipe")
pytest.importorskip("matplotlib")

from deepfacepencil.cli import Evaluate
from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.errors import InputError
from deepfacepencil.evaluation import evaluate as module
from deepfacepencil.evaluation import figures, metrics
from deepfacepencil.evaluation import measure as measuring
from deepfacepencil.evaluation.evaluate import evaluate
from deepfacepencil.evaluation.faithfulness import faithfulness
from deepfacepencil.evaluation.features import Inception
from deepfacepencil.evaluation.levels import Level
from deepfacepencil.evaluation.measure import mean_tolerance
from deepfacepencil.evaluation.plan import Plan, load_models, read_drawings
from deepfacepencil.runtime.engine import BUNDLED
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.pen import draw
from deepfacepencil.training.checkpoint import PORTRAIT_WEIGHTS, load_weights, save_weights

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: Path | None, device: torch.device) -> Inception:
        def quarters(pixels: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.adaptive_avg_pool2d(pixels, 2).flatten(1)

        return Inception("mean colours", "0", device, quarters, None)

    def find(image: NDArray[np.uint8], drawing: bool) -> NDArray[np.float64] | None:
        middle = image[12:20, 12:20]
        grid = np.mgrid[:32:1.43, :32:1.43].reshape(2, -1).T[:478]
        return None if middle.min() == 255 else grid + middle.mean() / 100

    monkeypatch.setattr(module, "load_inception", load)
    monkeypatch.setattr(measuring, "find_landmarks", find)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, make_run) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [make_run(root / "o"), make_run(root / "b", "baseline")]


@pytest.fixture
def count_work(monkeypatch: pytest.MonkeyPatch):
    """count_work(stop) -> a list that grows with every batch; Ctrl-C comes when it has `stop`."""
    original = measuring.generate

    def begin(stop: int = -1) -> list[str]:
        made: list[str] = []

        def generate(model, sketches, device):
            if len(made) == stop:
                raise KeyboardInterrupt
            made.append(model.name)
            return original(model, sketches, device)

        monkeypatch.setattr(measuring, "generate", generate)
        return made

    return begin


def test_everything_once_interrupted_or_not(
    tmp_path: Path, prepared: Path, runs: list[Path], drawings: Path, count_work
) -> None:
    def begin(output: Path) -> Path:
        return evaluate(runs, prepared, output, [drawings], kid_subset=2, seed=3)

    whole = count_work()
    report = begin(tmp_path / "whole")
    # 2 models; 10 levels in a batch of all test photos and one for the board; 2 folders
    assert len(whole) == 2 * (10 * 2 + 2)

    before = count_work(stop=9)
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        begin(tmp_path / "cut")
    after = count_work()
    begin(tmp_path / "cut")
    assert len(before) + len(after) == len(whole)
    assert not list((tmp_path / "cut").rglob(".*"))
    again = count_work()
    begin(tmp_path / "cut")
    assert not again
    for name in ("results.json", "table.csv", "report.html", "board-d-30.png", "curves-d.png"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

    results = json.loads(report.with_name("results.json").read_text())
    rows = results["rows"]
    assert len(rows) == 10 * 3 + 2 * 2
    assert results["features"] == "mean colours"
    assert "--inception" in results["is"]
    clean = {row["model"]: row for row in rows if row["input"] == "d = 0"}
    assert set(clean) == {"ours", "baseline", figures.TRUTH}
    assert clean["ours"]["n"] == 2
    assert 0 < clean["ours"]["l1"] < 1
    assert clean["ours"]["tolerance"] >= 1
    assert clean["ours"]["pairs"] == 2
    assert 0 < clean["ours"]["landmarks_mouth"] < 1
    assert clean["ours"]["landmarks_to_truth"] < 1
    assert clean["baseline"]["tolerance"] is None  # it has no SAP
    circles = results["drawings"]["circles"]
    assert sorted(circles["names"]) == ["three", "two"] == sorted(circles["without a face"])
    of_circles = [row for row in rows if row["input"] == "drawings: circles"]
    assert [(row["n"], row["drawings_with_face"]) for row in of_circles] == [(2, 0), (2, 0)]
    assert "kid" in of_circles[0]
    with report.with_name("table.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(rows)

    pictures = {path.name for path in report.parent.glob("*.png")}
    assert {"board-d-0.png", "board-width-4.png", "board-missing-50.png"} <= pictures
    assert {"curves-d.png", "curves-width.png", "curves-missing.png"} <= pictures
    assert {"board-drawings-circles-1.png", "attention-1.png"} <= pictures
    assert "attention-2.png" not in pictures
    with Image.open(report.with_name("board-d-0.png")) as board:
        # sketch, two models, true photo; two faces
        assert board.width > 4 * 160
        assert 2 * 160 < board.height < 3 * 160


def test_every_number_is_what_its_metric_gives_of_these_photos(
    tmp_path: Path, prepared: Path, runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_of(sketches: NDArray[np.uint8]) -> NDArray[np.uint8]:
        dark = sketches[..., None] // np.array([2, 3, 4], np.uint8)
        return 200 - np.roll(dark, 3, axis=1)

    def generate(model, sketches, device):
        return made_of(sketches), None

    monkeypatch.setattr(measuring, "generate", generate)
    report = evaluate(runs[:1], prepared, tmp_path, kid_subset=2, deformation_only=True)
    rows = json.loads(report.with_name("results.json").read_text())["rows"]
    (row,) = (row for row in rows if row["input"] == "d = 0" and row["model"] == "ours")

    triplets = list(FacePairs(prepared, "test", 32, None))
    sketches = np.concatenate([triplet.S_syn for triplet in triplets])
    truths = np.stack([triplet.photo.transpose(1, 2, 0) for triplet in triplets])
    made, cpu = made_of(sketches), torch.device("cpu")
    inception, alexnet = module.load_inception(None, cpu), module.load_alexnet(cpu)
    real, features = inception.features(truths), inception.features(made)
    assert row["fid"] == pytest.approx(metrics.fid(real, features), rel=1e-6)
    assert row["kid"] == pytest.approx(metrics.kid(real, features, 2, seed=0)[0], rel=1e-6)
    assert row["l1"] == pytest.approx(metrics.l1(made, truths).mean())
    assert row["ssim"] == pytest.approx(metrics.ssim(made, truths).mean())
    distance = alexnet.distance(alexnet.features(made), alexnet.features(truths))
    assert row["st_lpips"] == pytest.approx(distance.mean(), rel=1e-5)

    drawn = np.repeat(255 - sketches[..., None], 3, axis=-1)
    of_drawn, of_made, of_truth = (
        measuring.landmarks_of(some, drawings=some is drawn) for some in (drawn, made, truths)
    )
    found = [i for i in range(len(drawn)) if np.isfinite([of_drawn[i], of_made[i]]).all()]
    errors = [faithfulness(of_drawn[i], of_made[i]) for i in found]
    assert row["pairs"] == len(found) > 1
    assert row["landmarks"] == pytest.approx(np.median([error["all"] for error in errors]))
    assert row["landmarks_nose"] == pytest.approx(np.median([error["nose"] for error in errors]))
    away = [faithfulness(*pair)["all"] for pair in zip(of_truth, of_made, strict=True)]
    assert row["landmarks_to_truth"] == pytest.approx(np.median(away))
    assert len({round(error["all"], 6) for error in errors}) > 1  # so that a median says something


def test_a_folder_of_drawings_is_measured_once_under_its_own_name(drawings: Path) -> None:
    circles = drawings / "circles"
    others = [drawings.parent / side / "p" / "circles" for side in "ab"]
    for other in others:
        shutil.copytree(circles, other, dirs_exist_ok=True)
    groups = read_drawings([drawings, circles, *others], 32)
    assert list(groups) == [drawings.name, "circles", "p-circles", "p-circles-2"]


def test_a_damaged_file_in_the_cache_is_made_anew_and_other_pictures_go(
    tmp_path: Path, prepared: Path, runs: list[Path], drawings: Path, count_work
) -> None:
    def begin(*more: Path) -> None:
        evaluate(runs[:1], prepared, tmp_path, more, kid_subset=2, deformation_only=True)

    begin(drawings)
    assert list(tmp_path.glob("board-drawings-*"))
    assert {path.name for path in tmp_path.glob("curves-*")} == {"curves-d.png"}
    whole = (tmp_path / "results.json").read_bytes()
    (damaged := next((tmp_path / "cache").glob("photos-*"))).write_bytes(b"")
    (tmp_path / "cache" / ".photos.1.part").touch()
    made = count_work()
    begin(drawings)
    assert len(made) == 1
    assert damaged.stat().st_size
    assert not list(tmp_path.rglob(".*"))
    assert (tmp_path / "results.json").read_bytes() == whole
    (tmp_path / "board-mine.png").touch()
    begin()
    assert not list(tmp_path.glob("board-drawings-*"))
    assert (tmp_path / "board-mine.png").exists()
    assert list(tmp_path.glob("board-d-*"))


def test_the_report_names_what_was_trained_for_how_long(
    tmp_path: Path, prepared: Path, runs: list[Path]
) -> None:
    run = shutil.copytree(runs[0], tmp_path / "run")
    weights, facts = load_weights(run)
    for finished in (True, False):
        save_weights(weights, facts | {"shown": [8, 1200], "finished": finished}, run)
        report = evaluate([run], prepared, tmp_path / "r", kid_subset=2, deformation_only=True)
        text = report.read_text()
        assert "ours: recipe tiny, seed 1, photos shown in its phases 8, 1,200" in text
        assert ("not finished" in text) != finished


def test_the_report_is_one_file_for_every_screen(
    tmp_path: Path, prepared: Path, runs: list[Path]
) -> None:
    report = evaluate(runs, prepared, tmp_path / "r", kid_subset=2, deformation_only=True)
    text = report.read_text()
    assert "://" not in text
    assert not re.search(r"(href|src)=['\"](?!#|data:image/jpeg;base64,)", text)
    assert "<script" not in text
    assert text.count("<img") == 5 + 1  # boards of five levels, attention
    assert text.count("<svg") >= 6
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text
    assert "ST-LPIPS (AlexNet)" in text
    assert "d = 30" in text
    assert "pen 2x" not in text
    for colour, *_ in figures.SERIES:
        assert f"stroke: {colour}" not in text


def test_seed_and_weights_are_what_the_numbers_follow(
    tmp_path: Path, prepared: Path, make_run, runs: list[Path], count_work
) -> None:
    def begin(some: list[Path], seed: int = 0) -> bytes:
        arguments = {"kid_subset": 2, "seed": seed, "deformation_only": True}
        return (
            evaluate(some, prepared, tmp_path / "r", **arguments)
            .with_name("results.json")
            .read_bytes()
        )

    first = begin(runs[:1])
    moved = count_work()
    assert begin(runs[:1], seed=1) != first
    assert len(moved) == 4 * 2  # clean sketches have no seed
    rival = count_work()
    begin([*runs[:1], make_run(tmp_path / "p", "pix2pix")])
    assert set(rival) == {"pix2pix"}
    two_of_a_kind = json.loads(begin([runs[0], make_run(tmp_path / "again")]))
    assert set(two_of_a_kind["models"]) == {f"ours ({runs[0]})", f"ours ({tmp_path / 'again'})"}


def test_a_level_shows_the_same_faces_in_every_batch(prepared: Path) -> None:
    plan = Plan([], FacePairs(prepared, "test", 32), 2, (), {}, 2, seed=4)
    both = plan.sketches([0, 1], Level(d=20))
    assert (plan.sketches([1], Level(d=20))[0] == both[1]).all()
    assert plan.faces == [0, 1]


def test_tolerance_is_the_expected_width_on_strokes() -> None:
    for size, expected in ((256, 3), (128, (2 + 6) / 2)):  # 1 and 5; at 128 px 1 and 3 of its own
        attention = np.zeros((2, 4, size, size), np.float32)
        attention[:, 3] = 1  # the widest branch everywhere
        attention[0, :, 2, :] = [[0.5], [0.5], [0], [0]]  # the two narrowest along the stroke
        sketches = np.zeros((2, size, size), np.uint8)
        sketches[0, 2] = 255
        drawn, blank = mean_tolerance(attention, sketches)
        assert drawn == pytest.approx(expected)
    assert np.isnan(blank)
    assert np.isnan(mean_tolerance(None, sketches)).all()


def test_what_cannot_be_measured_is_said_first(
    tmp_path: Path, prepared: Path, runs: list[Path], make_run, drawings: Path
) -> None:
    output = tmp_path / "r"
    larger = make_run(tmp_path / "larger", resolution=64)
    too_large = make_run(tmp_path / "too-large", resolution=512)
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        (([], prepared, output), "at least one trained run"),
        (([tmp_path / "empty"], prepared, output), "generator.safetensors: no such file"),
        (([runs[0], larger], prepared, output), "one resolution .*: 32 px, .*larger: 64 px"),
        (([too_large], prepared, output), "256 px, 512 are wanted"),
        ((runs, tmp_path / "empty", output), "prepare"),
        ((runs, prepared, output), "subsets of 100 from 2 photos; pass --kid-subset 2"),
        ((runs, prepared, output, [tmp_path / "none"], None, None, 2), "none: no such folder"),
        ((runs, prepared, output, [tmp_path / "empty"], None, None, 2), "no pictures"),
    ):
        with pytest.raises(InputError, match=said):
            evaluate(*arguments)
    assert not output.exists()


def test_model_files_are_measured_as_they_draw() -> None:
    """Beside a run: the same sketch the same photo, of several models or alone."""
    model = load_models([BUNDLED], torch.device("cpu"))[0]
    assert model.name == BUNDLED.name and model.facts["recipe"]
    sketches = np.stack([draw(svg.load(path), 256) for path in sorted(EXAMPLES.glob("*.svg"))[:2]])
    photos, attention = measuring.generate(model, sketches, torch.device("cpu"))
    assert photos.shape == (2, 256, 256, 3) and photos.std() > 20
    assert attention is not None and attention.shape == (2, 4, 256, 256)
    again, _ = measuring.generate(model, sketches[1:], torch.device("cpu"))
    np.testing.assert_array_equal(again[0], photos[1])
    shown = model.network.engine(svg.load(sorted(EXAMPLES.glob("*.svg"))[0]), seed=1).attention
    # The sketch was made smaller from 256 px, and the engine drew it at 128 px.
    assert np.abs(attention[0] - shown).mean() < 0.05


def test_a_portrait_run_is_measured_as_what_it_exports(tmp_path: Path) -> None:
    (tmp_path / PORTRAIT_WEIGHTS).touch()
    with pytest.raises(InputError, match=r"export .* and give that file"):
        load_models([tmp_path], torch.device("cpu"))


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[evaluate\]'"):
        Evaluate((tmp_path,), tmp_path, tmp_path).run()
