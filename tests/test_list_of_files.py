"""docs/files.md is what docs/files.py makes of the files, and every file says what it is."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
made = runpy.run_path(str(DOCS / "files.py"))


def test_the_list_of_files_is_current():
    listed = made["listed"]()
    assert listed == (DOCS / "files.md").read_text("utf-8"), "run `python docs/files.py`"


def test_every_file_says_what_it_is():
    assert "|  |" not in made["listed"]()
