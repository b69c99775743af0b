"""Strokes to SVG and back; SVGs from outside, read with suspicion."""

import gzip
from xml.etree import ElementTree

import numpy as np
import pytest

from deepfacepencil.errors import InputError
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.seen import is_what_is_seen, on_paper
from deepfacepencil.sketch.strokes import CANVAS, UNKNOWN, Strokes, through
from deepfacepencil.sketch.trace import trace_labels

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
XLINK = OPEN.replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"')
LINE = '<path d="M10 20L30 40" stroke="black" fill="none"/>'


def _page(content: str) -> Strokes:
    return svg.parse(f"{OPEN}{content}</svg>", "page.svg")


def _ends(strokes: Strokes) -> list[list[float]]:
    """First and last point of each stroke, in the page's 100 units."""
    ends = np.concatenate(
        [strokes.points[strokes.starts[:-1]], strokes.points[strokes.starts[1:] - 1]], axis=1
    )
    return (ends / CANVAS * 100).round(3).tolist()


def test_our_own_files_come_back_as_they_were(face_labels, tmp_path):
    strokes = trace_labels(face_labels(3))
    svg.save(strokes, tmp_path / "face.svg")
    loaded = svg.load(tmp_path / "face.svg")
    np.testing.assert_allclose(loaded.points, strokes.points, atol=0.00501)
    np.testing.assert_array_equal(loaded.starts, strokes.starts)
    np.testing.assert_array_equal(loaded.classes, strokes.classes)
    assert svg.to_svg(loaded) == svg.to_svg(strokes)
    assert [file.name for file in tmp_path.iterdir()] == ["face.svg"]


def test_strokes_by_hand_stay_unknown():
    strokes = Strokes.of([through(np.array([(1, 2), (300, 40), (500, 511)]))])
    loaded = svg.parse(svg.to_svg(strokes), "hand.svg")
    assert loaded.classes.tolist() == [[UNKNOWN, UNKNOWN]]
    assert _page(LINE.replace("d=", 'data-classes="1 999" d=')).classes.tolist() == [[UNKNOWN] * 2]


def test_an_interrupted_save_leaves_the_old_file(face_labels, tmp_path, monkeypatch):
    path = tmp_path / "face.svg"
    path.write_text("old")

    def fail(strokes):
        raise KeyboardInterrupt

    monkeypatch.setattr(svg, "to_svg", fail)
    with pytest.raises(KeyboardInterrupt):
        svg.save(trace_labels(face_labels(0)), path)
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("shape", "ends"),
    [
        ('<path d="M1 2L3 4"/>', [[1, 2, 3, 4]]),
        ('<path d="m1 2 q2 2 4 0 t4 0"/>', [[1, 2, 9, 2]]),
        ('<path d="M1 2C1 3 2 4 5 6S7 8 9 9"/>', [[1, 2, 9, 9]]),
        ('<path d="M10 10A5 5 0 0 1 20 10"/>', [[10, 10, 20, 10]]),
        ('<path d="M1 1H9V9z"/>', [[1, 1, 1, 1]]),
        ('<path d="M1 1L2 2M5 5L6 6"/>', [[1, 1, 2, 2], [5, 5, 6, 6]]),
        ('<path d="M1 1M5 5L6 6M9 9"/>', [[5, 5, 6, 6]]),
        ('<line x1="1" y1="2" x2="3" y2="4"/>', [[1, 2, 3, 4]]),
        ('<polyline points="1,2 3,4 5,2"/>', [[1, 2, 5, 2]]),
        ('<polygon points="1,2 3,4 5,2"/>', [[1, 2, 1, 2]]),
        ('<circle cx="50" cy="50" r="10"/>', [[60, 50, 60, 50]]),
        ('<ellipse cx="50" cy="50" rx="10" ry="5"/>', [[60, 50, 60, 50]]),
        ('<rect x="5" y="5" width="10" height="20"/>', [[5, 5, 5, 5]]),
        ('<g transform="translate(10 0) scale(2)"><path d="M1 2L3 4"/></g>', [[12, 4, 16, 8]]),
        ('<svg width="50" viewBox="0 0 100 100"><path d="M2 0L4 0"/></svg>', [[1, 25, 2, 25]]),
        ('<defs><path id="a" d="M1 2L3 4"/></defs><use href="#a" x="5"/>', [[6, 2, 8, 4]]),
    ],
)  # fmt: skip
def test_every_shape_is_a_chain_of_curves(shape, ends):
    strokes = _page(f'<g fill="none" stroke="#123">{shape}</g>')
    assert _ends(strokes) == ends
    assert all(len(chain) % 3 == 1 for chain in strokes)


