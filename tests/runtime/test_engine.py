"""The drawing program: bundled model, engine, and the `generate` verb, all without torch."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from deepfacepencil.errors import InputError
from deepfacepencil.files import find_pictures
from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.runtime.engine import BUNDLED, METADATA_KEY, SIZES, Call, Engine, GivenUp
from deepfacepencil.runtime.generate import SHEET, generate
from deepfacepencil.runtime.overlay import WIDTHS, tolerance, tolerance_overlay
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.strokes import Strokes, through

EXAMPLES = Path(__file__).parents[2] / "examples"
A_DRAWING = EXAMPLES / "02-short-hair.svg"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def test_bundled_model_draws_a_portrait(engine: Engine) -> None:
    drawn = engine(svg.load(A_DRAWING))
    assert drawn.photo.shape == (256, 256, 3)
    assert drawn.attention.shape == (len(WIDTHS), 256, 256)
    np.testing.assert_allclose(drawn.attention.sum(axis=0), 1, atol=1e-4)
    assert drawn.face > 0.5
    # Skin in the middle of the face: red before green before blue.
    red, green, blue = drawn.photo[110:150, 100:156].reshape(-1, 3).mean(0)
    assert red > green > blue


def test_a_call_is_given_up_and_the_engine_draws_on(engine: Engine) -> None:
    strokes, call = svg.load(A_DRAWING), Call()
    threading.Timer(0.01, call.give_up).start()
    with pytest.raises(GivenUp):
        engine(strokes, size=1024, call=call)
    assert engine(strokes).face > 0.5


def test_bundled_model_doubts_that_a_line_is_a_face(engine: Engine) -> None:
    line = through(np.array([[40.0, 450], [120, 470], [200, 455]]))
    assert engine(Strokes.of([line])).face < 0.5


def test_asked_for_hair_and_person_change_the_photo_and_a_seed_repeats_it(engine: Engine) -> None:
    strokes = svg.load(A_DRAWING)
    first = engine(strokes, seed=1).photo
    assert (engine(strokes, seed=1).photo == first).all()
    assert np.abs(engine(strokes, seed=2).photo.astype(int) - first).mean() > 5
    fair, black = Appearance(hair=(200, 170, 120)), Appearance(hair=(25, 20, 20))
    hair = slice(20, 60), slice(100, 156)
    light, dark = (engine(strokes, 0, asked, 1).photo[hair].mean() for asked in (fair, black))
    assert light > dark + 20


@pytest.mark.parametrize("size", SIZES)
def test_larger_photos_are_the_same_photo(engine: Engine, size: int) -> None:
    strokes = svg.load(A_DRAWING)
    photo = Image.fromarray(engine(strokes, seed=3, size=size).photo)
    assert photo.size == (size, size)
    small = np.asarray(photo.resize((64, 64), Image.Resampling.BOX), float)
    wanted = Image.fromarray(engine(strokes, seed=3).photo).resize((64, 64), Image.Resampling.BOX)
    assert np.sqrt(np.square(small - np.asarray(wanted, float)).mean()) < 10


def test_other_sizes_are_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="256, 512 or 1024"):
        engine(svg.load(A_DRAWING), size=300)


def test_photo_follows_the_drawing(engine: Engine) -> None:
    strokes = svg.load(A_DRAWING)
    without_half = strokes.select(np.arange(len(strokes)) % 2 == 0)
    difference = np.abs(engine(strokes).photo.astype(int) - engine(without_half).photo)
    assert difference.mean() > 2


def test_bundled_model_fits_in_the_repository() -> None:
    assert BUNDLED.stat().st_size < 40e6


def test_torch_is_never_imported(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from deepfacepencil.cli import main\n"
        "main()\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('torch', 'onnx')]\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, "generate", str(A_DRAWING), "--output", str(tmp_path)],
        check=True,
    )
    assert Image.open(tmp_path / f"{A_DRAWING.stem}.png").size == (256, 256)


def test_generate_writes_photos_overlays_and_a_sheet(engine: Engine, tmp_path: Path) -> None:
    drawings = find_pictures([str(EXAMPLES / "0[1-3]*.svg")])
    sheet = generate(engine, drawings, tmp_path, attention=True)
    names = {path.name for path in tmp_path.iterdir()}
    expected = {f"{n}{ending}.png" for n in drawings for ending in ("", "-tolerance")}
    assert names == expected | {SHEET}
    assert Image.open(sheet).width > 3 * 256
    assert (
        Image.open(tmp_path / f"{next(iter(drawings))}.png")
        .text["Description"]
        .startswith("Synthetic")
    )


def test_one_bad_drawing_does_not_stop_the_others(engine: Engine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("not a picture")
    drawings = find_pictures([str(bad), str(A_DRAWING)])
    with pytest.raises(InputError, match=r"1 of 2 drawings done[^\n]*\n.*bad\.png"):
        generate(engine, drawings, tmp_path / "out", attention=False)
    assert (tmp_path / "out" / f"{A_DRAWING.stem}.png").exists()


def test_drawings_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "face.svg").write_bytes(A_DRAWING.read_bytes())
    found = find_pictures([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "a")])
    assert set(found) == {"face", "b-face"}


def test_only_drawings_are_taken_from_a_folder_and_each_once(tmp_path: Path) -> None:
    for name in ("face.svg", "._face.svg"):
        (tmp_path / name).write_bytes(A_DRAWING.read_bytes())
    (tmp_path / "folder.png").mkdir()
    again = tmp_path / "folder.png" / ".." / "face.svg"
    assert set(find_pictures([str(tmp_path), str(again)])) == {"face"}
    with pytest.raises(InputError, match="no pictures"):
        find_pictures([])


@pytest.mark.parametrize("name", ["face.png", "contact-sheet.png"])
def test_no_drawing_is_replaced_by_its_photo(engine: Engine, tmp_path: Path, name: str) -> None:
    Image.new("L", (64, 64), "white").save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(InputError, match=name):
        generate(engine, find_pictures([str(tmp_path)]), tmp_path, attention=False)
    assert (tmp_path / name).read_bytes() == before


def test_results_among_the_drawings_are_said_to_be_so(engine: Engine, tmp_path: Path) -> None:
    shutil.copy(A_DRAWING, tmp_path)
    generate(engine, find_pictures([str(tmp_path)]), tmp_path, attention=False)
    with pytest.raises(InputError, match=r"contact-sheet\.png is one of the inputs"):
        generate(engine, find_pictures([str(tmp_path)]), tmp_path, attention=False)


def test_a_folder_is_made_for_photos_only(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("just text")
    with pytest.raises(InputError, match=r"text\.png"):
        generate(engine, {"text": tmp_path / "text.png"}, tmp_path / "out", attention=False)
    assert not (tmp_path / "out").exists()


def test_results_of_one_name_are_refused(engine: Engine, tmp_path: Path) -> None:
    for name in ("face.svg", "face-tolerance.svg"):
        (tmp_path / name).write_bytes(A_DRAWING.read_bytes())
    with pytest.raises(InputError, match=r"face-tolerance\.png"):
        generate(engine, find_pictures([str(tmp_path)]), tmp_path / "out", attention=True)
    assert not (tmp_path / "out").exists()


def test_missing_and_empty_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        find_pictures([str(tmp_path / "nothing*.png")])
    with pytest.raises(InputError, match="no pictures"):
        find_pictures([str(tmp_path)])


def test_models_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    broken, foreign = tmp_path / "broken.onnx", tmp_path / "foreign.onnx"
    broken.write_bytes(BUNDLED.read_bytes()[:100_000])
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    ])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save(model, foreign)
    for path, reason in (
        (broken, "cannot|not a model"),
        (foreign, "not a model of ours"),
        (tmp_path / "absent.onnx", "no such model"),
    ):
        with pytest.raises(InputError, match=reason):
            Engine(path)


def test_a_model_without_tolerance_asks_to_be_exported_again(tmp_path: Path) -> None:
    older = tmp_path / "older.onnx"
    value = helper.make_tensor_value_info("sketch", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["sketch"], ["photo"])], "g", [value], [
        helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1])
    ])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, "{}"
    onnx.save(model, older)
    with pytest.raises(InputError, match=r"older version.*export"):
        Engine(older)


def test_tolerance_is_the_mean_pooling_width() -> None:
    attention = np.zeros((4, 1, 2), np.float32)
    attention[0, 0, 0] = attention[3, 0, 1] = 1
    assert tolerance(attention).tolist() == [[1, 13]]
    strict, loose = tolerance_overlay(np.zeros((1, 2), np.uint8), attention)[0].astype(int)
    assert strict[2] > strict[0]
    assert loose[0] > loose[2]
