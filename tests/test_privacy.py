"""Nothing leaves the machine: every verb under a tracer, with a home that stays empty."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from deepfacepencil.web.site import RUNTIMES

STRACE = shutil.which("strace")
A_DRAWING = Path(__file__).parents[1] / "examples" / "01-long-hair.svg"
CALLS = "connect,sendto,sendmsg,sendmmsg,openat,mkdir,mkdirat,creat,rename,renameat,renameat2"
# The system's own places: devices, and what is temporary.
SYSTEM = ("/dev/", "/tmp/", "/proc/")

WHO_SETS_IT = """
import os, sys
import deepfacepencil{module}
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
"""


def _environment(home: Path) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "c"), "TMPDIR": "/tmp"}
    ours = {name: os.environ[name] for name in os.environ if not name.startswith(("XDG_", "MPL"))}
    ours.pop("ORT_DISABLE_TELEMETRY", None)
    return {**ours, **places, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize("module", ["", ".errors", ".runtime", ".sketch.svg"])
def test_any_import_of_ours_silences_onnxruntime(tmp_path: Path, module: str) -> None:
    program = WHO_SETS_IT.format(module=module)
    env = _environment(tmp_path)
    subprocess.run([sys.executable, "-W", "error", "-c", program], env=env, check=True)


def test_an_earlier_import_of_onnxruntime_is_warned_of(tmp_path: Path) -> None:
    program = "import onnxruntime, deepfacepencil"
    env = _environment(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, check=True, capture_output=True, text=True
    )
    assert "tells its maker" in done.stderr


def _traced(home: Path, log: Path, arguments: Sequence[str | Path]) -> subprocess.Popen[str]:
    command = [STRACE or "", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={CALLS}", "-o", str(log)]
    command += [sys.executable, "-m", "deepfacepencil", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=_environment(home),
        cwd=home,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _said_to_others(log: Path) -> list[str]:
    """The calls that reach for a network: all of IPv4, IPv6 and netlink except answers."""
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if re.search(r"\bAF_(INET6?|NETLINK)\b|\bsin6?_addr\b", line)]


def _written(log: Path) -> set[str]:
    """The absolute paths that were made, or opened to be made."""
    opened = r'openat\(\S+ "([^"]*)"[^\n]*O_CREAT'
    made = r'(?:mkdir|creat)\w*\([^"\n]*"([^"]*)"'
    found = re.findall(f"{opened}|{made}", log.read_text(errors="replace"))
    paths = {a or b for a, b in found}
    return {path for path in paths if not path.startswith(SYSTEM)}


def _runtime(folder: Path) -> Path:
    """What looks like the npm package onnxruntime-web."""
    (folder / "dist").mkdir(parents=True)
    for names in RUNTIMES.values():
        for name in names:
            (folder / "dist" / name).write_text("nothing")
    return folder


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_no_verb_looks_up_connects_or_writes_elsewhere(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, prepared: Path, labelled_faces
) -> None:
    home, faces, out = tmp_path / "home", labelled_faces(tmp_path / "faces", 6), tmp_path / "out"
    run, model = out / "run", out / "model.onnx"
    out.mkdir()
    few = ["--deformation-only", "--photos", "2", "--kid-subset", "2"]
    verbs: dict[str, list[str | Path]] = {
        "generate": [A_DRAWING, "--output", out / "photos", "--attention"],
        "prepare": ["photos", faces, "--output", out / "data", "--workers", "1"],
        "train": [prepared, "--output", run, "--recipe", "tiny", "--accelerator", "cpu"],
        "export": [run, "--output", model],
        "sketch": [faces / "photos" / "000.jpg", "--output", out / "sketches"],
        "evaluate": [run, "--data", prepared, "--output", out / "report", *few],
        "web": ["--output", out / "site", "--runtime", _runtime(tmp_path / "npm")],
    }
    for verb, arguments in verbs.items():
        log = tmp_path / f"{verb}.trace"
        process = _traced(home, log, [verb, *arguments])
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert _said_to_others(log) == [], verb
        assert [path for path in _written(log) if not path.startswith(str(out))] == [], verb
        assert list(home.rglob("*")) == [], verb


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_the_studio_talks_to_its_own_page_only(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "studio.trace"
    process = _traced(home, log, ["studio", "--no-browser", "--port", "0"])
    assert process.stdout
    address = re.search(r"http://\S+", process.stdout.readline())
    assert address
    with urllib.request.urlopen(address[0]) as page:
        assert b"<html" in page.read()
    with urllib.request.urlopen(address[0] + "health") as health:
        assert health.status == 200
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGINT)  # the studio, below its tracer
    process.communicate(timeout=30)
    assert [line for line in _said_to_others(log) if "connect(" in line] == []
    assert _written(log) == set()
    assert list(home.rglob("*")) == []
