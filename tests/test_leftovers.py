"""What a program leaves running holds up whoever waits for it: it is found, and ends in time."""

import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
LEAVING = """
import subprocess, sys, threading, time

def test_leaving():
    threading.Thread(target=time.sleep, args=(15,), name="an idler").start()
    sleeper = [sys.executable, "-c", "import time; time.sleep(77)"]
    subprocess.Popen(sleeper)
    start = f"import subprocess; subprocess.Popen({sleeper!r}, start_new_session=True)"
    subprocess.run([sys.executable, "-c", start])  # its child has another parent now

def test_nothing():
    pass
"""


def _tests(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "__init__.py").touch()
    for file in (CONFTEST, CONFTEST.with_name("browsers.py")):  # which it imports
        shutil.copy(file, folder)
    (folder / "test_some.py").write_text(LEAVING)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    # Returns when nobody holds the pipe any longer.
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "DEEPFACEPENCIL_TESTS_PATIENCE": "2"},
        timeout=300,
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )


@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux tells what runs")
@pytest.mark.parametrize("shared_out", [[], ["--numprocesses=1"]])
def test_what_tests_leave_running_is_named_and_fails_the_run(
    tmp_path: Path, shared_out: list[str]
) -> None:
    done = _tests(tmp_path, *shared_out)
    assert "2 passed" in done.stdout
    assert done.returncode == 1
    assert "thread an idler" in done.stdout
    assert done.stdout.count("time.sleep(77)") == 2
    assert _tests(tmp_path, "-k", "nothing", *shared_out).returncode == 0


A_LOADER = """
import sys
from deepfacepencil.training.batches import loaded
class Pairs:
    def visit(self, epoch, item):
        return item
batches = loaded(Pairs(), ([(0, item)] for item in range(1000)))
next(batches)
kept = [batches]
kept.append(kept)  # nothing of this is collected before Python waits for its workers
"""


def test_a_loader_that_was_never_closed_does_not_keep_its_program_from_ending() -> None:
    subprocess.run([sys.executable, "-c", A_LOADER], check=True, timeout=300)


class Halves:
    def visit(self, epoch: int, item: int) -> float:
        return 0.5 / item


def test_a_loader_ends_when_it_is_closed_and_when_its_worker_raises() -> None:
    loading = pytest.importorskip("deepfacepencil.training.batches")
    before = multiprocessing.active_children()
    batches = loading.loaded(Halves(), ([(0, 1)] for _ in range(1000)))
    next(batches)
    assert len(multiprocessing.active_children()) == len(before) + 1
    batches.close()
    assert multiprocessing.active_children() == before
    broken = loading.loaded(Halves(), [[(0, 0)]])
    with pytest.raises(ZeroDivisionError) as kept:  # with all that its traceback holds
        next(broken)
    assert multiprocessing.active_children() == before
    assert kept.tb
