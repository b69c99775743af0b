"""Any drawing from outside -> strokes of our pen, centred and scaled like the training faces.

The networks know one pen (`pen.py`) and one crop. A scan, a photo of paper, a thick marker or an
SVG is first brought to both; the paper's test sketches (section 4) came on its own canvas. On the
way, a file becomes a picture (pictures.py), that ink (ink.py), that lines (centrelines.py); of
those, the face's are kept here.
"""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ..budget import read_file
from ..errors import InputError
from . import svg
from .around import Mask, grown
from .centrelines import lines_of
from .ink import ink_of
from .paper import are_rules
from .pictures import decoded, read_by_kind, require_good_size
from .place import centre, face_likeness
from .seen import is_what_is_seen, on_paper
from .strokes import CANVAS, Strokes
from .trace import trace

_MOST_PIECES = 6  # of a face, that are tried
_APART = 26  # pixels between parts of which one only has the face
# Shares of the face's part: what is that near it still belongs to it, and what is around it.
_BESIDE, _AROUND = 0.04, 0.35


def load_drawing(path: Path | str) -> Strokes:
    """The drawing in an SVG or image file as strokes of our pen, placed like a training face.

    Raises InputError for everything that cannot be used, from a missing file to a blank sheet.
    """
    return read_drawing(io.BytesIO(read_file(Path(path))), str(path))


def read_drawing(file: BinaryIO, name: str) -> Strokes:
    """`load_drawing` for what is open already; `name` is what an error calls it."""
    return read_by_kind(file.read(), name, _read_svg, normalise_image)


def look_at(data: bytes, name: str, size: int) -> Image.Image:
    """The drawing in the bytes of a file as a person sees it: RGB, at most `size` pixels wide."""
    picture = read_by_kind(
        data, name, lambda text, name: svg.read(text, name).picture(size), decoded
    )
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return on_paper(picture)


def _read_svg(text: bytes | str, name: str) -> Strokes:
    document = svg.read(text, name)
    known = len(document.strokes) > 0 and document.areas <= len(document.strokes) / 2
    if known and is_what_is_seen(
        document.strokes, document.widths, on_paper(document.picture(CANVAS))
    ):
        strokes = document.strokes.select(~are_rules(document.strokes))
        if len(strokes):
            return centre(strokes)
    return normalise_image(document.picture(2 * CANVAS), name)


def normalise_image(image: Image.Image, name: str) -> Strokes:
    """A drawn or photographed image as strokes, placed; `name` is what an error calls it.

    Raises InputError if it is too large (before it is decoded), too small, broken or blank.
    """
    require_good_size(image, name)
    image = decoded(image, name)
    lines = _of_the_face(lines_of(ink_of(image)))
    box = _close_up(lines, image.size)
    if box is not None:
        lines = _of_the_face(lines_of(ink_of(image.crop(box))))
    if not lines.any():
        raise InputError(
            f"{name}: has no strokes: draw dark on light or light on dark; of a photo,"
            " `deepfacepencil sketch` makes drawings"
        )
    return centre(trace(lines), anew=box is not None, scanned=True)


def _of_the_face(lines: Mask) -> Mask:
    """Without what lies apart from the face: a title, a signature, a frame, an edge."""
    half = lines[::2, ::2] | lines[1::2, ::2] | lines[::2, 1::2] | lines[1::2, 1::2]
    parts, count = ndimage.label(grown(half, _APART / 4))
    if count < 2:
        return lines
    parts = parts.repeat(2, axis=0).repeat(2, axis=1)
    sizes = np.bincount(parts[lines], minlength=count + 1)
    spans = [
        (np.array([down.start, right.start]), np.array([down.stop, right.stop]))
        for down, right in ndimage.find_objects(parts)
    ]
    # What has a face: a part with all that lies in it. A frame has one too, but a smaller one.
    large = np.flatnonzero(sizes >= 0.2 * sizes.max())
    candidates = {
        tuple(_near(parts, lines, lines & (parts == part), sizes, _BESIDE) > 0.5) for part in large
    }
    chosen = np.array(candidates.pop())
    if candidates:
        likeness = {some: _likeness(lines, parts, some) for some in (tuple(chosen), *candidates)}
        best = max(likeness, key=lambda some: likeness[some])
        chosen, likely = np.array(best), likeness[best]
        # A face may be in pieces, where it was rubbed out or crossed by a rule.
        left = np.flatnonzero(~chosen & (sizes >= 0.1 * sizes[chosen].sum()))
        for part in left[np.argsort(-sizes[left])][:_MOST_PIECES]:
            more = chosen | (_near(parts, lines, lines & (parts == part), sizes, _BESIDE) > 0.5)
            if (some := tuple(more)) not in likeness:
                likeness[some] = _likeness(lines, parts, some)
            if likeness[some] > likely:
                chosen, likely = more, likeness[some]
    for _ in range(2):
        face = lines & chosen[parts]
        rows, columns = np.nonzero(face)
        # Hair is around the face: in its box and beyond, but not much.
        box = np.array([[rows.min(), columns.min()], [rows.max(), columns.max()]])
        meets = [(np.maximum(a, box[0]) <= np.minimum(b, box[1])).all() for a, b in spans]
        around = _near(parts, lines, face, sizes, _AROUND) > 0.8
        chosen |= around & np.array([False, *meets])
        chosen |= _near(parts, lines, lines & chosen[parts], sizes, _BESIDE) > 0.5
    return lines & chosen[parts]


def _near(
    parts: NDArray[np.integer], lines: Mask, face: Mask, sizes: NDArray[np.integer], margin: float
) -> NDArray[np.floating]:
    """Which share of each part's lines is in the box around a face, with a margin."""
    rows, columns = np.nonzero(face)
    slack = int(margin * max(np.ptp(rows), np.ptp(columns)))
    box = tuple(
        slice(max(0, side.min() - slack), side.max() + slack + 1) for side in (rows, columns)
    )
    return np.bincount(parts[box][lines[box]], minlength=len(sizes)) / np.maximum(sizes, 1)


def _likeness(lines: Mask, parts: NDArray[np.integer], some: tuple[bool, ...]) -> float:
    return face_likeness(trace(lines & np.array(some)[parts]))


def _close_up(lines: Mask, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The box around a drawing that covers a small part only of an image of `size`, else None."""
    rows, columns = np.nonzero(lines)
    if not len(rows):
        return None
    low = np.array([columns.min(), rows.min()])
    high = np.array([columns.max(), rows.max()])
    extent = (high - low).max()
    if extent >= CANVAS / 2:
        return None
    scale = max(size) / CANVAS
    left, top = ((low - 0.1 * extent - CANVAS / 2) * scale + np.array(size) / 2).clip(0)
    right, bottom = ((high + 0.1 * extent - CANVAS / 2) * scale + np.array(size) / 2).clip(0, size)
    return int(left), int(top), int(right), int(bottom)
