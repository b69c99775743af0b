"""What a model of portraits keeps of a drawing and of what is asked: shares and distances (ours).

    python benchmarks/portraits.py FACES PARSER OUTPUT [--model MODEL.onnx] [--photos N]

FACES has photos/ and labels/ that the model never saw; PARSER is a folder whose parse.py has a
Parser that labels photos with the 19 classes. OUTPUT gets a sheet for each part:
shown: of faces with glasses or hats, the drawing with lines inside its regions, and the share of
photos that show it.
bearded: the same for the faces that --bearded names, to be looked at.
asked: median CIEDE2000 between a hair and skin asked for and the median colour shown.
variants: 16 people of a drawing, ST-LPIPS between them and landmarks to their mean.
unfinished: examples/ by every tenth stroke, the share with a face.
groups: landmarks, faces found and the CIEDE2000 of the skin when it is asked for, by thirds of the
true skin's lightness; and by age where --ages has it, a CSV with file,age_years.
aged: OUTPUT/aged/AGE/, photos of drawings with ages asked for, for a network that judges age.
wrinkled: OUTPUT/wrinkled/without/ and with/, of drawings without and with wrinkles, likewise.
curly: how curly the hair of photos of drawings looks without and with curls, by sketch/curls.py.
"""

import argparse
import csv
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from models import landmark_error
from numpy.typing import NDArray
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from deepfacepencil.data.landmarks import eyes, find_landmarks
from deepfacepencil.data.photos import read_labels
from deepfacepencil.data.portraits import colours_of
from deepfacepencil.evaluation.features import load_alexnet
from deepfacepencil.images import read_photo
from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.runtime.engine import BUNDLED, Engine
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.curls import curl_strokes, curliness
from deepfacepencil.sketch.drawn import AS_PEOPLE_DRAW
from deepfacepencil.sketch.inner import inner_strokes
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.pen import picture
from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.sketch.trace import trace_labels
from deepfacepencil.sketch.unfinished import first_of
from deepfacepencil.sketch.wrinkles import wrinkle_strokes

Pixels = NDArray[np.uint8]
WORN = {"eye_g": 0.008, "hat": 0.04}  # the share of a photo from which on it is worn
SHOWN = 10
_OLD = 70.0  # years of those whose wrinkles are drawn
HAIR = ("#1d1a19", "#5f412b", "#cfa667", "#8a4526", "#9a9690", "#dedad2")
SKIN = ("#e6b899", "#d09f7c", "#b97d56", "#8a5a3b", "#573422")


class Bench:
    """A model, the photos that it never saw, and what reads its own."""

    def __init__(self, given: argparse.Namespace) -> None:
        sys.path.insert(0, str(given.parser))
        from parse import Parser  # type: ignore[import-not-found]

        self.parse, self.engine, self.output = Parser(1), Engine(given.model), given.output
        self.bearded = set(given.bearded)
        self.ages: dict[str, float] = {}
        if given.ages:
            with given.ages.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if row["age_years"]]
            self.ages = {Path(row["file"]).stem: float(row["age_years"]) for row in rows}
        names = sorted(path.stem for path in (given.faces / "labels").glob("*.png"))
        self.names = names[: given.photos]
        self.labels = [read_labels(given.faces / "labels" / f"{n}.png") for n in self.names]
        self.photos = [
            np.asarray(read_photo(given.faces / "photos" / f"{n}.jpg", 256)) for n in self.names
        ]
        self.output.mkdir(parents=True, exist_ok=True)

    def drawing(self, index: int) -> Strokes:
        """Borders and the lines inside them, as people draw both, but in their true places."""
        labels = self.labels[index]
        inner = inner_strokes(self.photos[index], labels)
        rng = np.random.default_rng(index)
        return AS_PEOPLE_DRAW.aligned(trace_labels(labels), inner, rng)

    def labels_of(self, photo: Pixels) -> Pixels:
        return self.parse(Image.fromarray(photo))

    def keep(self, photo: Pixels, folder: str, index: int) -> None:
        """Write a photo of face `index` as a file of a folder of OUTPUT."""
        path = self.output / folder / f"{self.names[index]}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(path, quality=95)

    def sheet(self, name: str, rows: list[list[Pixels]]) -> None:
        side = max(len(row) for row in rows)
        blank = np.full((256, 256, 3), 255, np.uint8)
        filled = [np.hstack((row + [blank] * side)[:side]) for row in rows]
        Image.fromarray(np.vstack(filled)).resize((160 * side, 160 * len(rows))).save(
            self.output / f"{name}.png"
        )