def test_curves_keep_their_form():
    circle = _page('<circle cx="50" cy="50" r="25" stroke="black" fill="none"/>')
    radius = np.linalg.norm(circle.polylines()[0] - CANVAS / 2, axis=1)
    np.testing.assert_allclose(radius, CANVAS / 4, atol=0.1)
    parabola = _page('<path d="M0 0Q50 100 100 0" stroke="black" fill="none"/>').polylines()[0]
    x, y = (parabola / CANVAS).T
    np.testing.assert_allclose(y, 2 * x * (1 - x), atol=1e-5)


@pytest.mark.parametrize(
    "unseen",
    [
        f'<g display="none">{LINE}</g>',
        f'<g style="display:none">{LINE}</g>',
        f'<g visibility="hidden">{LINE}</g>',
        '<path d="M1 1L9 9L1 9" fill="none"/>',
        '<rect width="100" height="100" fill="white"/><path d="M1 1L9 9L1 9" fill="#fff"/>',
        f'<g opacity="0.0">{LINE}</g>',
        '<style>.a{stroke:none;fill:none}</style><path class="a" d="M1 1L9 9L1 9"/>',
        '<rect width="100" height="100" fill="white"/>',
        '<rect width="100%" height="100%" fill="#ffe"/>',
        f"<defs>{LINE}</defs>",
        f'<clipPath id="c">{LINE}</clipPath>',
        '<text x="5" y="5">eye</text>',
        '<image width="5" height="5" href="data:image/png;base64,AAAA"/>',
    ],
)
def test_what_nobody_sees_is_no_stroke(unseen):
    assert _ends(_page(unseen + LINE)) == [[10, 20, 30, 40]]
    with pytest.raises(InputError, match=r"^page\.svg: has no strokes"):
        _page(unseen)


def test_white_lines_on_a_black_page_are_strokes():
    assert len(_page('<rect width="100" height="100"/><path d="M1 1L9 9" stroke="white"/>')) == 1


@pytest.mark.parametrize(
    ("root", "ends"),
    [
        ('<svg viewBox="0 0 200 100">', [5, 35, 15, 45]),
        ('<svg viewBox="0 0 50 100">', [35, 20, 55, 40]),
        ('<svg width="100mm" height="100mm" viewBox="0 0 100 100">', [10, 20, 30, 40]),
        ('<svg viewBox="10 20 100 100">', [0, 0, 20, 20]),
        ("<svg>", [0, 0, 100, 100]),
    ],
)
def test_the_page_is_fitted_into_the_middle(root, ends):
    strokes = svg.parse(f"{root}{LINE}</svg>", "page.svg")
    np.testing.assert_allclose(_ends(strokes), [ends], atol=0.002)


def test_a_doctype_and_other_encodings_are_fine():
    kind = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
    assert len(svg.parse(f"{kind}{OPEN}{LINE}</svg>", "page.svg")) == 1
    declared = f'<?xml version="1.0" encoding="utf-16"?>{OPEN}{LINE}</svg>'
    assert len(svg.parse(declared.encode("utf-16"), "page.svg")) == 1
    assert len(svg.parse(gzip.compress(declared.encode("utf-16")), "page.svgz")) == 1


