"""Files appear whole, and what a killed process left is removed."""

import os
from pathlib import Path

import pytest

from deepfacepencil.budget import read_file
from deepfacepencil.data.photos import read_labels
from deepfacepencil.errors import InputError
from deepfacepencil.files import atomic_path, remove_leftovers
from deepfacepencil.images import read_photo
from deepfacepencil.sketch.normalise import load_drawing


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("whole")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "whole"


def test_pipes_and_devices_are_neither_read_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with (
        pytest.raises(InputError, match=r"pipe\.png is a device or pipe"),
        atomic_path(pipe) as part,
    ):
        part.touch()
    for read in (load_drawing, read_file, lambda path: read_photo(path, 64), read_labels):
        with pytest.raises(InputError, match=r"pipe\.png is a device or pipe"):
            read(pipe)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.png"]
    assert pipe.is_fifo()


def test_leftovers_are_removed_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    for name in ("sheets/.1.png.4711.part", ".log.4711.part", "sheets/1.png"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.rglob("*.p*")] == ["1.png"]
