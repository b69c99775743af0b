"""What goes wrong at the door: a file, drawing or argument from outside that cannot be used.

The command line says it in one line and ends with status 2; it is no part of the paper.
"""


class InputError(Exception):
    """Something from outside is unusable. Its text is one line that names the file and what to do.

    The command line prints that line and exits with 2.
    """


def missing_package(name: str | None, extra: str) -> InputError:
    """What to do when a package of one of our extras is not installed."""
    return InputError(f"this needs {name}; install it with `pip install 'deepfacepencil[{extra}]'`")
