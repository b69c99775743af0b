"""Files appear whole, and what a killed process left is removed."""

import os
import threading
from pathlib import Path

import pytest

from deepfacepencil import budget
from deepfacepencil.budget import read_file
from deepfacepencil.data.photos import read_labels
from deepfacepencil.errors import InputError
from deepfacepencil.files import atomic_path, find_pictures, remove_leftovers
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


def test_a_link_in_the_place_of_a_half_written_file_is_not_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "table.csv", tmp_path / "other"
    other.write_text("somebody's")
    (tmp_path / f".table.csv.{os.getpid()}.part").symlink_to(other)
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
    assert (path.read_text(), other.read_text()) == ("whole", "somebody's")
    assert not path.is_symlink()


def test_a_drawing_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.svg"
    os.mkfifo(pipe)
    drawing = (Path(__file__).parents[1] / "examples" / "02-short-hair.svg").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=[drawing])
    writer.start()
    assert read_file(find_pictures([str(pipe)])["pipe"]) == drawing
    writer.join()


def test_endless_devices_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_FILE", 5_000_000)
    with pytest.raises(InputError, match="/dev/zero: larger than 5 MB"):
        read_file(Path("/dev/zero"))


def test_silent_pipes_are_not_waited_for_nor_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with (
        pytest.raises(InputError, match=r"pipe\.png is a device or pipe"),
        atomic_path(pipe) as part,
    ):
        part.touch()
    monkeypatch.setattr(budget, "LONGEST_PAUSE", 0.1)
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


def test_the_longest_names_have_results(tmp_path: Path) -> None:
    for name in ("x" * 251 + ".svg", "ü" * 125 + ".svg"):
        (tmp_path / name).touch()
    found = find_pictures([str(tmp_path)])
    assert len(found) == 2
    for name in found:
        for end in (".png", "-tolerance.png", "-12.png"):
            with atomic_path(tmp_path / f"{name}{end}") as temporary:
                temporary.touch()


def test_what_a_folder_has_that_is_not_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("face.jfif", "face.PDF", "face.heic", "face.psd", "notes.txt", "._face.png"):
        (tmp_path / name).touch()
    assert {path.name for path in find_pictures([str(tmp_path)]).values()} == {
        "face.jfif", "face.PDF", "face.heic",
    }  # fmt: skip
    said = capsys.readouterr()
    assert "face.psd" in said.out + said.err
    assert "notes.txt" not in said.out + said.err
