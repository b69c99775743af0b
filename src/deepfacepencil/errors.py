"""InputError: a file, drawing or argument from outside that cannot be used.

The command line says it in one line and ends with status 2; it is no part of the paper.
"""

import re
import sys
from pathlib import Path

# Names of files may hold what moves a terminal's cursor, or turns the text around it.
_UNSEEN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class InputError(Exception):
    """Something from outside is unusable. Its text is one line that names the file and what to do.

    The command line prints that line and exits with 2.
    """

    def __str__(self) -> str:
        return seen(super().__str__())


def seen(text: str) -> str:
    """The text with what a terminal would obey written out, as \\x1b."""
    return _UNSEEN.sub(lambda one: ascii(one[0])[1:-1], text)


def missing_package(name: str | None, extra: str) -> InputError:
    """What to do when a package of one of our extras is not installed, as a command that works."""
    pip = Path(sys.executable).with_name("pip")
    source = Path(__file__).parents[2]  # of a clone; else we are installed as any package is
    here = Path.cwd()
    if pip.is_relative_to(here):
        pip = pip.relative_to(here)
    what = f"deepfacepencil[{extra}]"
    if (source / "pyproject.toml").is_file():
        what = f"{'.' if source == here else source}[{extra}]"
        return InputError(f"this needs {name}; install it with `{pip} install -e '{what}'`")
    return InputError(f"this needs {name}; install it with `{pip} install '{what}'`")
