"""The command line as a user meets it: exit status 2 and one line for what they can mend."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepfacepencil.errors import InputError, missing_package

A_DRAWING = Path(__file__).parents[1] / "examples" / "01-long-hair.svg"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deepfacepencil", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_names_of_files_do_not_speak_to_the_terminal() -> None:
    said = str(InputError("\x1b]0;owned\x07\u202egnp.exe\udcff é 顔: one\ntwo"))
    assert said == r"\x1b]0;owned\x07\u202egnp.exe\udcff é 顔: one" + "\ntwo"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["generate", "nothing.png", "--output", "out"], "nothing.png"),
        (["generate", "{tmp}", "--output", "out"], "no pictures"),
        (["generate", "--output", "out"], "no pictures"),
        (["generate", str(A_DRAWING), "--output", "{tmp}/text.png"], "text.png"),
        (["generate", "{tmp}/text.png", "--output", "{tmp}/out"], "text.png"),
        (["generate", "{tmp}/text.png", "--output", "out", "--model", "{tmp}/text.png"], "model"),
        (["generate", str(A_DRAWING), "--hair", "plaid"], "hair 'plaid'"),
        (["generate", str(A_DRAWING), "--age", "-1"], "age"),
        (["generate", str(A_DRAWING), "--seed", "-1"], "--seed -1"),
        (["generate", str(A_DRAWING), "--variants", "0"], "--variants 0"),
        (["studio", "--no-browser", "--port", "0", "--model", "{tmp}/text.png"], "model"),
        (["studio", "--no-browser", "--port", "99999"], "99999 is no port"),
        (["prepare", "celebamask", "{tmp}", "--output", "{tmp}/data"], "CelebA-HQ-img"),
        (["prepare", "photos", "{tmp}/absent", "--output", "{tmp}/data"], "absent"),
        (["train", "{tmp}", "--output", "{tmp}/run", "--recipe", "tiny"], "prepare"),
        (["train", "{tmp}", "--output", "{tmp}/run", "--seed", "-1"], "--seed -1"),
        (["train", "{tmp}", "--output", "{tmp}/run", "--devices", "-1"], "no such devices"),
        (
            ["train", "{tmp}", "--output", "out", "--recipe", "small-512", "--model", "baseline"],
            "leave out --model baseline",
        ),
        (
            ["prepare", "photos", "{tmp}", "--output", "{tmp}/d", "--split-seed", "-1"],
            "--split-seed -1",
        ),
        (["sketch", "{tmp}/text.png", "--output", "{tmp}/out"], "text.png"),
        (["sketch", "{tmp}/text.png", "--output", "{tmp}/out", "--seed", "-1"], "--seed -1"),
        (["export", "{tmp}", "--output", "{tmp}/model.onnx"], "generator.safetensors"),
        (["web", "--output", "{tmp}/site", "--runtime", "{tmp}"], "make web"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_status_2(
    tmp_path: Path, arguments: list[str], named: str
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    if "text.png" in " ".join(arguments):
        (folder / "text.png").write_text("just text")
    before = {path.name for path in folder.iterdir()}
    result = run(*(argument.format(tmp=folder) for argument in arguments))
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("deepfacepencil: ")
    assert named in last
    assert "Traceback" not in result.stderr
    left = {p.name for p in folder.rglob("*") if p.is_file()} - before
    assert left <= {"run.json"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["studio", "--model", "absent"],
        ["generate", "absent"],
        ["generate", str(A_DRAWING), "--model", "absent"],
        ["prepare", "photos", "absent", "--output", "out"],
        ["train", "absent", "--output", "out"],
        ["evaluate", "absent", "--data", ".", "--output", "out"],
        ["evaluate", ".", "--data", "absent", "--output", "out"],
        ["sketch", "absent", "--output", "out"],
        ["export", "absent", "--output", "out"],
        ["web", "--output", "out", "--model", "absent"],
        ["web", "--output", "out", "--runtime", "absent"],
    ],
)
def test_what_is_not_there_is_said_before_anything_heavy_is_imported(arguments: list[str]) -> None:
    heavy = {"torch", "onnxruntime", "skimage", "scipy", "uvicorn", "matplotlib"}
    program = (
        "import sys\n"
        "from deepfacepencil.cli import main\n"
        "try: main()\n"
        f"finally: print(*({heavy} & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "absent" in result.stderr
    assert result.stdout.split() == []


def test_the_version_is_said() -> None:
    assert run("--version").stdout.startswith("deepfacepencil 0.")


def test_photos_are_written_to_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("generate", A_DRAWING).returncode == 0
    assert (tmp_path / "photos" / "contact-sheet.png").exists()


def test_what_to_install_is_said_as_a_command_that_works() -> None:
    said = str(missing_package("torch", "train"))
    command = said.split("`")[1].split()
    assert command[1:3] == ["install", "-e"]
    assert (Path(command[3].strip("'").removesuffix("[train]")) / "pyproject.toml").exists()


def test_help_needs_neither_torch_nor_onnxruntime() -> None:
    program = (
        "import sys\n"
        "from deepfacepencil.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'onnxruntime', 'skimage'} & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True
    )
    assert "generate" in result.stdout


def test_a_console_need_not_have_the_letters_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "Zeichnung-ü-見.png").write_text("not a picture")
    done = subprocess.run(
        [sys.executable, "-m", "deepfacepencil", "generate", str(tmp_path), "--output", "o"],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert rb"Zeichnung-\xfc-\u898b.png" in done.stderr
