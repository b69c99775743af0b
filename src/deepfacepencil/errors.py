"""InputError: a file, drawing or argument from outside that cannot be used.

The command line says it in one line and ends with status 2; it is no part of the paper.
"""

import sys
from pathlib import Path


class InputError(Exception):
    """Something from outside is unusable. Its text is one line that names the file and what to do.

    The command line prints that line and exits with 2.
    """


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
