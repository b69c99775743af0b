"""The one pen: strokes -> what a network sees.

Training, evaluation, the command line and the studio all draw with it: paper is 0, stroke is 1,
lines are PEN_WIDTH pixels wide at every resolution and antialiased. Files for people are dark on
white; that is said here once.
"""

import aggdraw
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .strokes import CANVAS, Strokes

# One pixel, and a quarter more: a line of exactly one pixel is half as dark between two pixel rows
# as on one, which the network would have to unlearn.
PEN_WIDTH = 1.25


def draw(strokes: Strokes, size: int, width: float = PEN_WIDTH) -> NDArray[np.uint8]:
    """What the network sees: (size, size), 0 for paper to 255 for stroke.

    Another `width` is for trying what happens then.
    """
    canvas = aggdraw.Draw("L", (size, size), 0)
    pen = aggdraw.Pen(255, width)
    scale = size / CANVAS
    for line in strokes.polylines():
        canvas.line((line * scale).ravel().tolist(), pen)
    canvas.flush()
    return np.frombuffer(bytearray(canvas.tobytes()), np.uint8).reshape(size, size)


def picture(strokes: Strokes, size: int) -> Image.Image:
    """What a person sees: the same lines, dark on white."""
    return Image.fromarray(255 - draw(strokes, size))
