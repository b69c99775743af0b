"""Long messages, read in a process of their own: what one client sends takes nobody else's time.

Python does one thing at a time: reading a megabyte in a thread of the server would hold up all.
"""

from ..apart import Apart
from . import protocol

LONG = 100_000  # characters of a message; a rich drawing has 50,000
_THIS = "This drawing"


class LongMessages:
    """The process; it begins with the first long message."""

    def __init__(self) -> None:
        self._apart = Apart("deepfacepencil.studio.read_apart", niceness=10)

    def frame(self, text: str, client: int) -> tuple[protocol.Frame, list[str]]:
        """`protocol.read_frame` of a client's message, and what it lacks to be a face."""
        head, parts = self._apart(_THIS, text.encode(), place=False, client=client)
        return protocol.unpacked(head["frame"], parts), head["missing"]

    def place(self, data: bytes) -> bytes:
        """`opening.place_message`, as JSON."""
        _, (text,) = self._apart(_THIS, data, place=True)
        return text

    def close(self) -> None:
        """End the process."""
        self._apart.close()
