"""Fig. 1: a photo and the styles of sketches that can be made of it (section 3.1), as strokes.

edge is the detector that the paper names, HED [30]; contour joins landmarks; boundary and deformed
are S_syn and S_dfm. The verb `sketch`; nothing is trained with the first two.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import skeletonize
from tqdm import tqdm

from ..budget import MAX_PIXELS
from ..errors import InputError
from ..files import atomic_path, require_own_names
from ..images import open_image, upright
from ..sketch import svg
from ..sketch.deform import DEFAULT_D, deform
from ..sketch.pen import picture
from ..sketch.strokes import CANVAS, Strokes, through
from ..sketch.trace import trace, trace_labels
from .landmarks import find_landmarks, parts_of_face
from .photos import read_labels

STYLES = ("edge", "contour", "boundary", "deformed")
FIGURE = "figure-1.png"
MOST_ROWS = 24  # of it
SIZE = 256  # pixels of the PNGs, as the networks' photos
_MIN_SIDE = 64
_MARGIN, _CAPTION = 8, 18

# "The level of details in edge maps rely heavily on the value of a threshold": a line is everywhere
# at least the first, somewhere the second. At 0.3 hair is a thicket, at 0.7 noses are gone.
EDGE_THRESHOLDS = (0.4, 0.7)


def sketch(
    photos: Mapping[str, Path],
    output: Path,
    styles: Collection[str] = STYLES,
    labels: Path | None = None,
    d: float = DEFAULT_D,
    seed: int = 0,
) -> None:
    """Write NAME-STYLE.png (256 px, dark on white) and .svg into `output`, {NAME: photo}.

    With all `styles` also FIGURE, a row for each of the first photos; what cannot be made of a
    photo is left out of it and named. `labels` is the label map of a single photo, others lie in
    labels/ beside photos/. Raises InputError if a result would replace a photo; and at the end for
    photos that cannot be used, or not in the style asked for.
    """
    if labels is not None and len(photos) > 1:
        raise InputError(f"--labels {labels} belongs to one photo; {len(photos)} are given")
    if not 0 <= d <= CANVAS:
        raise InputError(f"--d {d:g}: offsets are from 0 to {CANVAS} pixels of the 512 canvas")
    pairs = [f"{name}-{style}" for name in photos for style in styles]
    results = [f"{pair}.{ending}" for pair in pairs for ending in ("png", "svg")]
    require_own_names([FIGURE, *results], photos.values(), output)
    output.mkdir(parents=True, exist_ok=True)
    rows: list[list[Image.Image | None]] = []
    done = 0
    problems: list[str] = []
    left_out: list[str] = []
    every_style = len(styles) == len(STYLES)
    for name, path in tqdm(photos.items(), unit=" photos"):
        try:
            photo = read_square(path)
        except InputError as problem:
            problems.append(str(problem))
            continue
        made: list[Image.Image | None] = []
        for style in styles:
            try:
                strokes = _in_style(style, path, photo, labels, d, seed)
            except InputError as problem:
                (left_out if every_style else problems).append(str(problem))
                made.append(None)
                continue
            drawn = picture(strokes, SIZE)
            with atomic_path(output / f"{name}-{style}.png") as temporary:
                drawn.save(temporary, "PNG")
            svg.save(strokes, output / f"{name}-{style}.svg")
            made.append(drawn)
        if not any(made):
            continue
        done += 1
        if len(rows) < MOST_ROWS:
            rows.append([photo.resize((SIZE, SIZE), Image.Resampling.LANCZOS), *made])
    if not done:
        raise InputError("; ".join(dict.fromkeys(problems + left_out)) or "give some photos")
    if every_style:
        with atomic_path(output / FIGURE) as temporary:
            _figure(rows, d).save(temporary, "PNG")
        for reason in dict.fromkeys(left_out):
            print(f"left out: {reason}")
        print(f"figure: {output / FIGURE}")
    if problems:
        raise InputError(f"{done} of {len(photos)} photos done; " + "; ".join(problems))


def read_square(path: Path) -> Image.Image:
    """The middle square of a photo, upright, RGB, CANVAS x CANVAS; a face is not looked for.

    Raises InputError if it cannot be read, or is too large or too small.
    """
    with open_image(path) as image:
        size = f"{path}: {image.width} x {image.height} pixels"
        if image.width * image.height > MAX_PIXELS:
            raise InputError(f"{size}, more than {MAX_PIXELS // 10**6} megapixels: scale it down")
        if min(image.size) < _MIN_SIDE:
            raise InputError(f"{size} are too small for a face: give a larger photo")
        image.draft("RGB", (2 * CANVAS, 2 * CANVAS))
        return ImageOps.fit(upright(image, path), (CANVAS, CANVAS), Image.Resampling.LANCZOS)


def edge(photo: Image.Image) -> Strokes:
    """The edges that HED [30] sees in an RGB photo (CANVAS x CANVAS), thinned.

    Raises InputError without torch, h5py or the weights of HED.
    """
    try:
        from .hed import edge_map
    except ModuleNotFoundError as missing:
        raise InputError(
            f"edges need {missing.name}; install it with `pip install torch h5py`"
        ) from missing
    edges = edge_map(photo)
    return trace(skeletonize(apply_hysteresis_threshold(edges, *EDGE_THRESHOLDS)))


def contour(photo: Image.Image, name: str) -> Strokes:
    """The landmarks of the face in an RGB photo (CANVAS x CANVAS), joined to lines.

    Raises InputError if no face is found (`name` is what it calls the photo), or without the
    `evaluate` extra.
    """
    landmarks = find_landmarks(np.asarray(photo), drawing=False)
    if landmarks is None:
        raise InputError(f"{name}: no face found for the contour: crop the photo around one face")
    lines = [landmarks[chain] for part in parts_of_face().values() for chain in chains_of(part)]
    return Strokes.of(map(_smooth, lines))


def labels_of(path: Path, labels: Path | None) -> NDArray[np.uint8]:
    """The label map (S, S), 0 to 18, of the photo at `path`: `labels`, or ../labels/NAME.png.

    Raises InputError if there is none, or none that fits a square photo.
    """
    beside = path.absolute().parent.parent / "labels" / f"{path.stem}.png"
    if labels is None and not (path.absolute().parent.name == "photos" and beside.exists()):
        raise InputError(
            f"{path}: boundaries need a label map of the 19 classes: pass --labels FILE, or keep"
            " the photo in photos/ and the map in labels/ beside it, under one name"
        )
    with open_image(path) as image:
        if image.width != image.height:
            size = f"{image.width} x {image.height}"
            raise InputError(f"{path} is {size}; crop it square as its label map is")
    return read_labels(labels or beside)


def chains_of(lines: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Points that are joined in pairs as chains between ends and junctions.

    A ring ends with the point that it began with. Every pair is in one chain.
    """
    joined: dict[int, list[int]] = defaultdict(list)
    for a, b in sorted(lines):
        joined[a].append(b)
        joined[b].append(a)
    left = {frozenset(line) for line in lines}
    chains = []
    for start in sorted(joined, key=lambda point: len(joined[point]) == 2):  # rings come last
        for second in joined[start]:
            chain, ahead = [start], [second]
            while ahead and frozenset((chain[-1], ahead[0])) in left:
                left.remove(frozenset((chain[-1], ahead[0])))
                chain.append(ahead[0])
                here = joined[chain[-1]]
                ahead = [point for point in here if point != chain[-2]] if len(here) == 2 else []
            if len(chain) > 1:
                chains.append(chain)
    return chains


