"""The loop: resume, kills, processes, log, refusals (section 3.3)."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from itertools import islice

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.errors import InputError
from deepfacepencil.export import export
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.enhancer import Enhancer
from deepfacepencil.models.generator import dual_generators
from deepfacepencil.training import loop
from deepfacepencil.training.batches import batches, to_tensors, visits
from deepfacepencil.training.checkpoint import (
    ENHANCER_WEIGHTS,
    PREVIOUS,
    STATE,
    WEIGHTS,
    load_generator,
    load_state,
    load_weights,
)
from deepfacepencil.training.loop import train
from deepfacepencil.training.networks import Networks
from deepfacepencil.training.recipes import (
    CLASSIFIER,
    ENHANCER,
    STAGE_1,
    STAGE_2,
    STAGE_3,
    TINY,
    Adversary,
    Phase,
    for_model,
)
from deepfacepencil.training.schedule import learning_rate, phase_seed
from deepfacepencil.training.stages import STAGES
from deepfacepencil.training.start import processes

SEED = 3
# Rows of the sample sheets of each rival, trained with TINY, by stage and resolution.
SHEETS_OF = {
    "pix2pix": {("pix2pix", 32): 5, ("pix2pix", 64): 5},
    "baseline": {("stage 1", 32): 5, ("stage 1", 64): 5},
    "baseline-deform": {("clean and deformed", 32): 5, ("clean and deformed", 64): 5},
    "sap-only": {("clean and deformed", 32): 6, ("clean and deformed", 64): 6},
    "dual-only": {
        ("stage 1", 32): 4,
        ("stage 2", 32): 5,
        ("stage 3", 32): 5,
        ("stage 3", 64): 5,
    },
}


@pytest.fixture(autouse=True)
def log_every_two_steps(monkeypatch):
    """So that a phase of three steps has a whole line and the rest of one."""
    monkeypatch.setattr(loop, "LOG_EVERY", 2)


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory, short):
    run = tmp_path_factory.mktemp("runs") / "uninterrupted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "LOG_EVERY", 2)
        train(data, run, short, SEED)
    return run


def before_step(monkeypatch, act):
    """Call act(n) before the nth step from now on."""
    count = 0

    def watched(step):
        def call(*arguments):
            nonlocal count
            count += 1
            act(count)
            return step(*arguments)

        return call

    for name, stage in list(STAGES.items()):
        monkeypatch.setitem(STAGES, name, replace(stage, step=watched(stage.step)))


def stop_at(step):
    def act(n):
        if n == step:
            raise KeyboardInterrupt

    return act


def log_of(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert all(isinstance(line.pop("photos/s"), float) for line in lines)
    return lines


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


def assert_same_run(a, b):
    """Weights, moving average, optimisers and log; bit by bit."""
    for name in (STATE, PREVIOUS):  # PREVIOUS is the end of the last phase, with its optimisers
        first, second = (torch.load(run / name, weights_only=True) for run in (a, b))
        sizes = first.pop("log"), second.pop("log")  # speeds have more digits or fewer
        assert all(sizes)
        assert_same(first, second)
    assert (a / WEIGHTS).read_bytes() == (b / WEIGHTS).read_bytes()
    assert log_of(a) == log_of(b)
    assert sorted(p.name for p in (a / "sheets").iterdir()) == sorted(
        p.name for p in (b / "sheets").iterdir()
    )
    assert not list(b.rglob(".*"))


def test_a_run_writes_what_it_says(uninterrupted, short):
    names = {path.name for path in uninterrupted.iterdir()} - {"tensorboard"}
    assert names == {"run.json", "log.jsonl", "report.html", "sheets", STATE, PREVIOUS, WEIGHTS}
    lines = log_of(uninterrupted)
    norms = ["gradient", "gradient d"]
    for line in lines:
        having = norms[: 1 if line["stage"] == CLASSIFIER else 2]
        assert [line[name] > 0 for name in norms if name in line] == [True] * len(having)
    shown = [(line["stage"], line["shown"]) for line in lines]
    two_lines = [4, 6]  # two steps, then what is left of the phase
    assert shown == [
        *((stage, n) for stage in (CLASSIFIER, STAGE_1, STAGE_2, STAGE_3) for n in two_lines),
        (STAGE_3, 4),
    ]
    assert all(
        torch.tensor(value).isfinite()
        for line in lines
        for value in line.values()
        if isinstance(value, float)
    )
    sizes = {}
    for path in (uninterrupted / "sheets").iterdir():
        with Image.open(path) as image:
            image.load()
            sizes[path.name] = image.size
    assert sizes == {  # two faces of the val split side by side, and four or six rows
        "1-stage-1-32-00000006.png": (64, 4 * 32),
        "2-stage-2-32-00000006.png": (64, 6 * 32),
        "3-stage-3-32-00000006.png": (64, 6 * 32),
        "4-stage-3-32-00000004.png": (64, 6 * 32),
    }


def test_stages_start_and_keep_what_they_should(data, tmp_path, short, monkeypatch):
    seen = []
    begin = loop.Training.begin

    def recording(self, number):
        before = {name: value.clone() for name, value in self.networks.state_dict().items()}
        begin(self, number)
        after = {name: value.clone() for name, value in self.networks.state_dict().items()}
        seen.append((before, after))

    monkeypatch.setattr(loop.Training, "begin", recording)
    train(data, tmp_path / "run", short, SEED)
    end = torch.load(tmp_path / "run" / STATE, weights_only=True)["networks"]

    def changed(before, after):
        return {".".join(k.split(".")[:2]) for k in before if not torch.equal(before[k], after[k])}

    begins = [changed(*pair) for pair in seen]
    assert all(name.startswith("ema.") for n in (0, 1, 3) for name in begins[n])
    assert "discriminator.scales" in begins[2]  # D from scratch in stage 2
    assert begins[4] == set()  # the second phase of stage 3 just goes on
    during = [changed(a[1], b[0]) for a, b in zip(seen, [*seen[1:], (end, None)], strict=True)]
    ema = {"ema.auxiliary", "ema.main"}
    assert during[0] - ema == {"main.sap"}  # C
    assert during[1] - ema == {
        "auxiliary.encoder",
        "auxiliary.body",
        "main.body",
        "discriminator.scales",
    }
    assert during[2] - ema == {"main.sap", "main.encoder", "discriminator.scales"}
    classifier = [k for k in end if "sap.classifier" in k]
    for key in classifier:
        assert torch.equal(seen[1][1][key], end[key])  # neither C nor its average moves again
    body_and_g_a = [k for k in end if k.startswith(("auxiliary.", "main.body."))]
    for key in body_and_g_a:
        assert torch.equal(seen[2][1][key], seen[3][0][key])


@pytest.mark.parametrize(
    ("save_every", "steps_each"),
    [(-1.0, 2), (1e9, 6)],
    ids=["after every step, each start making one", "with nothing but the ends of phases"],
)
def test_resumed_equals_uninterrupted(
    data, tmp_path, short, uninterrupted, monkeypatch, save_every, steps_each
):
    monkeypatch.setattr(loop, "SAVE_EVERY", save_every)
    run, starts = tmp_path / "run", 0
    while True:
        starts += 1
        with monkeypatch.context() as patch:
            before_step(patch, stop_at(steps_each))
            try:
                train(data, run, short, SEED)
                break
            except KeyboardInterrupt:
                assert starts < 20
    assert starts > 3
    assert_same_run(uninterrupted, run)


def test_the_random_views_of_d_are_resumed_too(data, tmp_path, monkeypatch):
    recipe = replace(TINY, phases=(Phase(STAGE_1, 32, 8, 2),), adversary=Adversary("hinge", True))
    train(data, tmp_path / "a", recipe, SEED)
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)
    with monkeypatch.context() as patch:
        before_step(patch, stop_at(3))
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path / "b", recipe, SEED)
    torch.rand(7)  # whatever else uses torch's generator
    train(data, tmp_path / "b", recipe, SEED)
    assert_same(*(load_state(tmp_path / name)["networks"] for name in "ab"))


@pytest.mark.parametrize("step", [1, 6, 8])  # the first; the last of a phase; inside one
def test_ctrl_c_saves_and_says_so(data, tmp_path, short, uninterrupted, monkeypatch, step):
    run = tmp_path / "run"
    handler = signal.getsignal(signal.SIGINT)

    def press(n):
        if n == step:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        before_step(patch, press)
        with pytest.raises(KeyboardInterrupt, match="interrupted: the same command goes on"):
            train(data, run, short, SEED)
    assert signal.getsignal(signal.SIGINT) is handler
    state = load_state(run)
    assert state["phase"] * 6 + state["shown"] == 2 * step
    train(data, run, short, SEED)
    assert_same_run(uninterrupted, run)


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from deepfacepencil.training import loop
from deepfacepencil.training.recipes import *
torch.set_num_threads(1)
loop.LOG_EVERY, loop.SAVE_EVERY = 2, -1.0
whole, count = torch.save, 0
def save(state, file):
    global count
    count += 1
    if count == 9:
        file.write(b"half of it")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    whole(state, file)
torch.save = save
from deepfacepencil.sketch.drawn import Distortion
loop.train(Path(sys.argv[1]), Path(sys.argv[2]), eval(sys.argv[3]), int(sys.argv[4]))
"""


