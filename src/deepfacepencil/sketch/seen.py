"""What is seen of a picture: on which paper its transparent parts lie, and whether strokes are it.

What a person draws is what they see: a line behind a filled shape or under a white one is none.
"""

from collections.abc import Sequence
from functools import reduce

import aggdraw
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .around import highest, lowest
from .strokes import CANVAS, Strokes

_SEEN = 0.03  # of black to white: less contrast is not seen
_EDGE = 0.06  # what is drawn has edges of at least this contrast
_SLACK = 3.0  # pixels between where a stroke is and where it is seen
_HIDDEN = 0.01  # share of the strokes' length, and of the edges, that may be otherwise


def on_paper(image: Image.Image) -> Image.Image:
    """RGB on white, or on black where white would hide most of what is drawn: light lines."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    on_white = _over("white", image)
    if np.asarray(image.getchannel("A")).min() < 250:
        on_black = _over("black", image)
        small = [p.resize(_within(p.size), Image.Resampling.BOX) for p in (on_white, on_black)]
        here, there = (float((contrast(_planes(p), 3) > 0.04).mean()) for p in small)
        if here < 0.5 * there:
            return on_black
    return on_white


def is_what_is_seen(strokes: Strokes, widths: NDArray[np.floating], picture: Image.Image) -> bool:
    """Whether a document's strokes (`widths` of their pens on the canvas) are what its picture has.

    `picture` (RGB) fits into the canvas. Strokes that are hidden, rubbed out or cut off are not,
    nor is a picture that has more than the strokes.
    """
    top, left = (CANVAS - picture.height) // 2, (CANVAS - picture.width) // 2
    inside = slice(top, top + picture.height), slice(left, left + picture.width)
    planes = _planes(picture)
    edges = np.zeros((CANVAS, CANVAS), bool)
    edges[inside] = contrast(planes, 3) > _EDGE
    page = [np.full((CANVAS, CANVAS), plane[0, 0]) for plane in planes]
    for canvas_plane, plane in zip(page, planes, strict=True):
        canvas_plane[inside] = plane
    covered = Image.new("L", (CANVAS, CANVAS))
    canvas = aggdraw.Draw(covered)
    radii = np.ceil(widths / 2).astype(int) + 2
    reach = {radius: contrast(page, 2 * radius + 1) > _SEEN for radius in set(radii.tolist())}
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


def _over(paper: str, image: Image.Image) -> Image.Image:
    sheet = Image.new("RGBA", image.size, paper)
    sheet.alpha_composite(image)
    return sheet.convert("RGB")


def _within(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1, CANVAS / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _planes(picture: Image.Image) -> list[NDArray[np.float32]]:
    """The channels of an RGB picture; of a grey one the only one."""
    values = np.asarray(picture)
    grey = bool((values[..., :1] == values).all())
    return [plane / np.float32(255) for plane in values.transpose(2, 0, 1)[: 1 if grey else 3]]


def contrast(planes: Sequence[NDArray[np.float32]], size: int) -> NDArray[np.float32]:
    """(H, W): how far apart values around each pixel are, in the channel that says most."""
    ranges = [highest(plane, size, size) - lowest(plane, size, size) for plane in planes]
    return reduce(np.maximum, ranges)