def _smooth(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Beziers through the points of a line; a ring is smooth at its seam too."""
    if (line[0] == line[-1]).all():
        return through(np.vstack([line[-2], line, line[1]]))[3:-3]
    return through(line)


def _in_style(
    style: str, path: Path, photo: Image.Image, labels: Path | None, d: float, seed: int
) -> Strokes:
    if style == "edge":
        return edge(photo)
    if style == "contour":
        return contour(photo, str(path))
    boundary = trace_labels(labels_of(path, labels))
    return boundary if style == "boundary" else deform(boundary, np.random.default_rng(seed), d)


def _figure(rows: Sequence[Sequence[Image.Image | None]], d: float) -> Image.Image:
    """Fig. 1: a photo a row, a style a column; white where there is none."""
    titles = ["photo", *STYLES[:-1], f"{STYLES[-1]}, d = {d:g}"]
    step = SIZE + _MARGIN
    size = (len(titles) * step + _MARGIN, len(rows) * step + _MARGIN + _CAPTION)
    figure = Image.new("RGB", size, "white")
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            if cell is not None:
                figure.paste(cell, (_MARGIN + x * step, _MARGIN + y * step))
    draw = ImageDraw.Draw(figure)
    for x, title in enumerate(titles):
        place = (_MARGIN + x * step, len(rows) * step + _MARGIN)
        draw.text(place, f"({'abcde'[x]}) {title}", fill=(90, 90, 90))
    return figure