def test_killed_while_writing_a_state(data, tmp_path, short, uninterrupted):
    run = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, str(data), str(run), repr(short), str(SEED)]
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(run.glob(".*.part"))
    train(data, run, short, SEED)
    assert_same_run(uninterrupted, run)


KILLED_BEFORE_ITS_WORKER_BEGAN = """
import os, signal, sys, time
from pathlib import Path
from deepfacepencil.sketch.drawn import Distortion
from deepfacepencil.training import batches, loop
from deepfacepencil.training.recipes import *
start = batches._start_worker
def orphaned(number):
    parent = os.getppid()
    os.kill(parent, signal.SIGKILL)
    while os.getppid() == parent:
        time.sleep(0.01)
    start(number)
batches._start_worker = orphaned
loop.train(Path(sys.argv[1]), Path(sys.argv[2]), eval(sys.argv[3]), int(sys.argv[4]))
"""


def test_no_worker_outlives_a_killed_training(data, tmp_path, short):
    arguments = [str(data), str(tmp_path), repr(short), str(SEED)]
    command = [sys.executable, "-c", KILLED_BEFORE_ITS_WORKER_BEGAN, *arguments]
    # Returns when nobody holds the pipes any longer, the worker included.
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


KILLED_OFTEN = """
import os, random, shutil, signal, sys, time
from pathlib import Path
import torch
from deepfacepencil.sketch.drawn import Distortion
from deepfacepencil.training import loop
from deepfacepencil.training.checkpoint import STATE
from deepfacepencil.training.recipes import *
torch.set_num_threads(1)
loop.LOG_EVERY, loop.SAVE_EVERY = 2, -1.0
data, run, recipe, seed, kills = sys.argv[1:]
run, kills, rng, longest = Path(run), int(kills), random.Random(0), None
while True:
    start, child = time.monotonic(), os.fork()  # torch is imported once for all
    if child == 0:
        loop.train(Path(data), run, eval(recipe), int(seed))
        os._exit(0)
    if longest is None:  # half of the kills come before the first step of a start, half after
        while not (run / STATE).exists():
            time.sleep(0.01)
        longest = 2 * (time.monotonic() - start)
    if kills:
        time.sleep(rng.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status)
    assert killed or status == 0
    if not killed and not kills:
        break
    kills -= killed
    print(max((path.stat().st_mtime_ns for path in run.glob("state*.pt")), default=0))
    if not killed:  # a fast machine: once more from the start
        shutil.rmtree(run)
"""


