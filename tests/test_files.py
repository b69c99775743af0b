"""Files appear whole, and one process at a time writes to a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from deepfacepencil.errors import InputError
from deepfacepencil.files import alone_in, writing

HOLDS = """
import sys, time
from pathlib import Path
from deepfacepencil.files import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("whole")
    with pytest.raises(ZeroDivisionError), writing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "whole"


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout and first.stdout.readline() == "in\n"
        (folder / "sheets").mkdir()
        (folder / "sheets" / ".1.png.4711.part").touch()
        with pytest.raises(InputError, match="another process"), alone_in(folder):
            pass
        assert (folder / "sheets" / ".1.png.4711.part").exists()
        first.kill()
    with alone_in(folder):
        assert not list((folder / "sheets").iterdir())
