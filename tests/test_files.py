"""Files appear whole, and what a killed process left is removed."""

from pathlib import Path

import pytest

from deepfacepencil.files import atomic_path, remove_leftovers


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("whole")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "whole"


def test_leftovers_are_removed_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    for name in ("sheets/.1.png.4711.part", ".log.4711.part", "sheets/1.png"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.rglob("*.p*")] == ["1.png"]