def _bomb() -> str:
    """A line ten times ten times ten ..."""
    uses = [10 * f'<use href="#a{level}"/>' for level in range(9)]
    groups = "".join(f'<g id="a{level + 1}">{use}</g>' for level, use in enumerate(uses))
    return f'{OPEN}<defs><g id="a0">{LINE}</g>{groups}</defs><use href="#a9"/></svg>'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not well-formed"),
        ("a letter", "is not well-formed"),
        (bytes(range(256)), "is not well-formed"),
        (f'<?xml version="1.0" encoding="klingon"?>{OPEN}</svg>'.encode(), "is not well-formed"),
        (f"{OPEN}{LINE}", "is not well-formed"),
        ("<html/>", "is no SVG"),
        (f"{OPEN}</svg>", "has no strokes"),
        (f'{OPEN}<path stroke="red" d="M5 5z"/></svg>', "has no strokes"),
        (f'{OPEN}<path stroke="red" d="M1e999 0L5 5"/></svg>', "no finite numbers"),
        (f'{OPEN}<g transform="scale(1e300)">{LINE.replace("30", "1e300")}</g></svg>', "no finite"),
        (f'<svg viewBox="a b c d">{LINE}</svg>', "has no strokes"),
        (f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///x">]>{OPEN}{LINE}&a;</svg>', "XML entities"),
        (f'{OPEN}<g id="a">{LINE}<use href="#a"/></g></svg>', "too large or too deeply nested"),
        (_bomb(), "too large or too deeply nested"),
        (f"{OPEN}{200 * '<g>'}{LINE}{200 * '</g>'}</svg>", "too large or too deeply nested"),
        (f"{OPEN}<style>{8000 * '.b{fill:red}'}</style>{300 * LINE}</svg>", "too large or too"),
        (" " * (svg.MAX_BYTES + 1), "larger than 5 MB"),
        (gzip.compress(b" " * (svg.MAX_BYTES + 1)), "larger than 5 MB"),
        (gzip.compress(b" " * 999)[:20], "is not well-formed"),
    ],
)  # fmt: skip
def test_what_is_unusable_is_refused_in_one_line(text, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        svg.parse(text, "bad.svg")
    message = str(caught.value)
    assert message.startswith("bad.svg: ")
    assert "\n" not in message
    assert len(message) < 200


@pytest.mark.parametrize(
    "content",
    [
        f"{LINE}<script>alert(1)</script>",
        f'<g onload="alert(1)">{LINE}</g>',
        f'{LINE}<image xlink:href="http://example.org/a.png"/>',
        f'{LINE}<image href="file:///etc/passwd"/>',
        f'{LINE}<image width="9" height="9" href="data:image/svg+xml;base64,//8="/>',
        f'{LINE}<use href="other.svg#a"/>',
        f'<style>@import "a.css";</style>{LINE}',
        f'<style>@font-face {{ src: url("https://example.org/a.woff2") }}</style>{LINE}',
        f'{LINE}<path fill="url(http://example.org/#a)" d="M0 0L9 9"/>',
        f"<g style=\"filter: url( '//example.org/#a')\">{LINE}</g>",
        f'<a href="https://example.org">{LINE}</a>',
    ],
)
def test_what_is_elsewhere_is_left_out_and_the_rest_used(content):
    strokes = svg.parse(f"{XLINK}{content}</svg>", "page.svg")
    assert _ends(strokes) == [[10, 20, 30, 40]]
    tree = svg.read(f"{XLINK}{content}</svg>", "page.svg").root
    left = ElementTree.tostring(tree, "unicode").replace("http://www.w3.org", "")
    assert not any(word in left for word in ("http", "//", "other", "passwd", "alert", "a.css"))


def test_too_many_points_are_refused(monkeypatch):
    monkeypatch.setattr(svg, "MAX_POINTS", 200)
    assert len(_page(LINE.replace("L30 40", 66 * "h1"))) == 1
    with pytest.raises(InputError, match=r"^page\.svg: 202 points, more than 200: simplify"):
        _page(LINE.replace("L30 40", 67 * "h1"))


def test_entities_name_namespaces_and_nothing_else():
    declared = '<!DOCTYPE svg [<!ENTITY x "http://example.org/x/">]><svg xmlns:x="&x;"'
    assert len(svg.parse(f"{OPEN.replace('<svg', declared)}{LINE}</svg>", "page.svg")) == 1
    long = f'<!DOCTYPE svg [<!ENTITY x "{"x" * 1000}">]>'
    nested = '<!DOCTYPE svg [<!ENTITY x "y"><!ENTITY z "&x;&x;">]>'
    many = f'<!DOCTYPE svg [<!ENTITY x "y">]>{OPEN}<desc>{"&x;" * 200_000}</desc>'
    for text in (long + OPEN, nested + OPEN, many):
        with pytest.raises(InputError, match="XML entities"):
            svg.parse(f"{text}{LINE}</svg>", "page.svg")


def test_files_that_are_not_there(tmp_path):
    for path in (tmp_path / "none.svg", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            svg.load(path)


def test_a_traced_line_is_known_by_its_area():
    band = '<path d="M10 20L90 20L90 22L10 22Z"/>'
    assert svg.read(f"{OPEN}{band}</svg>", "page.svg").areas == 1
    assert svg.read(f"{OPEN}{LINE}{LINE}</svg>", "page.svg").areas == 0


def test_light_lines_on_nothing_are_lines():
    light = LINE.replace("black", "white")
    document = svg.read(f"{OPEN}{light}</svg>", "page.svg")
    assert _ends(document.strokes) == [[10, 20, 30, 40]]
    assert np.ptp(np.asarray(on_paper(document.picture(512)))) == 255


@pytest.mark.parametrize(
    "drawing",
    [
        '<path fill-rule="evenodd" d="M0 0H100V100H0ZM5 5V95H95V5Z"/>',
        '<circle cx="50" cy="50" r="50"/>',
    ],
)
def test_a_drawing_that_fits_its_page_is_not_the_paper(drawing):
    assert len(_page(drawing))


@pytest.mark.parametrize("size", [(100, 100), (100, 50), (50, 100)])
@pytest.mark.parametrize("drawn", ["<rect width='{}' height='{}'", "<path d='M0 0H{}V{}H0Z'"])
def test_a_page_with_a_line_around_it_is_the_paper(drawn, size):
    page = f'{drawn.format(*size)} fill="#eee" stroke="#ccc"/>'
    shaped = OPEN.replace("100 100", "{} {}".format(*size))
    assert len(svg.parse(f"{shaped}{page}{LINE}</svg>", "page.svg")) == 1
    zigzag = LINE.replace("10 20L30 40", "5 5L45 15L5 25L45 35L5 45")
    document = svg.read(f"{shaped}{zigzag}</svg>", "page.svg")
    for content, same in ((zigzag, True), (zigzag + LINE.replace("L", "H"), False)):
        picture = svg.read(f"{shaped}{content}</svg>", "page.svg").picture(CANVAS)
        assert is_what_is_seen(document.strokes, document.widths, on_paper(picture)) == same


@pytest.mark.parametrize("root", ["", 'width="9" height="3"', 'viewBox="10 20 100 100" width="9"'])
@pytest.mark.parametrize(
    "d", ["M500 320L530 340L510 390", "M500 320H600", "M-90 32V-80", "M900 20L700 390H800"]
)
def test_what_is_drawn_beside_its_page_is_seen_whole(root, d):
    content = f'<path d="{d}" stroke="black" fill="none"/>'
    document = svg.read(
        f'<svg xmlns="http://www.w3.org/2000/svg" {root}>{content}</svg>', "page.svg"
    )
    low, high = document.strokes.points.min(axis=0), document.strokes.points.max(axis=0)
    np.testing.assert_allclose(low + high, CANVAS, atol=0.01)
    assert (high - low).max() == pytest.approx(CANVAS, abs=0.01)
    picture = on_paper(document.picture(CANVAS))
    assert is_what_is_seen(document.strokes, document.widths, picture)


def test_a_drawing_that_reaches_out_of_its_page_is_not_beside_it():
    assert _ends(_page(LINE.replace("30 40", "130 40"))) == [[10, 20, 130, 40]]


@pytest.mark.parametrize("page", ["0 0 100 0.01", "0 0 0.01 100"])
def test_pictures_of_thin_pages_are_small(page):
    thin = OPEN.replace("<svg", '<svg width="101" height="101"').replace("0 0 100 100", page)
    picture = svg.read(f"{thin}{LINE}</svg>", "page.svg").picture(1024)
    assert max(picture.size) <= 1024


@pytest.mark.parametrize("size", ['width="1em" height="1em"', 'width="50"', 'height="0"'])
def test_the_view_box_says_what_the_page_is(size):
    sized = OPEN.replace("<svg", f"<svg {size}")
    assert _ends(svg.parse(f"{sized}{LINE}</svg>", "page.svg")) == [[10, 20, 30, 40]]


@pytest.mark.parametrize(
    "content",
    [
        f'<symbol id="s" viewBox="0 0 40 40">{LINE}</symbol><use href="#s" width="9" height="9"/>',
        f'<svg x="50" y="50" width="50" height="50">{LINE}</svg>',
        f'<g transform="rotate(90)" transform-origin="50 50">{LINE}</g>',
    ],
)
def test_what_svgelements_misplaces_is_not_what_is_seen(content):
    document = svg.read(f"{OPEN}{content}</svg>", "page.svg")
    picture = on_paper(document.picture(CANVAS))
    assert not is_what_is_seen(document.strokes, document.widths, picture)


@pytest.mark.parametrize(
    "drawn",
    [
        '<g filter="url(#f)">{}</g>',
        '<g style="fill:red;filter:url(#f)">{}</g>',
        "<style>.a{{filter:url(#f)}}</style><g class='a'>{}</g>",
    ],
)
def test_a_filter_hides_nothing(drawn):
    content = '<filter id="f"><feOffset dx="1"/></filter>' + drawn.format(LINE)
    picture = svg.read(f"{OPEN}{content}</svg>", "page.svg").picture(1024)
    assert np.asarray(on_paper(picture)).min() < 128


def test_the_picture_of_a_document_is_on_white_and_has_its_shape():
    wide = OPEN.replace("0 0 100 100", "0 0 100 50")
    content = '<path d="M10 20L90 20L90 22L10 22Z"/><text x="10" y="45">x</text>'
    picture = svg.read(f"{wide}{content}</svg>", "page.svg").picture(1024)
    assert picture.size == (1024, 512)
    pixels = np.asarray(on_paper(picture).convert("L")) < 128
    rows, columns = np.nonzero(pixels)
    assert (rows.min(), rows.max()) == pytest.approx((205, 225), abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((102, 921), abs=1)


@pytest.mark.parametrize("size", [0.01, 0.5, 3.2, 16.4])
def test_a_page_of_a_few_pixels_is_seen_whole(size):
    """resvg rounds the size of a page to pixels."""
    tiny = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">'
    content = f'<g transform="scale({size / 100})">{LINE}</g>'
    picture = svg.read(f"{tiny}{content}</svg>", "page.svg").picture(CANVAS)
    y, x = np.nonzero(np.asarray(on_paper(picture).convert("L")) < 128)
    ends = np.array([x.min(), y.min(), x.max(), y.max()]) / CANVAS * 100
    np.testing.assert_allclose(ends, [10, 20, 30, 40], atol=1)
