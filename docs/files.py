"""Writes docs/files.md: every file of the program with the first sentence it says about itself.

    python docs/files.py

A test fails while the list is not current.
"""

import ast
import re
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "deepfacepencil"
LIST = ROOT / "docs" / "files.md"
HEAD = """# Every file, in a sentence

Made by `python docs/files.py` from the first sentence of each file. [README.md](../README.md#read)
has the order to read them in, [CONTRIBUTING.md](../CONTRIBUTING.md) what to touch for what.
"""


def sentence(path: Path) -> str:
    """The first sentence of a file's docstring or first comment."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        said = ast.get_docstring(ast.parse(text)) or ""
    else:  # the comment that it begins with, up to where a sentence ends
        lines = takewhile(lambda line: line.startswith("//"), text.splitlines())
        comment = " ".join(line.removeprefix("//").strip() for line in lines)
        said = re.split(r"(?<=\.) ", comment)[0]
    return said.split("\n")[0]


def listed() -> str:
    """What docs/files.md is to hold."""
    paths = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.js")]
    parts = [HEAD]
    folders = sorted({path.parent for path in paths if "vendor" not in path.parts})
    for folder in folders:
        name = folder.relative_to(SOURCE).as_posix()
        about = sentence(folder / "__init__.py") if (folder / "__init__.py").exists() else ""
        title = f"## {'the ground floor' if name == '.' else name + '/'}"
        rows = [
            f"| `{path.name}` | {sentence(path)} |"
            for path in sorted(paths)
            if path.parent == folder and path.name != "__init__.py"
        ]
        head = [title, "", *([about, ""] if about else []), "| | |", "|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    LIST.write_text(listed(), "utf-8")