def test_killed_at_twenty_random_moments(data, tmp_path, short, uninterrupted):
    """Whatever it was doing, the same command goes on, and ends as if nothing had happened."""
    run = tmp_path / "run"
    arguments = [str(data), str(run), repr(short), str(SEED), "20"]
    command = [sys.executable, "-c", KILLED_OFTEN, *arguments]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    states = ended.stdout.split()
    assert len(set(states)) > 5, "killed too early to get anywhere"
    assert_same_run(uninterrupted, run)


TWO_PROCESSES = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch
from deepfacepencil.sketch.drawn import Distortion
from deepfacepencil.training import loop
from deepfacepencil.training.recipes import *
from deepfacepencil.training.stages import STAGES
torch.set_num_threads(1)
loop.LOG_EVERY = 2
stage, steps = STAGES[STAGE_3], 0
def press_in_the_second(*arguments):
    global steps
    steps += 1
    if steps == 4 and os.environ["LOCAL_RANK"] == "1":
        os.kill(os.getpid(), signal.SIGINT)
    return stage.step(*arguments)
STAGES[STAGE_3] = replace(stage, step=press_in_the_second)
data, run, recipe, seed = sys.argv[1:]
loop.train(Path(data), Path(run), eval(recipe), int(seed), "cpu", devices=2)
"""


def test_two_processes_are_as_good_as_one(data, tmp_path, short, monkeypatch):
    """One process until Ctrl-C, then two until the second gets Ctrl-C in stage 3, then one.

    In small steps at 64 px: Adam, and instance normalisation of 2 x 2 pixels, magnify rounding.
    """
    phases = tuple(replace(p, resolution=64) for p in short.phases)
    short = replace(short, phases=phases, learning_rate=1e-5)
    run, program = tmp_path / "run", tmp_path / "program.py"
    train(data, tmp_path / "one", short, SEED)

    def press(n):
        if n == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        before_step(patch, press)
        with pytest.raises(KeyboardInterrupt):
            train(data, run, short, SEED)
    program.write_text(TWO_PROCESSES)
    command = [sys.executable, str(program), str(data), str(run), repr(short), str(SEED)]
    stopped = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert "interrupted: the same command goes on from here" in stopped.stderr, stopped.stderr
    state = load_state(run)
    assert (state["phase"], state["shown"]) == (4, 2)
    train(data, run, short, SEED)
    for ours, theirs in zip(log_of(run), log_of(tmp_path / "one"), strict=True):
        assert ours.pop("stage") == theirs.pop("stage")
        # Gradients go back through that normalisation: their norms are off by more than losses.
        norms = [name for name in theirs if name.startswith("gradient")]
        for name in norms:
            assert ours.pop(name) == pytest.approx(theirs.pop(name), rel=1e-2)
        assert ours == pytest.approx(theirs, rel=1e-4, abs=2e-5)


def test_processes_that_cannot_train_together_are_refused(data, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with pytest.raises(InputError, match="3 processes cannot share the batches of 2 photos"):
        train(data, run, TINY, SEED, "cpu", devices=3)
    started = {"RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": 2, "TORCHELASTIC_RUN_ID": "torchrun's"}
    for name, value in started.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(InputError, match="2 processes were started, and 1 are to train"):
        train(data, run, TINY, SEED, "cpu", devices=1)
    assert not run.exists()


def test_torchrun_may_be_inside_a_slurm_job(monkeypatch):
    started = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "TORCHELASTIC_RUN_ID": "torchrun's"}
    for name, value in (started | {"SLURM_NTASKS": 2, "SLURM_JOB_NAME": "train"}).items():
        monkeypatch.setenv(name, str(value))
    assert processes("cpu", 1, 1, TINY).world_size == 1


def test_a_finished_run_stays_as_it_is(data, tmp_path, short, uninterrupted):
    run = tmp_path / "run"
    shutil.copytree(uninterrupted, run)
    train(data, run, short, SEED)
    assert_same(load_state(uninterrupted), load_state(run))
    assert log_of(run) == log_of(uninterrupted)


def test_a_run_goes_on_when_its_data_has_moved(data, tmp_path, short, uninterrupted):
    run = tmp_path / "run"
    shutil.copytree(uninterrupted, run)
    shutil.copytree(data, tmp_path / "data")
    train(tmp_path / "data", run, short, SEED)
    assert_same(load_state(uninterrupted), load_state(run))


def test_another_training_is_refused(data, tmp_path, short, uninterrupted):
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    gone = next((copy / "train" / "strokes").glob("*.npz"))
    gone.unlink()
    before = (uninterrupted / STATE).read_bytes()
    longer = replace(short, width=8)
    with pytest.raises(InputError, match="another recipe"):
        train(data, uninterrupted, longer, SEED)
    with pytest.raises(InputError, match="another seed"):
        train(data, uninterrupted, short, SEED + 1)
    with pytest.raises(InputError, match=f"{gone} is gone"):
        train(copy, uninterrupted, short, SEED)
    (copy / "train" / "photos" / f"{gone.stem}.jpg").unlink()
    with pytest.raises(InputError, match="another data"):
        train(copy, uninterrupted, short, SEED)
    assert (uninterrupted / STATE).read_bytes() == before


def test_data_and_disks_that_cannot_do_leave_nothing(data, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with pytest.raises(InputError, match="not a prepared folder"):
        train(tmp_path, run, TINY, SEED)
    large = replace(TINY, phases=(*TINY.phases, Phase(STAGE_3, 128, 4, 2)))
    with pytest.raises(InputError, match="128 are wanted"):  # and not after the other phases
        train(data, run, large, SEED)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        train(data, tmp_path / "file" / "run", TINY, SEED)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    with pytest.raises(InputError, match=r"needs .* MB there; 0 MB are free"):
        train(data, run, TINY, SEED)
    assert not run.exists()


def test_a_full_disk_keeps_the_state_before(data, tmp_path, short, uninterrupted, monkeypatch):
    run = tmp_path / "run"
    whole, count = torch.save, 0

    def save(state, file):
        nonlocal count
        count += 1
        if count == 3:
            file.write(b"as much as there was room for")
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(state, file)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save)
        with pytest.raises(InputError, match="No space left on device"):
            train(data, run, short, SEED)
    assert not list(run.glob(".*"))
    assert (load_state(run)["phase"], load_state(run)["shown"]) == (1, 6)
    train(data, run, short, SEED)
    assert_same_run(uninterrupted, run)


@pytest.mark.parametrize("what", ["loss", "weight"])
def test_what_is_not_finite_stops_the_run_and_keeps_the_state(
    data, tmp_path, short, monkeypatch, what
):
    run = tmp_path / "run"
    stage = STAGES[STAGE_2]

    def broken(networks, *arguments):
        losses = stage.step(networks, *arguments)
        if what == "loss":
            return losses | {"rec m": torch.tensor(float("nan"))}
        networks.main.encoder[0][0].weight.data[0] = float("inf")
        return losses

    monkeypatch.setitem(STAGES, STAGE_2, replace(stage, step=broken))
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)
    with pytest.raises(InputError, match=r"(rec m|encoder.*) not finite after 2 photos") as stopped:
        train(data, run, short, SEED)
    shown = [
        FacePairs(data, "train", 32).ids[i]
        for _, i in islice(visits(5, phase_seed(short, 2, SEED), 0), 2)
    ]
    photos = f" with the photos {' '.join(shown)};" if what == "loss" else ";"
    assert f"of stage 2{photos} the state before is kept" in str(stopped.value)
    state = load_state(run)
    assert (state["phase"], state["shown"]) == (1, 6)
    assert all(value.isfinite().all() for value in state["networks"].values())


def test_without_a_val_split_the_sheets_show_training_photos(data, tmp_path, capsys):
    shutil.copytree(data, tmp_path / "data", ignore=shutil.ignore_patterns("val"))
    recipe = replace(TINY, phases=(Phase(STAGE_1, 32, 2, 2),))
    train(tmp_path / "data", tmp_path / "run", recipe, SEED)
    assert "no val split" in capsys.readouterr().out
    with Image.open(next((tmp_path / "run" / "sheets").iterdir())) as sheet:
        assert sheet.size == (5 * 32, 4 * 32)


def test_tiny_trains_all_stages_and_its_weights_draw(data, tmp_path):
    train(data, tmp_path, TINY, SEED)
    assert [line["resolution"] for line in log_of(tmp_path)][-1] == 64
    weights, facts = load_weights(tmp_path)
    assert facts["shown"] == [phase.images for phase in TINY.phases]
    assert (facts["model"], facts["resolution"]) == ("ours", 64)
    main = dual_generators(facts["width"], facts["cap"])[1]
    main.load_state_dict(weights)
    averaged = load_state(tmp_path)["networks"]
    assert all(torch.equal(v, averaged[f"ema.main.{k}"]) for k, v in main.state_dict().items())


@pytest.fixture(scope="module", params=sorted(SHEETS_OF))
def rival(request, data, tmp_path_factory):
    """A model, and the folder of its whole training with TINY."""
    run = tmp_path_factory.mktemp("runs") / request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "LOG_EVERY", 2)
        train(data, run, for_model(TINY, request.param), SEED)
    return request.param, run


def test_a_rival_resumes_bit_by_bit(data, tmp_path, rival, monkeypatch):
    model, uninterrupted = rival
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)
    for _ in range(20):
        with monkeypatch.context() as patch:
            before_step(patch, stop_at(8))
            try:
                train(data, tmp_path / "run", for_model(TINY, model), SEED)
                break
            except KeyboardInterrupt:
                torch.rand(7)  # whatever else uses torch's generator
    assert_same_run(uninterrupted, tmp_path / "run")


def test_a_rival_shows_what_it_makes(rival):
    model, run = rival
    rows = {}
    for path in (run / "sheets").iterdir():
        _, *stage, resolution, _ = path.stem.split("-")
        with Image.open(path) as image:
            assert image.width == 2 * int(resolution)
            rows[" ".join(stage), int(resolution)] = image.height / int(resolution)
    assert rows == SHEETS_OF[model]


def test_a_rivals_weights_draw_what_its_average_drew(rival):
    model, run = rival
    generator, facts = load_generator(run)
    networks = Networks(for_model(TINY, model))
    networks.load_state_dict(load_state(run)["networks"])
    assert (facts["model"], facts["resolution"]) == (model, 64)
    sketches = (torch.rand(3, 1, 64, 64) > 0.9).float()
    drawn, expected = generator(Condition(sketches)), networks.ema["main"](Condition(sketches))
    torch.testing.assert_close(drawn.photo, expected.photo)
    assert drawn.photo.abs().max() <= 1
    assert (drawn.attention is not None) == (model == "sap-only")
    for sketch, photo in zip(sketches, drawn.photo, strict=True):  # it depends on nothing else
        torch.testing.assert_close(
            generator(Condition(sketch[None])).photo[0], photo, rtol=1e-3, atol=1e-4
        )


def test_a_rival_is_not_taken_for_another_model(data, tmp_path, rival):
    model, run = rival
    with pytest.raises(InputError, match="another model and recipe"):
        train(data, run, TINY, SEED)
    with pytest.raises(InputError, match=f"holds {model}; only our model"):
        export(run, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
    recipe = replace(TINY, phases=(Phase(ENHANCER, 64, 6, 2),))
    with pytest.raises(InputError, match=f"holds {model}; the enhancer goes on from our model"):
        train(data, tmp_path / "run", recipe, SEED, generator=run)


def test_the_enhancer_is_trained_around_a_trained_generator(data, tmp_path, uninterrupted):
    recipe = replace(TINY, phases=(Phase(ENHANCER, 64, 6, 2),))
    run = tmp_path / "run"
    with pytest.raises(InputError, match=r"recipe tiny goes on from .* give --generator RUN"):
        train(data, run, recipe, SEED)
    with pytest.raises(InputError, match=r"recipe tiny starts from .* leave out --generator RUN"):
        train(data, run, TINY, SEED, generator=uninterrupted)
    wide = replace(recipe, width=8)
    with pytest.raises(InputError, match="width 4 and cap 8; recipe tiny wants 8 and 8"):
        train(data, run, wide, SEED, generator=uninterrupted)
    assert not run.exists()
    train(data, run, recipe, SEED, generator=uninterrupted)
    assert (log_of(run)[-1]["stage"], log_of(run)[-1]["shown"]) == (ENHANCER, 6)
    before, after = load_weights(uninterrupted)[0], load_weights(run)[0]
    assert_same(before, after)
    assert load_weights(run)[1]["resolution"] == 32  # of G_m, which sees half
    enhancer = Enhancer(4)
    enhancer.load_state_dict(load_file(run / ENHANCER_WEIGHTS))
    (sheet,) = (run / "sheets").iterdir()
    with Image.open(sheet) as image:
        assert image.size == (2 * 64, 3 * 64)


def test_tensorboard_has_the_log(data, tmp_path, monkeypatch):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    recipe = replace(TINY, phases=(Phase(CLASSIFIER, 32, 4, 2), Phase(STAGE_1, 32, 8, 2)))
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    with monkeypatch.context() as patch:
        before_step(patch, stop_at(5))  # one line of stage 1 will be logged again
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path, recipe, SEED)
    train(data, tmp_path, recipe, SEED)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    for name, first in (("classifier", 2), ("rec a", 6)):
        lines = [line[name] for line in log_of(tmp_path) if name in line]
        scalars = events.Scalars(name)
        assert [scalar.step for scalar in scalars] == [first + 2 * n for n in range(len(lines))]
        assert [scalar.value for scalar in scalars] == pytest.approx(lines)


def test_a_batch_may_be_larger_than_the_data(data, tmp_path):
    pairs = FacePairs(data, "train", 32, seed=0)
    (batch,) = batches(pairs, Phase(STAGE_1, 32, 12, 12), seed=0, start=0)
    assert batch.photo.shape == (12, 3, 32, 32)


def test_a_phase_goes_on_in_the_middle(data):
    pairs = FacePairs(data, "train", 32, TINY.distortion, flip=True, seed=7)
    phase = Phase(STAGE_1, 32, 14, 2)
    whole = list(batches(pairs, phase, seed=1, start=0))
    assert len(whole) == 7
    rest = list(batches(pairs, phase, seed=1, start=8))
    assert_same(whole[4:], rest)


def test_tensors_are_in_the_networks_ranges(data):
    pairs = FacePairs(data, "train", 64)
    (batch,) = batches(pairs, Phase(STAGE_1, 64, 5, 5), seed=0, start=0)
    tensors = to_tensors(batch, torch.device("cpu"))
    for sketch in (tensors.S_syn.sketch, tensors.S_dfm.sketch):
        assert sketch.shape == (5, 1, 64, 64)
        assert sketch.min() == 0
        assert 0.5 < sketch.max() <= 1
    assert tensors.photo.shape == (5, 3, 64, 64)
    torch.testing.assert_close((tensors.photo + 1) * 127.5, batch.photo.float(), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("items", "start"), [(5, 0), (5, 3), (5, 10), (1, 4), (7, 13)])
def test_visits(items, start):
    endless = visits(items, seed=2, start=0)
    first = [next(endless) for _ in range(4 * items + start)]
    for epoch in range(4):
        visit = first[epoch * items : (epoch + 1) * items]
        assert {e for e, _ in visit} == {epoch}
        assert sorted(item for _, item in visit) == list(range(items))
    later = visits(items, seed=2, start=start)
    assert [next(later) for _ in range(4 * items)] == first[start:]


def test_epochs_and_seeds_have_orders_of_their_own():
    a, b = visits(50, seed=0, start=0), visits(50, seed=1, start=0)
    first, second, other = ([next(v)[1] for _ in range(50)] for v in (a, a, b))
    assert first != second
    assert first != other


def test_the_learning_rate_falls_in_the_second_half_of_a_stage_over_its_phases():
    phases = (Phase(STAGE_1, 32, 50, 1), Phase(STAGE_3, 32, 60, 1), Phase(STAGE_3, 64, 40, 1))
    recipe = replace(TINY, learning_rate=1.0, phases=phases)
    whole = [learning_rate(recipe, 1, n) for n in range(60)]
    whole += [learning_rate(recipe, 2, n) for n in range(40)]
    assert whole[:51] == [1.0] * 51
    assert whole[51:] == pytest.approx([1 - (n - 50) / 50 for n in range(51, 100)])
    assert learning_rate(recipe, 0, 0) == 1.0
    assert learning_rate(recipe, 0, 49) == pytest.approx(1 / 25)
    constant = replace(recipe, decays=False)
    assert [learning_rate(constant, 1, n) for n in (0, 59)] == [1.0, 1.0]
