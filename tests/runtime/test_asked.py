"""What is asked for beside the lines, by options and from Python, and what comes of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deepfacepencil
from deepfacepencil import Appearance, Engine, InputError, Strokes, draw, load_drawing
from deepfacepencil.files import find_pictures
from deepfacepencil.provenance import DRAWING_KEY
from deepfacepencil.runtime.generate import SHEET, generate
from deepfacepencil.runtime.settings import Asked, own_seed, read_settings
from deepfacepencil.sketch import lines
from deepfacepencil.sketch.pen import draw as drawn_with_the_pen

A_DRAWING = Path(__file__).parents[2] / "examples" / "02-short-hair.svg"
FAIR = (207, 166, 103)
STUDIO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" width="512" height="512"'
    ' data-studio="1" data-tolerance="0.5" data-seed="7" data-part-eyes="0.2"'
    ' data-appearance-hair="#102030" data-appearance-age="40">\n<g fill="none" stroke="#000"'
    ' stroke-width="2.5">\n'
    '<path data-pressure="20 80 50" data-width="4" data-group="2"'
    ' d="M150 200C200 120 300 120 350 200 400 300 350 400 250 420"/>\n</g>\n</svg>\n'
)


def inside(photo: Path) -> str:
    with Image.open(photo) as image:
        return str(image.info[DRAWING_KEY])


def shown(photo: Path | Image.Image) -> tuple[int, ...]:
    """The one colour of a photo of the model in conftest.py."""
    image = photo if isinstance(photo, Image.Image) else Image.open(photo)
    (colour,) = np.unique(np.asarray(image).reshape(-1, 3), axis=0)
    return tuple(colour.tolist())


def test_an_engine_that_listens_hears_all(listening: Engine) -> None:
    strokes = load_drawing(A_DRAWING)
    dark, fair = (
        listening(strokes, appearance=Appearance(hair=hair), seed=3, size=512).photo
        for hair in ((20, 20, 20), FAIR)
    )
    assert listening.listens
    assert fair.shape == (512, 512, 3)
    assert (fair[0, 0] > dark[0, 0]).all()
    people = {listening(strokes, seed=seed).photo[0, 0].tobytes() for seed in range(5)}
    assert len(people) == 5
    assert listening(strokes).face > 0.9
    assert listening(Strokes.of([])).face == 0
    with pytest.raises(InputError, match="not 300"):
        listening(strokes, size=300)


def test_variants_are_people_that_each_can_be_made_again(
    listening: Engine, listening_model: Path, tmp_path: Path
) -> None:
    asked = Asked(Appearance(hair=FAIR, age=60), seed=9, size=512, variants=3)
    sheet = generate(listening, {"face": A_DRAWING}, tmp_path, asked=asked)
    photos = [tmp_path / f"face{end}.png" for end in ("", "-2", "-3")]
    assert {path.name for path in tmp_path.iterdir()} == {SHEET, *(path.name for path in photos)}
    assert len({shown(path) for path in photos}) == 3
    assert Image.open(sheet).width > 3 * 384
    for number, path in enumerate(photos):
        with Image.open(path) as photo:
            assert photo.size == (512, 512)
        said = read_settings(path.read_bytes())
        assert said.appearance == asked.appearance
        assert said.seed == 9 + number
        assert shown(draw(path, model=listening_model)) == shown(path)


def test_a_photo_holds_its_drawing(deaf: Engine, tmp_path: Path) -> None:
    generate(deaf, {"face": A_DRAWING}, tmp_path)
    back, first = (load_drawing(path) for path in (tmp_path / "face.png", A_DRAWING))
    assert len(back) == len(first)
    apart = drawn_with_the_pen(back, 256).astype(float) - drawn_with_the_pen(first, 256)
    assert np.abs(apart).mean() < 1


def test_a_photo_holds_a_drawing_of_the_studio_as_it_was(deaf: Engine, tmp_path: Path) -> None:
    (tmp_path / "face.svg").write_text(STUDIO)
    generate(deaf, find_pictures([str(tmp_path)]), tmp_path / "out")
    once = inside(tmp_path / "out" / "face.png")
    assert once.split("\n")[1:] == STUDIO.split("\n")[1:]
    assert 'data-part-eyes="0.2"' in once
    assert once.count("data-seed") == once.count("data-studio") == 1
    generate(deaf, {"face": tmp_path / "out" / "face.png"}, tmp_path / "again")
    assert inside(tmp_path / "again" / "face.png") == once


def test_options_go_before_what_a_drawing_says(listening: Engine, tmp_path: Path) -> None:
    (tmp_path / "face.svg").write_text(STUDIO)
    drawings = find_pictures([str(tmp_path)])
    for asked, hair, seed in (
        (Asked(), (16, 32, 48), 7),
        (Asked(Appearance(hair=FAIR), seed=1), FAIR, 1),
    ):
        generate(listening, drawings, tmp_path / "out", asked=asked)
        said = read_settings((tmp_path / "out" / "face.png").read_bytes())
        assert said.appearance == Appearance(hair=hair, age=40)
        assert (said.seed, said.tolerance[0, 0]) == (seed, 0.5)


def test_a_model_that_does_not_listen_says_so_in_one_line(
    deaf: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "face.svg").write_text(STUDIO)
    asked = Asked(Appearance(hair=FAIR), size=512, variants=3)
    generate(deaf, find_pictures([str(tmp_path)]), tmp_path / "out", asked=asked)
    said = [line for line in capsys.readouterr().err.splitlines() if "lines alone" in line]
    assert len(said) == 1
    for name in ("--hair", "--size", "--variants", "what drawings say"):
        assert name in said[0]
    assert not (tmp_path / "out" / "face-2.png").exists()


def test_where_no_face_is_recognised_a_line_says_so(
    listening: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "line.svg").write_text(STUDIO)
    drawings = {"line": tmp_path / "line.svg", "face": A_DRAWING}
    generate(listening, drawings, tmp_path / "out")
    said = [line for line in capsys.readouterr().err.splitlines() if "no face" in line]
    assert len(said) == 1
    assert "line.svg" in said[0]
    assert (tmp_path / "out" / "line.png").exists()


def test_more_strokes_than_a_drawing_can_have_make_a_photo_without_them(
    deaf: Engine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "MAX_STROKES", 3)
    generate(deaf, {"face": A_DRAWING}, tmp_path)
    assert "more strokes" in capsys.readouterr().err
    with Image.open(tmp_path / "face.png") as photo:
        assert DRAWING_KEY not in photo.info


def test_the_veil_is_on_the_sheet_only_when_asked_for(deaf: Engine, tmp_path: Path) -> None:
    without, with_veil = (
        Image.open(generate(deaf, {"face": A_DRAWING}, tmp_path / str(asked), asked)).width
        for asked in (False, True)
    )
    assert with_veil - without == 384


def test_what_a_drawing_says_holds_in_python_too(listening_model: Path, tmp_path: Path) -> None:
    (tmp_path / "face.svg").write_text(STUDIO)
    own = shown(draw(tmp_path / "face.svg", model=listening_model))
    strict = draw(tmp_path / "face.svg", model=listening_model, tolerance=-1)
    large = draw(tmp_path / "face.svg", model=listening_model, hair="fair", size=512)
    assert own != shown(strict)
    assert own != shown(large)
    assert large.size == (512, 512)
    of_strokes = draw(load_drawing(A_DRAWING), model=listening_model, seed=5)
    assert shown(of_strokes) == shown(draw(A_DRAWING, model=listening_model, seed=5))


def test_each_drawing_is_somebody_else_and_always_the_same(
    listening: Engine, listening_model: Path, tmp_path: Path
) -> None:
    examples = find_pictures([str(A_DRAWING.parent)])
    generate(listening, examples, tmp_path / "once")
    seeds = {
        name: read_settings((tmp_path / "once" / f"{name}.png").read_bytes()).seed
        for name in examples
    }
    assert len(set(seeds.values())) == len(examples)
    name = A_DRAWING.stem
    generate(listening, {name: A_DRAWING}, tmp_path / "again")
    once, again = (shown(tmp_path / each / f"{name}.png") for each in ("once", "again"))
    assert once == again == shown(draw(A_DRAWING, model=listening_model))
    strokes = load_drawing(A_DRAWING)
    assert shown(draw(strokes, model=listening_model)) == once
    assert own_seed(strokes) != own_seed(strokes.mirrored())
    generate(listening, {name: A_DRAWING}, tmp_path / "asked", asked=Asked(seed=0))
    assert read_settings((tmp_path / "asked" / f"{name}.png").read_bytes()).seed == 0


def test_the_package_loads_what_it_exports_when_it_is_asked_for() -> None:
    program = (
        "import sys, deepfacepencil\n"
        "assert not {'onnxruntime', 'numpy', 'PIL', 'skimage'} & set(sys.modules)\n"
        "from deepfacepencil import *\n"
        "print(Engine, draw)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    for name in deepfacepencil.__all__:
        assert getattr(deepfacepencil, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = deepfacepencil.nothing


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    example = readme.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-drawing.svg").write_bytes(A_DRAWING.read_bytes())
    exec(compile(example, "README.md", "exec"), {})
    assert Image.open(tmp_path / "my-photo.png").format == "PNG"
