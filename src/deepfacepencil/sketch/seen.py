"""What is seen of a picture: on which paper its transparent parts lie, and whether strokes are it.

What a person draws is what they see: a line behind a filled shape or under a white one is none.
"""

import aggdraw
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from .strokes import CANVAS, Strokes

_SEEN = 0.03  # of black to white: less contrast is not seen
_EDGE = 0.06  # what is drawn has edges of at least this contrast
_SLACK = 3.0  # pixels between where a stroke is and where it is seen
_HIDDEN = 0.01  # share of the strokes' length, and of the edges, that may be otherwise


def on_paper(image: Image.Image) -> Image.Image:
    """RGB on white, or on black where white would hide most of what is drawn: light lines."""
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"))
    sheets = {paper: Image.new("RGBA", image.size, paper) for paper in ("white", "black")}
    for sheet in sheets.values():
        sheet.alpha_composite(image)
    pictures = [sheet.convert("RGB") for sheet in sheets.values()]
    if alpha.min() < 250:
        small = [p.resize(_within(p.size), Image.Resampling.BOX) for p in pictures]
        on_white, on_black = (float((contrast(_values(p), 3) > 0.04).mean()) for p in small)
        if on_white < 0.5 * on_black:
            return pictures[1]
    return pictures[0]


def is_what_is_seen(strokes: Strokes, widths: NDArray[np.floating], picture: Image.Image) -> bool:
    """Whether a document's strokes (`widths` of their pens on the canvas) are what its picture has.

    `picture` (RGB) fits into the canvas. Strokes that are hidden, rubbed out or cut off are not,
    nor is a picture that has more than the strokes.
    """
    values = np.ones((CANVAS, CANVAS, 3), np.float32)
    top, left = (CANVAS - picture.height) // 2, (CANVAS - picture.width) // 2
    values[:] = np.asarray(picture, np.float32)[0, 0] / 255
    inside = slice(top, top + picture.height), slice(left, left + picture.width)
    values[inside] = _values(picture)
    edges = np.zeros((CANVAS, CANVAS), bool)
    edges[inside] = contrast(values[inside], 3) > _EDGE
    covered = Image.new("L", (CANVAS, CANVAS))
    canvas = aggdraw.Draw(covered)
    radii = np.ceil(widths / 2).astype(int) + 2
    reach = {radius: contrast(values, 2 * radius + 1) > _SEEN for radius in set(radii.tolist())}
    hidden = length = 0.0
    for line, width, radius in zip(strokes.polylines(), widths, radii.tolist(), strict=True):
        canvas.line(line.ravel().tolist(), aggdraw.Pen(255, float(width) + 2 * _SLACK))
        steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
        middle = (line[1:] + line[:-1]) / 2
        x, y = np.floor(middle).astype(int).T
        on_page = (y >= inside[0].start) & (y < inside[0].stop)
        on_page &= (x >= inside[1].start) & (x < inside[1].stop)
        seen = reach[radius][y[on_page], x[on_page]]
        length += steps[on_page].sum()
        hidden += steps[on_page][~seen].sum()
    canvas.flush()
    unexplained = edges & (np.asarray(covered) == 0)
    return bool(hidden <= _HIDDEN * length and unexplained.sum() <= _HIDDEN * edges.sum())


def _within(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1, CANVAS / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _values(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture, np.float32) / np.float32(255)


def contrast(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(H, W): how far apart the values (H, W, 3) around each pixel are, in the channel that says
    most.
    """
    grey = bool((values[..., :1] == values).all())
    ranges = [
        ndimage.maximum_filter(channel, size) - ndimage.minimum_filter(channel, size)
        for channel in np.ascontiguousarray(values.transpose(2, 0, 1))[: 1 if grey else 3]
    ]
    return np.max(ranges, axis=0)
