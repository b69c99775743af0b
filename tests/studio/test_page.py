"""The page in a browser, as a hand uses it: Debian's chromium, driven by Playwright.

The engine is the copyist of conftest.py: what is drawn is seen in the photo, whatever the weights.
"""

import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from deepfacepencil.provenance import SENTENCE, XMP, XMP_KEY, saved_as
from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.runtime.engine import QUICK
from deepfacepencil.runtime.settings import Settings, drawing_inside, read_settings
from deepfacepencil.sketch.strokes import Strokes, through

from .conftest import Copyist, Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FACE = {
    "outline": ((256, 281), (140, 195)),
    "left eye": ((193, 241), (26, 11)),
    "right eye": ((319, 241), (26, 11)),
    "nose": ((256, 320), (32, 12)),
    "mouth": ((256, 381), (58, 18)),
}
Point = tuple[float, float]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Copyist())
    yield running
    running.stop()


class Hand:
    """Somebody at the page. Places are on the paper's 512 x 512."""

    def __init__(self, browser: "Browser", running: Running, **context: object) -> None:
        size = {"width": 1280, "height": 800}
        self.context = browser.new_context(**{"viewport": size, **context})
        self.context.set_default_timeout(180_000)  # machines are busy at times
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(running.address)
        self.until(lambda: self.state() == "ready")

    def until(self, holds: Callable[[], object], seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "waited in vain"
            self.page.wait_for_timeout(30)

    def state(self) -> str:
        return str(self.page.locator("#meter").get_attribute("data-state"))

    def on_screen(self, place: Point) -> Point:
        box = self.page.locator("#paper").bounding_box()
        assert box
        return box["x"] + place[0] * box["width"] / 512, box["y"] + place[1] * box["height"] / 512

    def drag(self, places: Sequence[Point]) -> None:
        first, *rest = map(self.on_screen, places)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for place in rest:
            self.page.mouse.move(*place)
        self.page.mouse.up()

    def pointer(self, device: str, number: int, kind: str, place: Point) -> None:
        """What the browser says of a finger or pen."""
        x, y = self.on_screen(place)
        self.page.evaluate(
            """([pointerType, pointerId, kind, clientX, clientY]) => {
              const about = { pointerId, clientX, clientY, pointerType, bubbles: true, button: 0 };
              document.getElementById("paper").dispatchEvent(new PointerEvent(kind, about));
            }""",
            [device, number, f"pointer{kind}", x, y],
        )

    def draw(self, feature: str) -> None:
        (x, y), (rx, ry) = FACE[feature]
        turn = np.linspace(0, 2 * np.pi, 25)
        self.drag([(x + rx * np.cos(t), y + ry * np.sin(t)) for t in turn])

    def line(self, *places: Point) -> None:
        """A straight stroke through places, in steps as a hand has them."""
        steps = []
        for (ax, ay), (bx, by) in pairwise(places):
            steps += [(ax + (bx - ax) * k / 10, ay + (by - ay) * k / 10) for k in range(11)]
        self.drag(steps)

    def photo(self) -> str:
        """The photo's pixels at 256 px: at rest it is shown larger, with the same ones."""
        return str(
            self.page.evaluate(
                """() => {
                  const small = new OffscreenCanvas(256, 256).getContext("2d");
                  small.imageSmoothingEnabled = false;
                  small.drawImage(document.getElementById("photo"), 0, 0, 256, 256);
                  return small.getImageData(0, 0, 256, 256).data.join();
                }"""
            )
        )

    def seeing_the_photo_change(self, does: Callable[[], object]) -> None:
        self.settle()
        before = self.photo()
        does()
        self.until(lambda: self.photo() != before)
        self.settle()

    def settle(self) -> None:
        """Until the photo is of the newest drawing."""
        self.until(lambda: self.page.evaluate("document.body.dataset.photo") == "current")

    def save(self, kind: str) -> bytes:
        self.page.click("#save")
        with self.page.expect_download() as download:
            self.page.click(f"#saving button[value={kind}]")
        return Path(download.value.path()).read_bytes()

    def strokes(self) -> list[str]:
        """The path of every stroke, as saved."""
        if self.page.is_disabled("#save"):
            return []
        return re.findall(r' d="([^"]+)"', self.save("svg").decode())

    def open(self, name: str, data: bytes) -> None:
        files = [{"name": name, "mimeType": "", "buffer": data}]
        self.page.set_input_files("#file", files)

    def kept(self) -> None:
        self.page.wait_for_timeout(50)
        self.until(lambda: self.page.evaluate("document.body.dataset.kept") == "yes")


def start(path: str) -> Point:
    """Where a stroke begins."""
    x, y = map(float, re.findall(r"[\d.]+", path)[:2])
    return x, y


@pytest.fixture
def hand(browser: "Browser", running: Running) -> Iterator[Hand]:
    hand = Hand(browser, running)
    yield hand
    hand.context.close()
    assert not hand.problems
    outside = [url for url in hand.requests if not url.startswith((running.address, "blob:"))]
    assert not outside


def test_a_face_is_drawn_and_the_photo_follows(hand: Hand) -> None:
    hints: list[str] = []
    box = hand.page.locator("#paper").bounding_box()
    assert "eyes" in hand.page.inner_text("#begin")
    for feature in FACE:
        hand.seeing_the_photo_change(lambda feature=feature: hand.draw(feature))
        hand.page.wait_for_timeout(150)
        hints.append(hand.page.inner_text("#unsure, #hint >> visible=true"))
    assert "Draw the eyes next" in hints[0]
    assert hand.page.is_hidden("#unsure")
    assert hand.page.locator("#paper").bounding_box() == box  # nothing moves it under the hand
    assert hints[-1] == ""
    assert "ms" in hand.page.inner_text("#meter")
    assert len(hand.strokes()) == 5


def test_a_face_is_asked_to_move_only_where_it_is_elsewhere(hand: Hand) -> None:
    for feature in ("left eye", "right eye", "nose", "mouth"):
        hand.draw(feature)
    hand.settle()
    assert hand.page.is_hidden("#place")
    hand.page.click("#clear")
    for y in (20, 40, 60, 80):
        hand.line((20, y), (60, y))
    hand.until(lambda: hand.page.is_visible("#place"))


def test_the_photo_changes_while_the_stroke_is_drawn(hand: Hand) -> None:
    hand.page.mouse.move(*hand.on_screen((150, 200)))
    hand.page.mouse.down()
    for x in (200, 250, 300):
        hand.seeing_the_photo_change(
            lambda x=x: hand.page.mouse.move(*hand.on_screen((x, 220)), steps=5)
        )
    hand.page.mouse.up()
    assert len(hand.strokes()) == 1


def test_undo_redo_and_clear(hand: Hand) -> None:
    hand.draw("outline")
    hand.draw("mouth")
    whole = hand.strokes()
    hand.page.keyboard.press("Control+z")
    assert hand.strokes() == whole[:1]
    hand.page.mouse.move(*hand.on_screen((100, 100)))
    hand.page.mouse.down()
    hand.page.mouse.move(*hand.on_screen((200, 100)))
    hand.page.keyboard.press("Escape")
    hand.page.mouse.move(*hand.on_screen((300, 100)))
    hand.page.mouse.up()
    assert hand.strokes() == whole[:1]  # what was begun was given up
    hand.page.click("#undo")
    assert hand.strokes() == []
    assert hand.page.is_disabled("#undo")
    hand.page.keyboard.press("Control+Shift+z")
    hand.page.click("#redo")
    assert hand.strokes() == whole
    hand.page.click("#clear")
    assert hand.strokes() == []
    hand.page.click("#undo")
    assert hand.strokes() == whole


def test_the_eraser_takes_parts_or_whole_strokes(hand: Hand) -> None:
    hand.line((100, 200), (400, 200))
    hand.line((100, 300), (400, 300))
    hand.page.keyboard.press("e")
    hand.line((250, 180), (250, 220))
    assert sorted(round(start(path)[1]) for path in hand.strokes()) == [200, 200, 300]
    hand.page.click("#whole")
    hand.line((300, 280), (300, 320))
    assert [round(start(path)[1]) for path in hand.strokes()] == [200, 200]


def test_the_eraser_takes_what_it_touches_when_zoomed_in(hand: Hand) -> None:
    hand.line((100, 256), (400, 256))
    for _ in range(10):
        hand.page.keyboard.press("+")
    assert hand.page.inner_text("#fit") == "800%"
    hand.page.keyboard.press("e")
    hand.page.fill("#reach", hand.page.get_attribute("#reach", "min") or "")
    hand.drag([(200, 60), (200, 470)])
    assert len(hand.strokes()) == 2


def test_what_is_undone_is_not_chosen_any_more(hand: Hand) -> None:
    hand.line((100, 100), (200, 100))
    whole = hand.strokes()
    hand.page.keyboard.press("v")
    hand.page.mouse.click(*hand.on_screen((150, 100)))
    hand.page.keyboard.press("Control+z")
    hand.page.keyboard.press("ArrowDown")
    hand.page.keyboard.press("Control+y")
    assert hand.strokes() == whole


def test_strokes_may_leave_the_paper(hand: Hand) -> None:
    hand.line((100, 100), (400, 400))
    hand.page.keyboard.press("Control+a")
    for _ in range(40):
        hand.page.keyboard.press(">")  # seven times as large
    hand.page.keyboard.press("p")
    hand.seeing_the_photo_change(lambda: hand.draw("outline"))
    saved, strokes = hand.save("svg"), hand.strokes()
    assert start(strokes[0])[0] > 500  # the number without its sign
    hand.page.click("#new")
    hand.until(lambda: hand.page.is_disabled("#save"))
    hand.open("mine.svg", saved)
    hand.until(lambda: not hand.page.is_disabled("#save"))
    assert hand.strokes() == strokes


def test_mirror_drawing_has_a_movable_axis(hand: Hand) -> None:
    hand.page.keyboard.press("m")
    hand.line((100, 200), (200, 200))
    assert len(hand.strokes()) == 2
    starts = [start(path)[0] for path in hand.strokes()]
    assert sum(starts) == pytest.approx(512, abs=0.3)
    hand.drag([(256, 16), (280, 16), (300, 16)])
    hand.line((100, 300), (200, 300))
    starts = [start(path)[0] for path in hand.strokes()[2:]]
    assert sum(starts) == pytest.approx(600, abs=4)


def test_strokes_are_selected_moved_scaled_and_deleted(hand: Hand) -> None:
    hand.line((100, 100), (200, 100))
    hand.line((100, 300), (300, 300))
    before = hand.strokes()
    hand.page.keyboard.press("v")
    hand.drag([(150, 100), (160, 130), (170, 150)])
    moved = hand.strokes()
    assert moved[1] == before[1]
    assert start(moved[0])[1] == pytest.approx(150, abs=2)
    hand.page.keyboard.press("ArrowDown")
    assert start(hand.strokes()[0])[1] == pytest.approx(151, abs=2)
    hand.drag([(80, 80), (450, 450)])
    hand.page.keyboard.press(">")
    assert hand.strokes() != moved
    hand.page.keyboard.press("Delete")
    assert hand.strokes() == []


def points(path: str) -> np.ndarray:
    """The points that a saved stroke was drawn through."""
    numbers = np.array([float(one) for one in re.findall(r"-?[\d.]+", path)])
    return np.concatenate([numbers[:2], numbers[2:].reshape(-1, 6)[:, 4:].ravel()]).reshape(-1, 2)


def test_strokes_are_flipped_turned_stretched_and_grouped(hand: Hand) -> None:
    hand.line((100, 100), (200, 100))
    hand.line((100, 300), (300, 340))
    hand.page.keyboard.press("v")
    hand.page.mouse.click(*hand.on_screen((150, 100)))
    hand.page.click("#flip")
    flipped = points(hand.strokes()[0])
    assert flipped[0][0] > flipped[-1][0]
    hand.page.keyboard.press(".")
    turned = points(hand.strokes()[0])
    rise = turned[0] - turned[-1]
    assert abs(np.degrees(np.arctan2(rise[1], rise[0]))) == pytest.approx(5, abs=0.5)
    hand.page.click("#all")
    hand.page.click("#group")
    before = [points(path) for path in hand.strokes()]
    hand.page.keyboard.press("Escape")
    hand.page.mouse.click(*hand.on_screen((150, 100)))  # one of a group: all of it
    hand.page.keyboard.press(")")
    for was, path in zip(before, hand.strokes(), strict=True):
        now = points(path)
        np.testing.assert_allclose(np.ptp(now[:, 0]), 1.05 * np.ptp(was[:, 0]), atol=0.3)
        np.testing.assert_allclose(np.ptp(now[:, 1]), np.ptp(was[:, 1]), atol=0.3)
    hand.page.click("#duplicate")
    assert len(hand.strokes()) == 4


def test_a_group_after_a_reload_is_a_new_one(hand: Hand) -> None:
    groups = hand.page.evaluate(
        """async () => {
          const { Editor, blank, grouped } = await import("./drawing.js");
          const strokes = [1, 2, 3].map((id) => ({ id, points: [[9, 9, 0.5]], group: 1e5 }));
          const editor = new Editor();
          editor.load({ now: { ...blank(), strokes } });
          return grouped(editor.settled.strokes, new Set([3]), true).map(({ group }) => group);
        }"""
    )
    assert groups == [1e5, 1e5, 1e5 + 1]


def test_a_width_is_a_strokes_own_and_can_be_changed(hand: Hand) -> None:
    hand.line((100, 100), (200, 100))
    hand.page.fill("#width", "8")
    hand.line((100, 300), (200, 300))
    widths = [float(one) for one in re.findall('width="([0-9.]+)" d=', hand.save("svg").decode())]
    assert widths == [3, 8]
    hand.page.keyboard.press("v")
    hand.page.mouse.click(*hand.on_screen((150, 100)))
    hand.page.fill("#width", "5")
    hand.page.keyboard.press("]")
    assert 'data-width="5.5"' in hand.save("svg").decode()
    for _ in range(2):  # one step for the slider, one for the key
        hand.page.click("#undo")
    assert 'data-width="3"' in hand.save("svg").decode()


def test_a_side_handle_stretches_one_way(hand: Hand) -> None:
    hand.line((200, 200), (300, 260))
    hand.page.keyboard.press("Control+a")
    hand.drag([(308, 230), (350, 230), (408, 230)])
    (path,) = hand.strokes()
    assert np.ptp(points(path)[:, 0]) > 150
    assert np.ptp(points(path)[:, 1]) == pytest.approx(60, abs=4)


def test_lines_are_straight_until_they_are_bent(hand: Hand) -> None:
    hand.page.keyboard.press("i")
    hand.drag([(100, 100), (250, 130), (300, 100)])
    (path,) = hand.strokes()
    assert np.ptp(points(path)[:, 1]) < 2
    hand.drag([(200, 100), (200, 150), (200, 180)])
    (path,) = hand.strokes()
    assert points(path)[:, 1].max() == pytest.approx(180, abs=3)
    np.testing.assert_allclose(points(path)[[0, -1]], [(100, 100), (300, 100)], atol=2)


def test_copied_strokes_and_photos_are_pasted_as_lines(
    browser: "Browser", running: Running
) -> None:
    hand = Hand(browser, running, permissions=["clipboard-read", "clipboard-write"])
    hand.line((100, 100), (200, 100))
    hand.line((100, 300), (300, 340))
    both = hand.strokes()
    hand.page.keyboard.press("v")
    hand.page.mouse.click(*hand.on_screen((150, 100)))
    hand.page.keyboard.press("Control+x")
    hand.until(lambda: len(hand.strokes()) == 1)
    hand.page.keyboard.press("Control+v")
    hand.until(lambda: len(hand.strokes()) == 2)
    assert sorted(hand.strokes()) == sorted(both)
    hand.settle()
    hand.page.keyboard.press("Escape")
    hand.page.keyboard.press("Control+c")
    hand.until(lambda: "clipboard" in hand.page.inner_text("#toast"))
    hand.page.click("#new")
    hand.until(lambda: hand.page.is_disabled("#save"))
    hand.page.keyboard.press("Control+v")
    hand.until(lambda: not hand.page.is_disabled("#save"))
    assert sorted(hand.strokes()) == sorted(both)  # and no tracing of the photo
    hand.context.close()


def test_the_wheel_zooms_below_the_whole_paper_too(hand: Hand) -> None:
    hand.page.mouse.move(*hand.on_screen((256, 256)))
    hand.page.mouse.wheel(0, 300)
    hand.until(lambda: int(hand.page.inner_text("#fit")[:-1]) < 100)
    for _ in range(4):
        hand.page.mouse.wheel(0, -200)
    hand.until(lambda: int(hand.page.inner_text("#fit")[:-1]) > 100)


def test_the_gallery_names_doubles_deletes_finds_and_moves(hand: Hand) -> None:
    hand.draw("outline")
    hand.kept()
    hand.page.click("#gallery")
    cards = hand.page.locator("#kept .card:not(.gone)")
    hand.until(lambda: cards.count() == 1)
    hand.page.fill("#kept .about input", "Aunt Ada")
    hand.page.keyboard.press("Enter")
    hand.page.click("[aria-label^='Duplicate']")
    hand.until(lambda: cards.count() == 2)
    hand.page.fill("#kept-search", "again")
    assert hand.page.locator("#kept .card:visible").count() == 1
    hand.page.fill("#kept-search", "ada")
    hand.page.locator("[aria-label='Delete Aunt Ada']").click()
    hand.until(lambda: cards.count() == 1)
    hand.page.click("[aria-label^='Bring back']")
    hand.until(lambda: cards.count() == 2)
    with hand.page.expect_download() as download:
        hand.page.click("#kept-export")
    gallery = Path(download.value.path()).read_bytes()
    files = [{"name": "g.json", "mimeType": "application/json", "buffer": gallery}]
    hand.page.set_input_files("#gallery-file", files)
    hand.until(lambda: cards.count() == 4)
    assert hand.page.locator("[aria-label='Aunt Ada']").count() == 2
    hand.page.fill("#kept-search", "nobody")
    assert hand.page.is_visible("#kept-none")
    hand.open("g.json", b'{"deepfacepencil-gallery": 1}')  # like any other file
    hand.until(lambda: "no gallery" in hand.page.inner_text("#toast"))
    assert cards.count() == 4


def portrait() -> bytes:
    """A picture with the many tones and colours of a photo."""
    y, x = np.mgrid[:200, :200] / 200
    waves = [np.sin(9 * x + 3 * y + shift) * np.cos(7 * y - shift) for shift in (0, 1, 2)]
    data = io.BytesIO()
    Image.fromarray((127 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)).save(data, "JPEG")
    return data.getvalue()


def test_a_photo_is_known_for_one_and_can_be_traced(hand: Hand) -> None:
    hand.draw("outline")
    hand.open("me.jpg", portrait())
    hand.until(lambda: hand.page.is_visible("#portrait"))
    hand.page.click("#portrait button[value=trace]")
    hand.until(lambda: hand.page.is_visible("#tracing"))
    assert len(hand.strokes()) == 1
    hand.kept()
    hand.page.reload()
    hand.until(lambda: hand.page.is_visible("#tracing"))
    hand.page.click("#untrace")
    assert hand.page.is_hidden("#tracing")


def test_the_picture_to_trace_is_moved_scaled_and_kept(hand: Hand) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (3000, 3000), "red").save(picture, "PNG")
    file = {"name": "red.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    hand.page.set_input_files("#trace-file", [file])

    def colours() -> list[int]:
        """Green of the paper near two corners: little of it where the picture lies."""
        found: list[int] = hand.page.evaluate(
            """() => [[20, 60], [480, 440]].map(([x, y]) => {
                const paper = document.getElementById("paper");
                const k = paper.width / 512;
                return paper.getContext("2d").getImageData(x * k, y * k, 1, 1).data[1];
            })"""
        )
        return found

    hand.until(lambda: max(colours()) < 200)
    wrong = [{"name": "me.heic", "mimeType": "image/heic", "buffer": b"heic"}]
    hand.page.set_input_files("#trace-file", wrong)
    hand.until(lambda: "JPEG or PNG" in hand.page.inner_text("#toast"))
    assert max(colours()) < 200  # it does not take the other one's place
    hand.page.click("#tracer")
    hand.page.fill("#tracing-size", "-1")
    hand.drag([(256, 256), (256, 300), (400, 400)])
    hand.until(lambda: colours()[0] > 200 > colours()[1])
    hand.kept()
    hand.page.reload()
    hand.until(lambda: colours()[0] > 200 > colours()[1])
    side = "import('./room.js').then(({ paper }) => paper.tracing.width)"
    assert hand.page.evaluate(side) == 2048  # it is kept with every stroke
    assert hand.page.input_value("#tracing-size") == "-1"
    hand.page.click("#untrace")
    hand.until(lambda: min(colours()) > 200)
    assert hand.page.is_hidden("#tracer")


def test_a_time_lapse_is_a_video(hand: Hand) -> None:
    hand.seeing_the_photo_change(lambda: hand.draw("outline"))
    hand.seeing_the_photo_change(lambda: hand.draw("mouth"))
    video = hand.save("lapse")
    assert video.startswith(b"\x1a\x45\xdf\xa3")  # EBML: WebM
    assert len(video) > 2000


def test_an_svg_and_a_photo_bring_the_same_strokes_back(hand: Hand) -> None:
    hand.seeing_the_photo_change(lambda: [hand.draw(feature) for feature in FACE])
    for places in ([(60, 60)], [(60, 90), (80, 90), (100, 90)]):  # a pen that hardly presses
        for kind, place in [("down", places[0]), *(("move", at) for at in places[1:])]:
            hand.pointer("pen", 9, kind, place)
        hand.pointer("pen", 9, "up", places[-1])
    hand.page.keyboard.press("d")
    hand.page.click("[aria-label^='Glasses']")
    hand.page.fill("#tolerance", "0.5")
    hand.settle()
    drawing = hand.save("svg")
    files = {kind: hand.save(kind) for kind in ("photo", "svg", "png", "both")}
    assert files["svg"] == drawing
    for kind, data in files.items():
        hand.page.click("#new")
        hand.until(lambda: hand.page.is_disabled("#save"))
        hand.open(kind, data)
        hand.until(lambda: not hand.page.is_disabled("#save"))
        hand.settle()
        assert hand.save("svg") == drawing, kind
        assert hand.page.input_value("#tolerance") == "0.5"
    with Image.open(io.BytesIO(files["photo"])) as image:
        assert image.size == (1024, 1024)
        assert image.text["Description"] == SENTENCE  # type: ignore[attr-defined]
        assert image.text[XMP_KEY] == XMP  # type: ignore[attr-defined]
    for kind, size in (("png", (1024, 1024)), ("both", (2048, 1024))):
        with Image.open(io.BytesIO(files[kind])) as image:
            assert image.size == size
            assert (image.text.get(XMP_KEY) == XMP) == (kind == "both")  # type: ignore[attr-defined]


def test_a_damaged_drawing_is_said_to_be_one(hand: Hand) -> None:
    whole = '<svg xmlns="http://www.w3.org/2000/svg" data-studio="1"{}><g>{}</g></svg>'
    line = '<path d="M9 9C9 9 99 99 99 99"/>'
    for about, body in [
        ("", "<path/>"), ("", line + "<path d='M'/>"), (' data-brush="?"', line),
        ("", '<path d="M9 99999999"/>'), (' data-brush="AAAA"', line),
    ]:  # fmt: skip
        hand.page.evaluate("document.getElementById('toast').textContent = ''")
        hand.open("a.svg", whole.format(about, body).encode())
        hand.until(lambda: hand.page.inner_text("#toast") == "This drawing is damaged.")
    hand.open("a.svg", whole.format("", line * 2001).encode())
    hand.until(lambda: "more strokes" in hand.page.inner_text("#toast"))
    assert hand.strokes() == []


def test_what_would_hold_up_the_page_is_refused(hand: Hand) -> None:
    """The lines of an SVG as the page finds them where it has no server."""
    uses = "".join(f'<g id="a{k}">' + f'<use href="#a{k - 1}"/>' * 9 + "</g>" for k in range(1, 8))
    many = f'<g id="a">{"<path/>" * 900}</g>' + '<use href="#a"/>' * 900
    for body in ("<g/>" * 60_000, uses, many):
        text = f'<svg xmlns="http://www.w3.org/2000/svg">{body}<path id="a0" d="M9 9L99 9"/></svg>'
        said = hand.page.evaluate(
            """async (text) => {
              const { linesOf } = await import("./web/svg.js");
              try { return linesOf(text).length; } catch ({ message }) { return message; }
            }""",
            text,
        )
        assert "more parts" in str(said)


def test_a_photo_of_generate_is_opened_as_its_drawing(hand: Hand) -> None:
    circle = [(256 + 100 * np.cos(t), 256 + 150 * np.sin(t)) for t in np.linspace(0, 6, 60)]
    said = Settings(appearance=Appearance(skin=(0xB9, 0x7D, 0x56), age=70), seed=42)
    inside = drawing_inside(b"", Strokes.of([through(np.array(circle))]), said)
    photo = io.BytesIO()
    Image.new("RGB", (512, 512)).save(photo, **saved_as("PNG", inside))
    hand.seeing_the_photo_change(lambda: hand.open("face.png", photo.getvalue()))
    asked = read_settings(hand.save("svg"))
    assert (asked.appearance, asked.seed) == (said.appearance, said.seed)
    (stroke,) = hand.strokes()
    x, y = start(stroke)
    assert abs(x - 356) < 1
    assert abs(y - 256) < 1


def test_looks_are_asked_for_undone_and_saved(hand: Hand, running: Running) -> None:
    for feature in FACE:
        hand.draw(feature)
    hand.page.keyboard.press("l")
    skin = hand.page.locator("#looks-list .row").nth(0)
    hand.seeing_the_photo_change(lambda: skin.locator(".swatch").nth(3).click())
    hand.page.locator("[aria-label^='Age, from']").fill("70")
    hand.settle()
    asked, _, _ = running.engine.asked[-1]
    assert (asked.skin, asked.age) == ((0xB9, 0x7D, 0x56), 70)
    hand.page.keyboard.press("f")
    hand.page.locator("[aria-label^='Nose, from']").fill("1")
    hand.settle()
    saved = hand.save("svg").decode()
    for said in ('skin="#b97d56"', 'age="70"', 'part-nose="1"', "data-wish="):
        assert said in saved
    for _ in range(3):  # one step for each
        hand.page.click("#undo")
    assert not re.search("appearance|data-part|wish", hand.save("svg").decode())
    hand.open("mine.svg", saved.encode())
    hand.until(lambda: "appearance" in hand.save("svg").decode())
    assert hand.save("svg").decode() == saved


def test_a_drawing_is_a_person_until_another_one_is_wanted(hand: Hand, running: Running) -> None:
    hand.seeing_the_photo_change(lambda: hand.draw("outline"))
    hand.seeing_the_photo_change(lambda: hand.draw("mouth"))
    person = running.engine.asked[-1][1]
    hand.seeing_the_photo_change(lambda: hand.page.click("#another"))
    assert running.engine.asked[-1][1] != person
    hand.page.click("#variants")
    hand.until(lambda: hand.page.locator("#strip:not(.old) button").count() == 6)
    variants = [seed for _, seed, size in running.engine.asked if size == QUICK][-6:]
    assert len(set(variants)) == 6
    hand.seeing_the_photo_change(lambda: hand.page.click("#strip button:nth-child(3)"))
    assert running.engine.asked[-1][1] == variants[2]
    for _ in range(2):
        hand.page.keyboard.press("Control+z")
    hand.settle()
    assert f'data-seed="{person}"' in hand.save("svg").decode()


def test_the_photo_grows_when_the_hand_rests(hand: Hand, running: Running) -> None:
    hand.draw("outline")
    hand.until(lambda: hand.page.evaluate("document.getElementById('photo').width") == 512)
    hand.draw("mouth")
    hand.until(lambda: running.engine.asked[-1][2] == QUICK)


@contextmanager
def alone(browser: "Browser", engine: Copyist) -> Iterator[tuple[Hand, Running]]:
    """A hand at a studio that nobody else uses, with an engine of its own."""
    running = Running(engine)
    hand = Hand(browser, running)
    try:
        yield hand, running
    finally:
        hand.context.close()
        running.stop()


def test_a_stroke_does_not_wait_for_what_is_not_wanted_any_more(
    browser: "Browser",
) -> None:
    with alone(browser, Copyist(0.2, larger=30)) as (hand, running):
        hand.line((100, 100), (200, 100))
        hand.settle()
        hand.page.click("#save")
        hand.page.click("#saving button[value=photo]")  # 1024 px, thirty seconds
        hand.page.wait_for_timeout(500)
        hand.line((100, 200), (200, 200))
        hand.until(lambda: len(running.engine.drawn[-1]) == 2, 20)
        assert running.engine.given_up
        hand.settle()
        asked = len(running.engine.drawn)
        hand.page.keyboard.press("v")
        hand.page.keyboard.press("Control+a")
        hand.page.keyboard.press("]")  # width is not the network's
        hand.kept()
        assert len(running.engine.drawn) == asked


def test_photos_come_while_a_key_is_held(browser: "Browser") -> None:
    with alone(browser, Copyist(0.3)) as (hand, running):
        hand.line((100, 100), (200, 100))
        hand.page.keyboard.press("v")
        hand.page.keyboard.press("Control+a")
        hand.settle()
        drawn = len(running.engine.drawn)
        for _ in range(40):
            hand.page.keyboard.press("ArrowDown")
            hand.page.wait_for_timeout(50)
        assert len(running.engine.drawn) > drawn + 2


def test_a_large_photo_is_never_of_an_older_drawing(browser: "Browser") -> None:
    with alone(browser, Copyist(0.7, larger=0.7)) as (
        hand,
        running,
    ):  # longer than a hand has to rest
        hand.line((100, 100), (200, 100))
        hand.page.wait_for_timeout(800)
        hand.line((100, 200), (200, 200))
        hand.until(lambda: running.engine.asked and running.engine.asked[-1][2] == 512)
        hand.page.wait_for_timeout(900)
        pairs = zip(running.engine.drawn, running.engine.asked, strict=True)
        assert {len(strokes) for strokes, (_, _, size) in pairs if size == 512} == {2}


def test_larger_photos_follow_the_pen_where_they_cost_no_more(
    browser: "Browser",
) -> None:
    with alone(browser, Copyist(0.3, larger=0)) as (hand, running):
        hand.line((100, 100), (200, 100))
        hand.until(lambda: running.engine.asked and running.engine.asked[-1][2] == 512)
        hand.page.wait_for_timeout(600)
        hand.line((100, 200), (200, 200))
        hand.settle()
        hand.page.wait_for_timeout(1000)  # longer than a hand has to rest
        pairs = zip(running.engine.drawn, running.engine.asked, strict=True)
        assert {size for strokes, (_, _, size) in pairs if len(strokes) == 2} == {512}


def test_parts_are_dropped_in_and_swapped(hand: Hand) -> None:
    for part in ("Eyes: almond", "Outlines: oval", "Eyes: round"):
        hand.page.keyboard.press("d")
        hand.page.click(f"[aria-label='{part}']")
    first = hand.strokes()
    assert len(first) == 12  # eyes take the place of eyes
    hand.page.keyboard.press("ArrowDown")
    hand.page.click("#part-after")
    assert len(hand.strokes()) == 2 + 8
    hand.page.keyboard.press("Delete")
    assert hand.strokes() == first[:2]


def test_a_photo_is_never_that_of_another_drawing(hand: Hand) -> None:
    hand.seeing_the_photo_change(lambda: hand.draw("outline"))
    hand.page.click("#new")
    hand.until(lambda: hand.page.evaluate("document.body.dataset.shown") == "no")
    pixels = "document.getElementById('photo').getContext('2d').getImageData(0, 0, 256, 256).data"
    assert not hand.page.evaluate(f"{pixels}.some(Boolean)")
    assert "ms" not in hand.page.inner_text("#meter")


def test_undo_outlives_new_and_a_reload(hand: Hand) -> None:
    hand.draw("outline")
    hand.draw("mouth")
    whole = hand.strokes()
    hand.kept()
    hand.page.reload()
    hand.until(lambda: not hand.page.is_disabled("#undo"))
    hand.page.click("#undo")
    assert hand.strokes() == whole[:1]
    hand.page.click("#redo")
    hand.page.click("#new")
    hand.until(lambda: hand.page.is_disabled("#save"))
    hand.draw("nose")
    hand.kept()
    hand.page.reload()
    hand.until(lambda: not hand.page.is_disabled("#save"))
    for _ in range(2):
        hand.page.click("#undo")
    hand.until(lambda: not hand.page.is_disabled("#save"))
    assert hand.strokes() == whole
    hand.page.click("#redo")
    hand.until(lambda: hand.page.is_disabled("#save"))
    hand.page.click("#redo")
    assert len(hand.strokes()) == 1


def test_what_was_only_looked_at_has_no_card(hand: Hand) -> None:
    hand.page.click("#examples")
    hand.seeing_the_photo_change(lambda: hand.page.click("[aria-label='short hair']"))
    hand.page.click("#gallery")
    hand.until(lambda: "Nothing here yet" in hand.page.inner_text("#kept-list"))


def test_a_picture_of_a_drawing_is_opened(hand: Hand) -> None:
    picture = Image.new("L", (600, 600), 255)
    ImageDraw.Draw(picture).ellipse((100, 60, 500, 560), outline=0, width=8)
    data = io.BytesIO()
    picture.save(data, "PNG")
    hand.seeing_the_photo_change(lambda: hand.open("scan.png", data.getvalue()))
    assert hand.strokes()
    hand.open("text.png", b"no picture")
    hand.until(lambda: "This file is no image" in hand.page.inner_text("#toast"))
    loop = '<ellipse cx="50" cy="50" rx="30" ry="40" fill="none" stroke="#000"/>'
    loop = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99">{loop}</svg>'
    bring = """([kind, text, name]) => {
      const data = new DataTransfer();
      if (name === "paste") data.setData("text/plain", text);
      else for (const one of ["a.svg", "b.svg"]) data.items.add(new File([text], one));
      const about = { dataTransfer: data, clipboardData: data, bubbles: true };
      document.body.dispatchEvent(new window[kind](name, about));
    }"""
    for kind, name, said in [("ClipboardEvent", "paste", "Opened"), ("DragEvent", "drop", "Of 2")]:
        hand.page.click("#new")
        hand.until(lambda: hand.page.is_disabled("#save"))
        hand.page.evaluate(bring, [kind, loop, name])
        hand.until(lambda said=said: said in hand.page.inner_text("#toast"))  # type: ignore[misc]
        assert len(hand.strokes()) == 1


def test_an_example_is_a_start(hand: Hand) -> None:
    hand.page.click("#examples")
    hand.seeing_the_photo_change(lambda: hand.page.click("[aria-label='short hair']"))
    assert len(hand.strokes()) > 10
    assert hand.page.inner_text("#hint") == ""


def test_a_reload_keeps_the_drawing_and_the_gallery_all_of_them(hand: Hand) -> None:
    hand.draw("outline")
    hand.kept()
    first = hand.strokes()
    hand.page.reload()
    hand.until(lambda: not hand.page.is_disabled("#save"))
    assert hand.strokes() == first
    hand.page.click("#new")
    hand.draw("mouth")
    hand.kept()
    hand.page.click("#gallery")
    hand.until(lambda: hand.page.locator("#kept .card").count() == 2)
    hand.page.click("#kept .card:last-child > button:first-child")
    hand.until(lambda: not hand.page.is_visible("#kept"))
    assert hand.strokes() == first


@contextmanager
def second_window(hand: Hand) -> Iterator[list[str]]:
    """A window beside one with a drawing, whose strokes it yields and which is as it was then."""
    hand.draw("outline")
    hand.kept()
    first, window = hand.strokes(), hand.page
    hand.page = hand.context.new_page()
    hand.page.goto(window.url)
    yield first
    window.reload()
    hand.page = window
    hand.until(lambda: not hand.page.is_disabled("#save"))
    assert hand.strokes() == first


def test_two_windows_do_not_keep_over_each_other(hand: Hand) -> None:
    with second_window(hand):
        hand.page.wait_for_timeout(1500)
        assert hand.strokes() == []
        hand.draw("mouth")
        hand.kept()


def test_a_window_that_opens_touches_no_other_drawing(hand: Hand) -> None:
    with second_window(hand) as first:
        hand.page.click("#gallery")  # before it is known that the drawing has a window
        hand.until(lambda: hand.page.is_visible("#kept"))
        hand.page.keyboard.press("Escape")
        hand.draw("mouth")
        hand.page.wait_for_timeout(1500)
        assert len(hand.strokes()) == 1
        assert hand.strokes() != first


def test_slider_and_brush_shift_the_photo_and_the_veil_shows_it(hand: Hand) -> None:
    hand.seeing_the_photo_change(lambda: hand.draw("outline"))
    hand.seeing_the_photo_change(lambda: hand.page.fill("#tolerance", "1"))
    hand.seeing_the_photo_change(lambda: hand.page.click("#neutral"))
    hand.page.click("[data-tool=brush]")
    hand.page.click("[data-wish='1']")
    hand.seeing_the_photo_change(lambda: hand.line((116, 260), (116, 300)))
    assert 'data-brush="' in hand.save("svg").decode()
    colour = "[...document.getElementById('paper').getContext('2d').getImageData(%d,%d,1,1).data]"
    box = hand.page.locator("#paper").bounding_box()
    assert box
    assert hand.page.is_visible("#legend")
    at = [int(place * box["width"] / 512) for place in (124, 281)]
    red, _, blue, _ = hand.page.evaluate(colour % tuple(at))
    assert red > blue + 20  # orange: helped
    hand.seeing_the_photo_change(lambda: hand.page.click("#undo"))


def test_a_server_that_dies_is_found_again(browser: "Browser") -> None:
    running = Running(Copyist())
    hand = Hand(browser, running)
    hand.seeing_the_photo_change(lambda: hand.draw("outline"))
    before = hand.strokes()
    running.stop()
    hand.until(lambda: hand.page.is_visible("#banner"))
    assert "safe" in hand.page.inner_text("#banner")
    hand.draw("mouth")
    assert len(hand.strokes()) == len(before) + 1
    old = hand.photo()
    running.start()
    hand.until(lambda: hand.state() == "ready" and hand.photo() != old)
    assert not hand.page.is_visible("#banner")
    hand.context.close()
    running.stop()


def test_a_phone_in_portrait_shows_both_and_draws_by_touch(
    browser: "Browser", running: Running
) -> None:
    size = {"width": 390, "height": 844}
    hand = Hand(browser, running, viewport=size, has_touch=True, is_mobile=True)
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("#paper", "#photo", "#save", "button[data-tool=pen]", "#clear"):
        box = hand.page.locator(name).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 844
    hand.page.set_viewport_size({"width": 390, "height": 664})  # with the browser's bars
    box = hand.page.locator("#paper").bounding_box()
    assert box
    assert box["width"] >= 270
    x, y = hand.on_screen((200, 200))
    hand.seeing_the_photo_change(lambda: hand.page.touchscreen.tap(x, y))
    assert len(hand.strokes()) == 1
    hand.context.close()


def test_two_fingers_zoom_and_draw_nothing(hand: Hand) -> None:
    fingers = [("down", 1, 240), ("move", 1, 230), ("down", 2, 270), ("move", 2, 400)]
    for kind, finger, x in [*fingers, ("up", 1, 230), ("move", 2, 420), ("up", 2, 420)]:
        hand.pointer("touch", finger, kind, (x, 200))
    assert hand.page.inner_text("#fit") not in ("100%", "NaN%")
    assert hand.strokes() == []


def test_a_palm_does_not_disturb_a_finger_that_draws(hand: Hand) -> None:
    hand.pointer("touch", 1, "down", (100, 200))
    hand.pointer("touch", 1, "move", (200, 200))
    hand.page.wait_for_timeout(310)
    hand.pointer("touch", 2, "down", (400, 400))
    hand.pointer("touch", 2, "move", (420, 400))
    hand.pointer("touch", 2, "up", (420, 400))
    hand.pointer("touch", 1, "move", (300, 200))
    hand.pointer("touch", 1, "up", (300, 200))
    assert hand.page.inner_text("#fit") == "100%"
    (path,) = hand.strokes()
    assert path.endswith("300 200")


def test_a_palm_does_not_disturb_the_pen(hand: Hand) -> None:
    hand.pointer("touch", 1, "down", (400, 400))  # before the pen
    hand.pointer("pen", 9, "down", (100, 200))
    for x in range(110, 300, 10):
        hand.pointer("pen", 9, "move", (x, 200))
        if x == 200:
            hand.pointer("touch", 2, "down", (300, 300))
            hand.pointer("touch", 2, "move", (310, 300))
            hand.pointer("touch", 1, "cancel", (400, 400))
    hand.pointer("touch", 2, "up", (310, 300))
    hand.pointer("pen", 9, "up", (300, 200))
    assert hand.page.inner_text("#fit") == "100%"
    (path,) = hand.strokes()
    assert path.endswith("300 200")


def test_overlay_zoom_and_keys(hand: Hand) -> None:
    hand.seeing_the_photo_change(lambda: hand.draw("outline"))
    hand.page.keyboard.press("o")
    assert hand.page.is_visible("#share")
    hand.page.keyboard.press("+")
    assert hand.page.inner_text("#fit") == "125%"
    hand.page.keyboard.press("0")
    assert hand.page.inner_text("#fit") == "100%"
    hand.page.keyboard.press("?")
    assert hand.page.is_visible("#helping")
    hand.page.keyboard.press("Escape")
    assert not hand.page.is_visible("#helping")
    hand.page.keyboard.press("Control+s")
    assert hand.page.is_visible("#saving")


def test_lines_and_photo_are_compared_by_finger_and_key(hand: Hand) -> None:
    hand.seeing_the_photo_change(lambda: hand.line((100, 100), (300, 100)))

    def seen() -> str:
        """What lies over the photo: a place beside the line tells."""
        pixel = "document.getElementById('lines').getContext('2d').getImageData(9, 9, 1, 1).data[3]"
        hidden = hand.page.evaluate("document.getElementById('lines').hidden")
        return "photo" if hidden else "lines" if hand.page.evaluate(pixel) else "both"

    for expected in ("both", "lines", "photo", "both"):
        hand.page.click("#compare")  # a tap
        assert seen() == expected
    hand.line((100, 200), (300, 200))
    assert seen() == "photo"  # who draws looks at the photo
    hand.page.keyboard.down("c")
    assert seen() == "both"
    hand.page.keyboard.up("c")
    hand.page.keyboard.down("Shift")
    hand.page.keyboard.down("C")
    assert seen() == "lines"
    hand.page.keyboard.up("C")
    assert seen() == "photo"


def test_the_tour_goes_on_when_its_tool_was_used(hand: Hand) -> None:
    first = hand.page.inner_text("#tour p")
    hand.line((100, 100), (300, 100))
    second = hand.page.inner_text("#tour p")
    assert second != first
    hand.page.click("#drop-in")
    hand.page.keyboard.press("Escape")
    assert hand.page.inner_text("#tour p") not in (first, second)
    for _ in range(5):
        hand.page.click("#tour button >> nth=0")
    hand.page.reload()
    hand.until(lambda: hand.state() == "ready")
    assert not hand.page.is_visible("#tour")


def test_a_tour_that_was_sent_away_points_at_nothing(hand: Hand) -> None:
    hand.page.click("#tour button >> nth=1")
    hand.line((100, 100), (300, 100))
    assert not hand.page.is_visible("#tour")
    assert not hand.page.locator(".pointed").count()


def test_every_control_has_a_name(hand: Hand) -> None:
    nameless = hand.page.evaluate(
        """[...document.querySelectorAll("button, input, canvas[tabindex], dialog")]
        .filter((one) => !(one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")
          || one.textContent.trim() || one.labels?.length))
        .map((one) => one.outerHTML)"""
    )
    assert nameless == []


def test_keys_alone_draw_and_change_a_face(hand: Hand) -> None:
    press = hand.page.keyboard.press
    for _ in range(60):
        press("Tab")
        if hand.page.evaluate("document.activeElement.id") == "paper":
            break
    press("ArrowLeft")
    press("Enter")
    for _ in range(6):
        press("ArrowDown")
    for _ in range(4):
        press("ArrowRight")
    hand.seeing_the_photo_change(lambda: press("Enter"))
    (path,) = hand.strokes()
    np.testing.assert_allclose(points(path)[[0, -1]], [(248, 256), (280, 304)], atol=1)
    press("Control+a")
    hand.page.focus("#paper")
    press("ArrowDown")
    (moved,) = hand.strokes()
    assert start(moved)[1] == pytest.approx(start(path)[1] + 1)


def test_a_model_that_does_not_listen_is_found_out(hand: Hand, running: Running) -> None:
    hand.draw("outline")
    hand.settle()
    running.engine.deaf = True
    hand.page.click("#another")  # the first photo without a seed's colour
    hand.settle()
    hand.page.wait_for_timeout(100)
    hand.page.click("#another")
    hand.until(lambda: "does not listen" in hand.page.inner_text("#toast"))
    running.engine.deaf = False


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(hand: Hand, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text()
    hand.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    hand.page.evaluate(script)
    for feature in ("outline", "mouth", "nose"):
        hand.draw(feature)
    hand.kept()
    hand.settle()
    found: list[str] = []
    for opened in ("", "looks", "freedom", "variants", "save", "gallery", "examples", "help"):
        if opened:
            hand.page.evaluate(f"document.getElementById('{opened}').click()")
        hand.page.wait_for_timeout(250)
        found += hand.page.evaluate(
            """async (opened) => (await axe.run()).violations
                .filter(({ impact }) => ["serious", "critical"].includes(impact))
                .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${opened} ${id}: ${html}`))""",
            opened,
        )
        hand.page.keyboard.press("Escape")
    assert not found


SCREENS = {
    "phone": (390, 844, True),
    "phone on its side": (844, 390, True),
    "tablet": (820, 1180, True),
    "tablet on its side": (1180, 820, True),
    "low": (1024, 600, False),
    "laptop": (1280, 800, False),
    "desktop": (2560, 1440, False),
}


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_shows_all_of_it(browser: "Browser", running: Running, screen: str) -> None:
    width, height, touch = SCREENS[screen]
    size = {"width": width, "height": height}
    hand = Hand(browser, running, viewport=size, has_touch=touch, is_mobile=touch)
    hand.page.click("#tour button:last-child")
    least = 0.9 * min(width / 2 - 120, height - 260) if width > height else 0.4 * height
    box = hand.page.locator("#paper").bounding_box()
    assert box
    assert box["width"] >= min(least, width - 40)
    seen = hand.page.evaluate(
        """() => ["button", "input"].flatMap((kind) => [...document.querySelectorAll(kind)])
        .filter((one) => one.checkVisibility() && !one.closest("dialog"))
        .map((one) => [one.id || one.textContent, one.getBoundingClientRect().toJSON()])"""
    )
    assert len(seen) > 15
    for name, place in seen:
        assert -1 <= place["left"] <= place["right"] <= width + 1, name
        assert -1 <= place["top"] <= place["bottom"] <= height + 1, name
        if touch:
            assert min(place["width"], place["height"]) >= 44, name
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= width
    hand.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_by_wcag_aa(hand: Hand, theme: str) -> None:
    hand.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    computed = """name => {
        const probe = document.createElement("i");
        probe.style.color = `var(--${name})`;
        document.body.append(probe);
        return getComputedStyle(probe).color;
    }"""

    def light(name: str) -> float:
        colour = hand.page.evaluate(computed, name)  # rgb(1, 2, 3)
        value = np.array([int(number) for number in re.findall(r"\d+", colour)]) / 255
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    pairs = [("text", "room"), ("quiet", "room"), ("quiet", "raised"), ("text", "raised")]
    pairs += [("on-accent", "accent"), ("accent", "tint"), ("accent", "room"), ("warn", "raised")]
    pairs += [("ink", "paper"), ("text", "lifted"), ("accent", "lifted")]
    for one, other in pairs:
        low, high = sorted((light(one), light(other)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (one, other)
