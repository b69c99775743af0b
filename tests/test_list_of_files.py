"""docs/files.md is what docs/files.py makes of the files, and docs name only what there is."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS, SOURCE = ROOT / "docs", ROOT / "src" / "deepfacepencil"


@pytest.fixture(scope="module")
def listed() -> str:
    return runpy.run_path(str(DOCS / "files.py"))["listed"]()


def test_the_list_of_files_is_current(listed):
    assert listed == (DOCS / "files.md").read_text("utf-8"), "run `python docs/files.py`"


def test_every_file_says_what_it_is_in_a_sentence(listed):
    rows = [row for row in listed.splitlines() if row.startswith("| `")]
    assert not [row for row in rows if not re.search(r"\w\W*[.)] \|$", row)]


def test_docs_name_only_what_there_is():
    """`FILE.py` and `FILE.py: NAME, OTHER` in a document: the file and the names are there."""
    documents = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")]
    documents += [*DOCS.glob("*.md"), SOURCE / "runtime" / "weights" / "README.md"]
    paths = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.js")]
    for document in documents:
        text = document.read_text("utf-8")
        for file, names in re.findall(r"`([\w./-]+\.(?:py|js))(?:: ([\w., ]+))?`", text):
            found = [base / file for base in (ROOT, SOURCE, SOURCE / "studio", DOCS)]
            found = [path for path in found if path.is_file()]
            found += [path for path in paths if path.match(file)]
            assert found, f"{document.name}: {file}"
            known = re.findall(r"\w+", "".join(path.read_text("utf-8") for path in found))
            for name in re.findall(r"\w+", names):
                assert name in known, f"{document.name}: {file}: {name}"
