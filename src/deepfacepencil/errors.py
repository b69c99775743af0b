"""What goes wrong at the door: a file or drawing from outside that cannot be used."""


class InputError(Exception):
    """Something from outside is unusable. Its text is one line that names the file and what to do.

    The command line prints that line and exits with 2.
    """
