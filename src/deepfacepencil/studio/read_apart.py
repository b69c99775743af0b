"""The process that reads long messages, `python -m deepfacepencil.studio.read_apart`: see long.py.

It knows the last drawings of a few clients, so that of each only what is new is fitted.
"""

from collections import OrderedDict
from typing import Any

from ..apart import Answer, serve
from ..runtime.engine import TOLERANCE_SIZE
from . import protocol
from .hints import missing
from .opening import place_message

_CLIENTS = 16  # whose drawings are known
_known: OrderedDict[int, protocol.Known] = OrderedDict()


def _work(name: str, data: bytes, asked: dict[str, Any]) -> Answer:
    if asked["place"]:
        return {}, [place_message(data)]
    known = _known.setdefault(asked["client"], {})
    _known.move_to_end(asked["client"])
    while len(_known) > _CLIENTS:
        _known.popitem(last=False)
    frame = protocol.read_frame(data.decode(), TOLERANCE_SIZE, known)
    head, parts = protocol.packed(frame)
    return {"frame": head, "missing": missing(frame.strokes)}, parts


if __name__ == "__main__":
    serve(_work)
