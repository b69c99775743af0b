"""Every damage to a run and its data: mended, or named in one line that says what to do."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deepfacepencil.data.prepare import MANIFEST
from deepfacepencil.errors import InputError
from deepfacepencil.evaluation.cache import Cache
from deepfacepencil.models.generator import dual_generators
from deepfacepencil.training import loop
from deepfacepencil.training.checkpoint import (
    PREVIOUS,
    STATE,
    WEIGHTS,
    load_state,
    load_weights,
    save_state,
    save_weights,
)
from deepfacepencil.training.report import LOG, SETTINGS
from deepfacepencil.training.start import alone

Damage = Callable[[Path], None]
CHANCE = random.Random(0)
FLIPS = 60  # single bits, in each kind of file


@pytest.fixture(scope="module")
def half(data, tmp_path_factory, short):
    """A training that was interrupted in its third phase, with two states."""
    run = tmp_path_factory.mktemp("half") / "run"
    seen = 0

    class Enough(KeyboardInterrupt):
        pass

    class Interrupted(loop.Training):
        def step(self, batch):
            nonlocal seen
            super().step(batch)
            seen += 1
            if seen in (6, 8):
                self.save()
            if seen == 8:
                raise Enough

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Training", Interrupted)
        with pytest.raises(Enough):
            loop.train(data, run, short, 0, "cpu")
    assert (run / PREVIOUS).exists()
    return run


@pytest.fixture
def run(half, tmp_path):
    return Path(shutil.copytree(half, tmp_path / "run"))


@pytest.fixture
def own_data(data, tmp_path):
    return Path(shutil.copytree(data, tmp_path / "data"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    bit = rng.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def flip_any(path: Path) -> None:
    """Another bit each time."""
    flip(path, CHANCE)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_list(path: Path) -> None:
    path.write_text("[1, 2]")


def nonsense(path: Path) -> None:
    path.write_bytes(b"\xff\x00 nonsense\n" * 5)


def a_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def without(key: str) -> Damage:
    def damage(path: Path) -> None:
        state = torch.load(path, weights_only=True)
        del state[key]
        path.unlink()
        save_state(state, path.parent)

    return damage


def smaller(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    name = next(iter(state["networks"]))
    state["networks"][name] = torch.zeros(1)
    path.unlink()
    save_state(state, path.parent)


REFUSED: list[tuple[str, Damage, str]] = [
    (SETTINGS, cut, "run.json is damaged; remove it"),
    (SETTINGS, empty, "run.json is damaged; remove it"),
    (SETTINGS, a_list, "run.json is damaged; remove it"),
    (SETTINGS, nonsense, "run.json is damaged; remove it"),
    (SETTINGS, a_pipe, "run.json is a device or pipe"),
    (LOG, a_pipe, "log.jsonl is a device or pipe"),
    (STATE, a_pipe, "state.pt is a device or pipe"),
    (STATE, smaller, "does not fit this version"),
    *((STATE, without(key), "does not fit this version") for key in ("networks", "phase", "log")),
]
MENDED: list[tuple[str, Damage]] = [
    (STATE, cut),
    (STATE, empty),
    (STATE, nonsense),
    (STATE, lambda path: flip(path, random.Random(1))),
    (PREVIOUS, cut),
    (WEIGHTS, cut),
    (LOG, cut),
    (LOG, nonsense),
    (LOG, lambda path: path.write_text('{"stage": 3}\n[]\n')),
    ("sheets", lambda path: [cut(sheet) for sheet in path.iterdir()] and None),
    ("sheets", lambda path: (path / "0-x.png").write_text("no sheet") and None),
]


@pytest.mark.parametrize(("name", "damage", "reason"), REFUSED)
def test_what_cannot_go_on_is_said_in_one_line(data, run, short, name, damage, reason):
    damage(run / name)
    with pytest.raises(InputError, match=reason) as refused:
        loop.train(data, run, short, 0, "cpu")
    assert "\n" not in str(refused.value)
    assert "weights_only" not in str(refused.value)


@pytest.mark.parametrize(("name", "damage"), MENDED)
def test_what_can_go_on_ends_with_the_same_weights(data, run, short, name, damage, whole, capsys):
    damage(run / name)
    loop.train(data, run, short, 0, "cpu")
    ended, facts = load_weights(run)
    assert facts["finished"]
    assert all(torch.equal(ended[key], value) for key, value in whole.items())
    said = capsys.readouterr().out
    assert "weights_only" not in said
    if name == STATE:
        assert f"{run / STATE} is damaged; going on from the state before it" in said


@pytest.fixture(scope="module")
def whole(data, half, tmp_path_factory, short):
    """The weights that an undamaged run ends with."""
    run = Path(shutil.copytree(half, tmp_path_factory.mktemp("whole") / "run"))
    loop.train(data, run, short, 0, "cpu")
    return load_weights(run)[0]


@pytest.mark.parametrize("kind", ["strokes", "photos"])
@pytest.mark.parametrize("damage", [cut, empty, nonsense, "gone", "flipped", "nan", "grey"])
def test_damaged_data_is_named(own_data, tmp_path, short, kind, damage):
    ending = {"strokes": "npz", "photos": "jpg"}[kind]
    for path in (own_data / "train" / kind).glob(f"*.{ending}"):
        if damage == "gone":
            if kind == "strokes":
                pytest.skip("without strokes there is no such photo")
            path.unlink()
        elif damage == "flipped":
            if kind == "photos":
                pytest.skip("a JPEG does not know its bits")
            flip(path, random.Random(2))
        elif damage == "nan":
            if kind == "photos":
                pytest.skip("bytes are never NaN")
            with np.load(path) as stored:
                arrays = dict(stored)
            arrays["points"] = arrays["points"] * np.nan
            np.savez(path, **arrays)
        elif damage == "grey":
            if kind == "strokes":
                pytest.skip("strokes have no colour")
            Image.new("L", (64, 64)).save(path, "JPEG")
        else:
            damage(path)
    with pytest.raises(InputError, match=rf"{kind}/\S+ is (damaged|gone).*prepare") as refused:
        loop.train(own_data, tmp_path / "run", short, 0, "cpu")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("damage", [cut, empty, a_list, nonsense, a_pipe])
def test_a_damaged_manifest_is_named(own_data, tmp_path, short, damage):
    damage(own_data / MANIFEST)
    with pytest.raises(InputError, match=f"{MANIFEST} is"):
        loop.train(own_data, tmp_path / "run", short, 0, "cpu")


@pytest.mark.parametrize("damage", [cut, empty, a_list, nonsense, flip_any])
def test_damaged_caches_of_an_evaluation_are_made_anew(tmp_path, damage):
    rng = np.random.default_rng(0)
    right = {"features": rng.normal(size=(4, 8)), "landmarks": rng.random((4, 3), np.float32)}
    store, made = Cache(tmp_path, ("a", "b")), 0

    def make():
        nonlocal made
        made += 1
        return right

    for _ in range(FLIPS):
        kept = store.kept("photos", ["a model", right["features"]], make)
        assert kept.keys() == right.keys()
        assert all(np.array_equal(kept[name], value) for name, value in right.items())
        damage(next(tmp_path.iterdir()))
    assert made > FLIPS / 2  # a bit that means nothing, such as of a date, may be flipped
    assert len(list(tmp_path.iterdir())) == 1


def test_a_pipe_in_a_cache_is_named(tmp_path):
    store = Cache(tmp_path, ())
    store.kept("photos", [], lambda: {"a": np.zeros(1)})
    a_pipe(next(tmp_path.iterdir()))
    with pytest.raises(InputError, match="is a device or pipe"):
        store.kept("photos", [], lambda: {"a": np.zeros(1)})


def test_no_flipped_bit_of_a_state_is_believed(tmp_path):
    rng = random.Random(0)
    save_state({"number": 0, "weights": torch.randn(50)}, tmp_path)
    right = {"number": 1, "weights": torch.randn(500)}
    save_state(right, tmp_path)
    sound = (tmp_path / STATE).read_bytes()
    for _ in range(FLIPS):
        (tmp_path / STATE).write_bytes(sound)
        flip(tmp_path / STATE, rng)
        state = load_state(tmp_path)
        assert state["number"] == 0 or torch.equal(state["weights"], right["weights"])


def test_no_flipped_bit_of_weights_is_believed(tmp_path):
    rng = random.Random(0)
    weights = dual_generators(4, 8)[1].state_dict()
    save_weights(weights, {"width": 4}, tmp_path)
    sound, believed = (tmp_path / WEIGHTS).read_bytes(), 0
    for _ in range(FLIPS):
        (tmp_path / WEIGHTS).write_bytes(sound)
        flip(tmp_path / WEIGHTS, rng)
        try:
            loaded, _ = load_weights(tmp_path)
        except InputError as problem:
            assert str(tmp_path / WEIGHTS) in str(problem)
            continue
        believed += not all(torch.equal(loaded[name], value) for name, value in weights.items())
    assert believed == 0


def test_a_damaged_state_never_takes_the_place_of_a_whole_one(tmp_path):
    for number in range(2):
        save_state({"number": number}, tmp_path)
    flip(tmp_path / STATE, random.Random(3))
    save_state({"number": 2}, tmp_path)
    (tmp_path / STATE).unlink()  # as if the machine had stopped there
    assert load_state(tmp_path)["number"] == 0


def test_one_training_per_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    run = tmp_path / "run"
    with alone(run), pytest.raises(InputError, match="another training"), alone(run):
        pass
    assert not run.exists()  # nothing came of it
    run.mkdir()
    (run / SETTINGS).write_text("{}")
    with alone(run):
        pass
    assert {path.name for path in run.iterdir()} == {SETTINGS}


def test_without_locks_a_training_goes_on(tmp_path, monkeypatch, capsys):
    def none(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with alone(tmp_path):
        assert "cannot be locked" in capsys.readouterr().out


ENDED = """
import sys
from pathlib import Path
from deepfacepencil.training import loop
from deepfacepencil.training.recipes import Phase, Recipe, TINY
from dataclasses import replace
phases = [Phase(p.stage, 32, 400, 2) for p in TINY.phases[:1]]
try:
    loop.train(Path(sys.argv[1]), Path(sys.argv[2]), replace(TINY, phases=tuple(phases)), 0, "cpu")
except KeyboardInterrupt as stop:
    print(stop)
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_term_and_hup_to_the_whole_group_save(data, tmp_path, number):
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", ENDED, str(data), str(run)],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    waiting = threading.Timer(120, process.kill)
    waiting.start()
    while not (run / LOG).exists() and process.poll() is None:
        time.sleep(0.05)
    assert not (run / STATE).exists()
    os.killpg(process.pid, number)
    said, _ = process.communicate()
    waiting.cancel()
    assert process.returncode == 130, said
    assert load_state(run)["shown"] > 0
    settings = json.loads((run / SETTINGS).read_text())
    assert settings["seed"] == 0
