"""Drawings from anywhere -> strokes of our pen, placed; what is refused, and in which words."""

import io
import sys
import zlib
from itertools import product

import aggdraw
import numpy as np
import pytest
from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter, ImageOps
from PIL.PngImagePlugin import PngInfo
from scipy import ndimage
from skimage.measure import find_contours

from deepfacepencil.errors import InputError
from deepfacepencil.provenance import DRAWING_KEY
from deepfacepencil.sketch import lines, pen, pictures, svg
from deepfacepencil.sketch.centrelines import _without_clutter, lines_of
from deepfacepencil.sketch.ink import _sheet, ink_of
from deepfacepencil.sketch.normalise import load_drawing, normalise_image, read_drawing
from deepfacepencil.sketch.paper import without_rules
from deepfacepencil.sketch.place import centre
from deepfacepencil.sketch.strokes import CANVAS, Strokes, through


def _arc(x, y, a, b, start=0, stop=360):
    angle = np.radians(np.linspace(start, stop, 24))
    return through(np.stack([x + a * np.cos(angle), y + b * np.sin(angle)], axis=1))


def _face() -> Strokes:
    """A face as a child might draw it, where the training faces are."""
    return Strokes.of(
        [
            _arc(256, 275, 138, 200),
            _arc(256, 260, 200, 230, 160, 380),
            *(_arc(x, 241, 26, 12) for x in (193, 319)),
            *(_arc(x, 214, 40, 12, 190, 350) for x in (193, 319)),
            _arc(256, 318, 30, 20, 0, 180),
            _arc(255, 380, 56, 18),
        ]
    )


def _drawn(
    strokes, size=(512, 512), width=3.0, colour="black", paper="white", scale=1.0, at=(0, 0)
):
    image = Image.new("RGB", size, paper)
    canvas, tool = aggdraw.Draw(image), aggdraw.Pen(colour, width)
    for line in strokes.polylines():
        canvas.line((line * scale + at).ravel().tolist(), tool)
    canvas.flush()
    return image


def _apart(one: Strokes, other: Strokes) -> float:
    """How far nearly all lines (98 %) of each drawing are from the other's, in canvas pixels."""
    drawings = [pen.draw(strokes, CANVAS) > 127 for strokes in (one, other)]
    away = [ndimage.distance_transform_edt(~drawing) for drawing in drawings]
    return max(float(np.percentile(away[1 - k][drawings[k]], 98)) for k in (0, 1))


def _shadow(size=512):
    y, x = np.mgrid[:size, :size] / size
    return 0.95 - 0.35 * x - 0.15 * y


def _lit(image, light):
    return Image.fromarray((np.asarray(image) * light[:, :, None]).astype(np.uint8))


def _grainy(image, sigma=6):
    noise = np.random.default_rng(0).normal(0, sigma, (image.height, image.width, 1))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def _on_a_table(image):
    table = Image.new("RGB", (700, 700), (60, 45, 40))
    table.paste(image, (90, 100))
    return table


def _ruled(drawing):
    image = Image.new("RGB", drawing.size, "white")
    canvas = ImageDraw.Draw(image)
    for y in range(10, image.height, 10):
        canvas.line((0, y, image.width, y), (170, 170, 190))
    return ImageChops.darker(image, drawing)


def _coloured_in(drawing):
    """With skin that was coloured in by strokes, which leave some of the paper within."""
    image = Image.new("RGB", drawing.size, "white")
    canvas = aggdraw.Draw(image)
    for number, x in enumerate(range(60, 760, 6)):
        x += number**2 % 3
        canvas.line((x, 60, x - 200, 480), aggdraw.Pen((215, 160, 120), 3))
    canvas.flush()
    skin = Image.new("L", image.size)
    ImageDraw.Draw(skin).ellipse((119, 76, 393, 474), 255)
    image.paste("white", mask=ImageOps.invert(skin))
    return ImageChops.darker(image, drawing)