def shown(bench: Bench) -> None:
    """The share of photos that show what was drawn."""
    for name, share in WORN.items():
        number = CLASSES.index(name)
        found, drawings, made = [], [], []
        for index, labels in enumerate(bench.labels):
            if (labels == number).mean() < share:
                continue
            strokes = bench.drawing(index)
            photo = bench.engine(strokes, seed=index).photo
            found.append((bench.labels_of(photo) == number).mean() >= share / 2)
            drawings.append(np.stack([picture(strokes, 256)] * 3, -1))
            made.append(photo)
        print(f"{name} drawn {len(found)} times, shown {np.mean(found):.2f}", flush=True)
        bench.sheet(name, [drawings[:SHOWN], made[:SHOWN]])


def bearded(bench: Bench) -> None:
    """The faces that are said to have beards, their drawings and photos: to be looked at."""
    rows: list[list[Pixels]] = [[], [], []]
    for index, name in enumerate(bench.names):
        if name in bench.bearded:
            strokes = bench.drawing(index)
            photo = bench.engine(strokes, seed=index).photo
            drawn = np.stack([picture(strokes, 256)] * 3, -1)
            for row, tile in zip(rows, (bench.photos[index], drawn, photo), strict=True):
                row.append(tile)
    bench.sheet("bearded", rows)


def asked(bench: Bench) -> None:
    """How far a colour that was asked for is from the one that is shown."""
    for what, row, colours in (("hair", 1, HAIR), ("skin", 0, SKIN)):
        away, tiles = [], []
        for index in range(min(40, len(bench.names))):
            colour = Image.new("RGB", (1, 1), colours[index % len(colours)]).getpixel((0, 0))
            wanted = Appearance(**{what: colour})  # type: ignore[arg-type]
            photo = bench.engine(bench.drawing(index), appearance=wanted, seed=index).photo
            seen = colours_of(photo, bench.labels_of(photo))[row]
            tiles.append(photo)
            if seen[0] >= 0:
                pair = [np.array(c, float) / 255 for c in (colour, seen)]
                away.append(float(deltaE_ciede2000(*map(rgb2lab, pair))))
        middle, most = np.percentile(away, (50, 75))
        print(f"{what}: CIEDE2000 {middle:.1f} (median of {len(away)}), {most:.1f} at 75 %")
        bench.sheet(what, [tiles[i : i + len(colours)] for i in range(0, 18, len(colours))])


def variants(bench: Bench) -> None:
    """How much 16 people of one drawing differ, and how much their landmarks do."""
    alexnet = load_alexnet(torch.device("cpu"))
    apart, moved, rows = [], [], []
    for index in range(0, min(40, len(bench.names)), 5):
        photos = [bench.engine(bench.drawing(index), seed=seed).photo for seed in range(16)]
        rows.append(photos[:SHOWN])
        pairs = list(combinations(range(16), 2))[::6]
        one, other = (np.stack([photos[pair[n]] for pair in pairs]) for n in (0, 1))
        distances = alexnet.distance(alexnet.features(one), alexnet.features(other))
        apart.append(float(np.mean(distances)))
        marks = [m for m in (find_landmarks(photo, False) for photo in photos) if m is not None]
        mean = np.mean(marks, axis=0)
        left, right = (mean[side].mean(0) for side in eyes())
        between = np.linalg.norm(left - right)
        moved.append(np.mean([np.linalg.norm(m - mean, axis=1).mean() for m in marks]) / between)
    print(f"variants: ST-LPIPS {np.mean(apart):.3f}; landmarks {np.mean(moved):.3f}", flush=True)
    bench.sheet("variants", rows)


def unfinished(bench: Bench) -> None:
    """Whether a face is in the photo from the first stroke on."""
    found, sure, rows = [], {1: [], 10: []}, []
    for path in sorted(Path("examples").glob("*.svg"))[:8]:
        strokes = svg.load(path)
        row = []
        for count in [1, *range(10, len(strokes) + 1, 10)]:
            drawn = bench.engine(first_of(strokes, count), seed=1)
            found.append(find_landmarks(drawn.photo, False) is not None)
            row.append(drawn.photo)
            if count in sure:
                sure[count].append(round(drawn.face, 2))
        rows.append(row[:SHOWN])
    print(f"unfinished: a face in {sum(found)} of {len(found)}; certainty {sure}", flush=True)
    bench.sheet("unfinished", rows)


def groups(bench: Bench) -> None:
    """Whom the model serves worse."""
    light, errors, away, ages = [], [], [], []
    for index, name in enumerate(bench.names):
        truth, labels = bench.photos[index], bench.labels[index]
        true = colours_of(truth, labels)[0]
        if true[0] < 0:
            continue
        wanted = Appearance(skin=tuple(int(c) for c in true))  # type: ignore[arg-type]
        photo = bench.engine(bench.drawing(index), appearance=wanted, seed=index).photo
        seen = colours_of(photo, bench.labels_of(photo))[0]
        pair = [rgb2lab(np.array(c, float) / 255) for c in (true, seen)]
        light.append(float(pair[0][0]))
        away.append(float(deltaE_ciede2000(*pair)) if seen[0] >= 0 else np.nan)
        errors.append(landmark_error(photo, truth))
        ages.append(bench.ages.get(name, np.nan))
    splits = {
        "skin": (np.array(light), np.percentile(light, (100 / 3, 200 / 3))),
        "age": (np.array(ages), np.array((18, 50))),
    }
    for what, (values, edges) in splits.items():
        known = np.isfinite(values)
        for group in range(3):
            chosen = known & (np.digitize(values, edges) == group)
            if not chosen.any():
                continue
            error, off = np.array(errors)[chosen], np.array(away)[chosen]
            bounds = f"{values[chosen].min():.0f} to {values[chosen].max():.0f}"
            print(
                f"{what} {bounds}: {chosen.sum()} faces, landmarks {np.nanmean(error):.3f}, found"
                f" {np.isfinite(error).mean():.2f}, skin off by {np.nanmedian(off):.1f}",
                flush=True,
            )


def aged(bench: Bench) -> None:
    """Photos of the same drawings at four ages."""
    rows = []
    for age in (8, 25, 45, 70):
        rows.append([])
        for index in range(min(30, len(bench.names))):
            wanted = Appearance(age=age)
            photo = bench.engine(bench.drawing(index), appearance=wanted, seed=index).photo
            bench.keep(photo, f"aged/{age}", index)
            rows[-1].append(photo)
    bench.sheet("aged", [row[:SHOWN] for row in rows])


def wrinkled(bench: Bench) -> None:
    """Photos of the same drawings without wrinkles and with those of somebody old."""
    pairs = _with_and_without(
        bench, "wrinkled", lambda labels, rng: wrinkle_strokes(labels, _OLD, rng)
    )
    for index, pair in enumerate(pairs):
        for kind, photo in zip(("without", "with"), pair, strict=True):
            bench.keep(photo, f"wrinkled/{kind}", index)


def curly(bench: Bench) -> None:
    """Photos of the same drawings without curls and with them."""
    pairs = _with_and_without(bench, "curly", curl_strokes)
    looks = [[curliness(photo, bench.labels_of(photo)) for photo in pair] for pair in pairs]
    without, with_curls = np.array(looks).T
    more = (with_curls > without).mean()
    print(
        f"curly: {np.mean(without):.2f} without, {np.mean(with_curls):.2f} with, more in {more:.2f}"
        f" of {len(pairs)}",
        flush=True,
    )


def _with_and_without(
    bench: Bench, name: str, strokes: Callable[[Pixels, np.random.Generator], Strokes]
) -> list[tuple[Pixels, Pixels]]:
    """The photos of 30 drawings, and of the same with `strokes` for their labels."""
    pairs: list[tuple[Pixels, Pixels]] = []
    for index, labels in enumerate(bench.labels[:30]):
        drawing = trace_labels(labels)
        more = drawing.joined(strokes(labels, np.random.default_rng(index)))
        first, second = (bench.engine(d, seed=index).photo for d in (drawing, more))
        pairs.append((first, second))
    bench.sheet(name, [[pair[k] for pair in pairs[:SHOWN]] for k in (0, 1)])
    return pairs


PARTS = {
    "shown": shown,
    "bearded": bearded,
    "asked": asked,
    "variants": variants,
    "unfinished": unfinished,
    "groups": groups,
    "aged": aged,
    "wrinkled": wrinkled,
    "curly": curly,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("parser", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", type=Path, default=BUNDLED)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--ages", type=Path)
    parser.add_argument("--bearded", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    bench = Bench(given)
    for part in given.parts:
        PARTS[part](bench)


if __name__ == "__main__":
    main()