def _see_through(image, colour):
    layer = Image.new("RGBA", image.size, colour)
    layer.putalpha(ImageOps.invert(image.convert("L")))
    return layer


VARIANTS = {
    "thin": lambda face: _drawn(face, width=1.5),
    "thick": lambda face: _drawn(face, width=8),
    "white on black": lambda face: ImageOps.invert(_drawn(face)),
    "grey": lambda face: _drawn(face).convert("L"),
    "one bit": lambda face: _drawn(face).convert("1"),
    "palette": lambda face: _drawn(face).convert("P"),
    "16 bit": lambda face: Image.fromarray(np.uint16(_drawn(face).convert("L")) * np.uint16(257)),
    "blue on cream": lambda face: _drawn(face, colour=(60, 60, 220), paper=(240, 225, 190)),
    "yellow": lambda face: _drawn(face, colour=(250, 220, 30)),
    "faint": lambda face: _drawn(face, colour=(222, 222, 222)),
    "black on nothing": lambda face: _see_through(_drawn(face), "black"),
    "white on nothing": lambda face: _see_through(_drawn(face), "white"),
    "uneven light": lambda face: _lit(_drawn(face), _shadow()),
    "photographed": lambda face: _grainy(_lit(_drawn(face, colour=(90, 90, 90)), _shadow())),
    "on a table": lambda face: _grainy(_on_a_table(_drawn(face))),
    "ruled, on a table": lambda face: _on_a_table(
        _ruled(_drawn(face, (330, 460), 2, scale=0.6, at=(10, 60)))
    ),
    "coloured in": lambda face: _coloured_in(_drawn(face, colour=(110, 60, 30))),
    "soft": lambda face: _drawn(face).filter(ImageFilter.GaussianBlur(2)),
    "small": lambda face: _drawn(face, (200, 200), 2, scale=200 / 512),
    "large": lambda face: _drawn(face, (1800, 1800), 9, scale=1800 / 512),
    "wide": lambda face: _drawn(face, (900, 512), at=(194, 0)),
    "tall": lambda face: _drawn(face, (512, 700), at=(0, 94)),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_drawing_gives_the_same_strokes(variant):
    image = VARIANTS[variant](_face())
    # A page of another form is another drawing until its face is placed.
    another = ("wide", "tall", "on a table", "ruled, on a table", "small")
    allowed = 14 if variant in another else 4
    assert _apart(normalise_image(image, variant), _face()) < allowed


@pytest.mark.parametrize(
    ("around", "inside", "margin", "found"),
    [
        (0.2, 0.95, 50, True), (0.2, 0.95, 110, True), (0.2, 0.95, 190, False),
        (0.85, 0.95, 50, False), (0.95, 0.2, 50, False), (0.95, 0.95, 50, False),
    ],
)  # fmt: skip
def test_a_sheet_is_what_is_large_and_bright_on_a_dark_table(around, inside, margin, found):
    grey = np.full((512, 384), around, np.float32)
    page = np.zeros(grey.shape, bool)
    page[margin:-margin, margin // 2 : -margin // 2] = True
    grey[page] = inside
    grey[250:254, 180:220] = 0.1
    sheet = _sheet(grey)
    assert sheet.all() != found
    if found:
        assert not sheet[~page].any() and sheet[page].mean() > 0.75


def test_a_few_strokes_stay_a_few_strokes():
    strokes = normalise_image(_drawn(_face(), width=8), "marker")
    assert len(strokes) < 2 * len(_face())


@pytest.mark.parametrize(("scale", "at"), [(0.12, (430, 400)), (0.3, (10, 20)), (0.5, (200, 240))])
@pytest.mark.parametrize("size", [(512, 512), (800, 600)])
def test_a_small_face_in_a_corner_is_brought_to_the_middle(scale, at, size):
    strokes = normalise_image(_drawn(_face(), size, 2, scale=scale, at=at), "small")
    assert _apart(strokes, _face()) < 30


def test_strokes_are_placed_without_a_detour_through_pixels():
    face = _face()
    np.testing.assert_array_equal(centre(face).points, face.points)
    moved = centre(face.with_points(face.points * 0.4 + (290, 20)))
    np.testing.assert_array_equal(moved.starts, face.starts)
    assert np.abs(moved.points - face.points).max() < 30
    for empty in (Strokes.of([]), Strokes.of([np.full((4, 2), 7.0)])):
        np.testing.assert_array_equal(centre(empty).points, empty.points)


PONYTAIL = [_arc(310, 150, 150 - 12 * k, 100 - 8 * k, 170, 380) for k in range(5)]
BUNS = [_arc(x, y, 60, 55) for x in (30, 270) for y in (60, 175)]


def _cartoon(eyes, mouth, apart=80):
    """An outline, eyes, brows and a mouth, as high as is said."""
    sides = (150 - apart / 2, 150 + apart / 2)
    return [
        _arc(150, 330, 100, 165),
        *(_arc(x, eyes, 20, 20) for x in sides),
        *(_arc(x, eyes - 35, 16, 5, 180, 360) for x in sides),
        _arc(150, mouth, 40, 14),
    ]


@pytest.mark.parametrize("hair", [PONYTAIL, BUNS])
def test_a_cartoon_is_placed_by_its_outline(hair):
    face = _cartoon(eyes=280, mouth=395)
    outline = next(iter(centre(Strokes.of(face + hair))))
    low, high = outline.min(axis=0), outline.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, (256, 278), atol=5)
    assert 300 < np.sqrt(np.prod(high - low)) < 360


@pytest.mark.parametrize("where", [(285, 425, 80), (280, 425, 80), (290, 395, 125)])
def test_a_face_drawn_too_long_or_too_wide_comes_out_smaller(where):
    """No training face has eyes and mouth farther apart than their crop allows."""
    eyes, mouth, apart = where
    placed = list(centre(Strokes.of(_cartoon(eyes, mouth, apart) + BUNS)))
    middles = [(line.min(axis=0) + line.max(axis=0)) / 2 for line in placed[:6]]
    np.testing.assert_allclose(middles[0], (256, 278), atol=5)
    between, down = middles[2][0] - middles[1][0], middles[5][1] - middles[1][1]
    assert max(between / 145, down / 150) == pytest.approx(1, abs=0.06)


def test_what_is_no_face_stays_where_it_is():
    line = Strokes.of([through(np.array([(20, 30), (480, 470)]))])
    np.testing.assert_array_equal(centre(line).points, line.points)


def test_pupils_become_rings_and_hair_an_outline():
    face = np.zeros((CANVAS, CANVAS), np.float32)
    y, x = np.mgrid[:CANVAS, :CANVAS]
    face[(np.hypot(x - 200, y - 300) < 9) | (np.abs(y - 450) < 2) & (np.abs(x - 256) < 150)] = 1
    hair = np.hypot(x - 256, y - 130) < 90
    hatched = hair & ((x + y) % 9 < 3)
    for mass in (hair, hatched):
        lines = lines_of(np.maximum(face, mass))
        to_pupil = np.hypot(*(np.argwhere(lines[270:330, 170:230]) - 30).T)
        assert len(to_pupil) > 30
        assert to_pupil.min() > 6
        to_hair = np.hypot(*(np.argwhere(lines[:250]) - (130, 256)).T)
        assert to_hair.min() > 75
        assert to_hair.max() < 100


def test_svg_drawings_are_placed_too(tmp_path):
    face = _face()
    svg.save(face, tmp_path / "face.svg")
    np.testing.assert_allclose(load_drawing(tmp_path / "face.svg").points, face.points, atol=0.006)
    svg.save(face.with_points(face.points * 0.3), tmp_path / "small.svg")
    (tmp_path / "small.svg").rename(tmp_path / "small.txt")
    assert _apart(load_drawing(tmp_path / "small.txt"), face) < 30


@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "jfif", "webp", "bmp", "gif", "tif", "avif", "heic", "pdf"]
)
def test_image_formats(suffix, tmp_path):
    if suffix in ("heic", "pdf"):
        pytest.importorskip({"heic": "pillow_heif", "pdf": "pypdfium2"}[suffix])
    _drawn(_face()).save(tmp_path / f"face.{suffix}")
    assert _apart(load_drawing(tmp_path / f"face.{suffix}"), _face()) < 4


def test_kinds_that_need_a_package_say_which(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    monkeypatch.setattr(pictures, "FORMATS", ("PNG",))
    for data in (b"%PDF-1.4\n", b"\0\0\0 ftypheic\0\0\0\0"):
        with pytest.raises(InputError, match=r"(?s)^drawing: .*\[formats\]"):
            read_drawing(io.BytesIO(data), "drawing")


@pytest.mark.parametrize("size", [512, 2500])
def test_scans_of_16_bits(size, tmp_path):
    grey = np.asarray(_drawn(_face()).convert("L").resize((size, size)), np.uint16) * 257
    Image.fromarray(grey).save(tmp_path / "face.png")
    assert _apart(load_drawing(tmp_path / "face.png"), _face()) < 4


def test_a_turned_photo_is_turned_back(tmp_path):
    image = _drawn(_face()).rotate(90)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held on its side
    image.save(tmp_path / "face.jpg", exif=exif, quality=95)
    assert _apart(load_drawing(tmp_path / "face.jpg"), _face()) < 4


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_scan_that_lies_on_its_side_is_turned_upright(degrees, tmp_path):
    page = _drawn(_face(), (900, 1200), scale=1.3, at=(90, 250)).rotate(degrees, expand=True)
    page.save(tmp_path / "face.png")
    upright = page.rotate(-degrees, expand=True)
    assert _apart(load_drawing(tmp_path / "face.png"), normalise_image(upright, "face")) < 6


def _bad(folder):
    """Files that cannot be used, and what is said about them."""
    face = _drawn(_face())
    face.save(folder / "whole.png")
    face.save(folder / "whole.jpg")
    whole = {kind: (folder / f"whole.{kind}").read_bytes() for kind in ("png", "jpg")}
    (folder / "text.png").write_text("a letter")
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(whole["png"][: len(whole["png"]) // 2])
    (folder / "cut.jpg").write_bytes(whole["jpg"][: len(whole["jpg"]) // 2])
    (folder / "image.svg").write_bytes(whole["png"])
    (folder / "program.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n")
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("RGB", (4000, 4)).save(folder / "thread.png")
    Image.new("L", (16, 300_000)).save(folder / "strip.png")
    Image.new("RGB", (300, 300), "white").save(folder / "white.png")
    Image.new("RGB", (300, 300), "black").save(folder / "black.png")
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(folder / "nothing.png")
    Image.new("1", (8000, 8000)).save(folder / "large.png")
    Image.new("1", (20_000, 20_000)).save(folder / "huge.png")
    return {
        "text.png": "no image", "empty.png": "no image", "program.eps": "no image",
        "cut.png": "broken", "cut.jpg": "broken",
        "image.svg": "not well-formed",
        "dot.png": "too small", "thread.png": "too small",
        "strip.png": "too narrow",
        "white.png": "no strokes", "black.png": "no strokes", "nothing.png": "no strokes",
        "large.png": "more than 50 megapixels", "huge.png": "more than 50 megapixels",
        "missing.png": "No such file", "missing.svg": "No such file", ".": "is a folder",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_unusable_is_refused_in_one_line(tmp_path):
    for name, complaint in _bad(tmp_path).items():
        with pytest.raises(InputError, match=complaint) as caught:
            load_drawing(tmp_path / name)
        message = str(caught.value)
        assert message.startswith(str(tmp_path / name))
        assert "\n" not in message


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    Image.new("1", (8000, 8000)).save(tmp_path / "large.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match="8000 x 8000 pixels"):
        load_drawing(tmp_path / "large.png")


def test_lines_that_a_tracing_program_filled_are_strokes(tmp_path):
    inked = np.asarray(_drawn(_face(), width=6).convert("L")) < 128
    outlines = ("L".join(f"{x:.1f} {y:.1f}" for y, x in o) for o in find_contours(inked, 0.5))
    path = "".join(f"M{outline}Z" for outline in outlines)
    (tmp_path / "traced.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><path d="{path}"'
        ' fill-rule="evenodd"/></svg>'
    )
    assert _apart(load_drawing(tmp_path / "traced.svg"), _face()) < 4


def test_a_photo_of_the_studio_is_the_drawing_inside(tmp_path):
    """The page writes it as text right after the head, so that the file's first kilobyte has it."""
    drawing = svg.to_svg(_face())
    said = PngInfo()
    said.add_itxt(DRAWING_KEY, drawing)
    path = tmp_path / "photo.png"
    Image.effect_noise((256, 256), 60).save(path, pnginfo=said)
    assert b"<svg" in path.read_bytes()[:1024]
    (tmp_path / "drawing.svg").write_text(drawing)
    np.testing.assert_array_equal(
        load_drawing(path).points, load_drawing(tmp_path / "drawing.svg").points
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_svg_may_begin_late_and_have_any_name(tmp_path, encoding):
    head = f'<?xml version="1.0" encoding="{encoding}"?><!--{"long " * 1000}-->'
    (tmp_path / "late").write_bytes((head + svg.to_svg(_face())).encode(encoding))
    (tmp_path / "drawing.svg").write_text(svg.to_svg(_face()))
    np.testing.assert_array_equal(
        load_drawing(tmp_path / "late").points, load_drawing(tmp_path / "drawing.svg").points
    )


def test_what_has_no_strokes_may_be_a_photo_and_is_told_what_makes_a_drawing_of_it(tmp_path):
    Image.new("RGB", (256, 256), "tan").save(tmp_path / "photo.png")
    with pytest.raises(InputError, match="`deepfacepencil sketch` makes drawings"):
        load_drawing(tmp_path / "photo.png")


@pytest.mark.parametrize(("skin", "sigma"), [("#5c3317", 12), ("#f1c8a0", 0)])
def test_lines_on_filled_skin_and_lips_are_lines_in_noise_too(skin, sigma):
    def coloured(image):
        canvas = ImageDraw.Draw(image)
        canvas.ellipse((118, 75, 394, 475), skin)
        canvas.ellipse((199, 362, 311, 398), "#c04848")
        return ImageChops.darker(image, _drawn(mouthed))

    mouthed = Strokes.of([*_face(), through(np.array([(199, 380), (256, 384), (311, 380)]))])
    image = coloured(Image.new("RGB", (512, 512), "white"))
    noise = np.random.default_rng(0).normal(0, sigma, (512, 512, 3))
    noisy = Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
    assert _apart(normalise_image(noisy, "coloured"), mouthed) < 6


def _ink(draw):
    image = Image.new("L", (512, 512), 0)
    draw(ImageDraw.Draw(image))
    return np.asarray(image, np.float32) / 255


@pytest.mark.parametrize(("step", "lean"), [(6, 40), (7, 10), (11, 25)])
def test_lines_around_what_is_hatched_with_a_ruler_stay(step, lean):
    hatched = Image.new("L", (512, 512))
    canvas = ImageDraw.Draw(hatched)
    for x in range(60, 440, step):
        canvas.line((x + lean, 120, x - lean, 240), 200, 1)
    around = Image.new("L", (512, 512))
    ImageDraw.Draw(around).ellipse((120, 60, 390, 330), 255)
    inside = np.where(np.asarray(around) > 0, np.asarray(hatched), 0)
    outline = _ink(lambda canvas: canvas.ellipse((119, 59, 391, 331), None, 255, 3)) > 0.5
    ink = np.maximum(inside.astype(np.float32) / 255, outline)
    lines = lines_of(without_rules(ink))
    assert (ndimage.distance_transform_edt(~lines)[outline] > 12).mean() < 0.02


@pytest.mark.parametrize("dark", [0.35, 1])
def test_a_pale_pen_is_whole_where_it_crosses_rules(dark):
    ink = np.zeros((512, 512), np.float32)
    ink[20::24] = ink[21::24] = 0.2
    y, x = np.mgrid[:512, :512]
    pen = (np.abs(np.hypot(x - 256, y - 256) - 150) < 1.5) & (np.abs(x - 256) > 60)
    left = without_rules(np.where(pen, np.float32(dark), ink))
    assert (left[pen] > 0.9 * dark).mean() > 0.99
    assert not left[~ndimage.binary_dilation(pen, iterations=4)].any()


@pytest.mark.parametrize(("gap", "joined"), [(4, True), (24, False)])
def test_a_pen_that_skipped_a_few_pixels_drew_one_line(gap, joined):
    def draw(canvas):
        canvas.line((100, 256, 250, 256), 255, 1)
        canvas.line((250 + gap, 256, 400, 256), 255, 1)

    _, parts = ndimage.label(lines_of(_ink(draw)), np.ones((3, 3)))
    assert parts == (1 if joined else 2)


def test_lines_that_pass_each_other_are_not_joined():
    def draw(canvas):
        canvas.line((100, 256, 250, 256), 255, 1)
        canvas.line((250, 260, 400, 260), 255, 1)

    _, parts = ndimage.label(lines_of(_ink(draw)), np.ones((3, 3)))
    assert parts == 2


def test_clutter_goes_and_single_short_strokes_stay():
    """A field of dashes is texture; a dash on its own is a freckle or a brow's hair."""
    lines = np.zeros((200, 200), bool)
    for x, y in product(range(40, 160, 14), range(40, 160, 5)):
        lines[y, x : x + 11] = True
    lines[190, 10:190] = lines[10, 10:21] = True  # a long line, a dash
    lines[20, 100:104] = True  # a speck
    left = _without_clutter(lines)
    assert not left[70:130, 70:130].any()
    assert left[190].sum() == 180 and left[10].sum() == 11
    assert not left[20].any()


@pytest.mark.parametrize("colour", ["#ffe600", "#ffb0c8", "#9ad8ff", "#b8f0a0"])
def test_light_pens_are_ink_as_dark_ones_are(colour):
    """Yellow on white is dark in one channel of three."""
    ink = ink_of(_drawn(_face(), colour=colour))
    darkest = 1 - np.array(ImageColor.getrgb(colour)).min() / 255
    assert np.percentile(ink, 99.5) > 0.55 * darkest


def _strip() -> bytes:
    image = Image.new("L", (16, 300_000), "white")
    image.paste(0, (4, 100, 7, 140))
    return _saved(image)


def _saved(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def _more_transparent_than_colours() -> bytes:
    data = _saved(_drawn(_face()).quantize(2), transparency=b"\xff\xff")
    at = data.index(b"tRNS") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    chunk = b"tRNS" + b"\xff" * 9
    whole = (9).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return data[:at] + whole + data[at + 12 + length :]


def _cut_after_its_drawing() -> bytes:
    about = PngInfo()
    about.add_itxt(DRAWING_KEY, lines.to_svg(_face()))
    data = _saved(Image.new("RGB", (256, 256)), pnginfo=about)
    return data[: data.index(b"IDAT") + 20]


@pytest.mark.parametrize(
    "data",
    [
        _strip,
        _more_transparent_than_colours,
        _cut_after_its_drawing,
        lambda: svg_with('<path d="M9 9L400 400" stroke="#000" stroke-width="1e30"/>'),
    ],
)
def test_what_ended_the_program_once_is_strokes_or_one_line(data):
    """Errors of libraries that are no InputError, one of them not even an Exception."""
    try:
        strokes = read_drawing(io.BytesIO(data()), "drawing")
    except InputError as problem:
        assert "\n" not in str(problem)
    else:
        assert len(strokes)


def svg_with(content: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">{content}</svg>'.encode()
