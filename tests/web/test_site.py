"""The static site in Chromium, as a visitor has it: its photos are the engine's, from any host."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from deepfacepencil.errors import InputError
from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.runtime.engine import (
    BUNDLED,
    TOLERANCE_SIZE,
    Engine,
    code_of,
)
from deepfacepencil.sketch import pen, svg
from deepfacepencil.sketch.lines import points_of
from deepfacepencil.sketch.normalise import load_drawing
from deepfacepencil.studio import opening
from deepfacepencil.studio.hints import missing
from deepfacepencil.studio.protocol import fitted, read_strokes
from deepfacepencil.web.site import write_site

from .conftest import ROOT, RUNTIME
from .visiting import ISOLATION, SOURCE, Host, InChromium, apart, drawings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def visitor(browser: "Browser", plain: Host) -> Iterator[InChromium]:
    visitor = InChromium(browser, plain)
    yield visitor
    assert visitor.problems == []
    visitor.close()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(BUNDLED)


def test_its_pen_is_the_same_pen(visitor: InChromium, engine: Engine) -> None:
    given = drawings(50)
    rasters = visitor.module(
        "web/pen.js",
        f"""
        const {{ smooth }} = await import({SOURCE}.replace("source.js", "web/smooth.js"));
        const drawn = (lines, size) => [...it.draw(lines.map(smooth), size)];
        return given.map((lines) => [256, 128].map((size) => drawn(lines, size)));
        """,
        given,
    )
    for number, (lines, found) in enumerate(zip(given, rasters, strict=True)):
        strokes = fitted(read_strokes(lines), {})
        both = []
        for size, raster in zip((256, 128), found, strict=True):
            both = [np.array(raster).reshape(size, size), pen.draw(strokes, size)]
            assert np.abs(both[0] - both[1].astype(int)).max() <= 3
            assert apart(*both) < 0.2
        if number % 10 == 0:  # photos take their time
            assert apart(*(engine.of_raster(raster, seed=1)[0] for raster in both)) < 2


def test_its_seeds_are_the_same_people(visitor: InChromium) -> None:
    seeds = [0, 1, 2, 5, 1234, 2**31, 2**32 - 1]
    codes = visitor.module("web/codes.js", "return given.map((s) => [...it.codeOf(s)]);", seeds)
    for seed, code in zip(seeds, codes, strict=True):
        # Two libraries of logarithms may differ in the last bit.
        np.testing.assert_allclose(np.array(code, np.float32), code_of(seed), rtol=1e-6)


def _one_eye(x: float) -> list[list[float]]:
    """Where a head may have both its eyes, if it is turned."""
    turn = np.linspace(0, 2 * np.pi, 40)
    rings = [(24, 10), (7, 7)]
    return [
        np.stack([x + rx * np.cos(turn), 241 + ry * np.sin(turn)], 1).ravel().tolist()
        for rx, ry in rings
    ]


def test_it_misses_the_same_features_and_finds_the_same_place(visitor: InChromium) -> None:
    given = drawings(16)[::2]
    for lines, (scale, right, down) in zip(
        given[:2], ((0.5, -90, -60), (1.2, 10, 30)), strict=True
    ):
        points = np.concatenate([np.reshape(line, (-1, 2)) for line in lines])
        move = np.array([256 + right, 256 + down]) - scale * points.mean(axis=0)
        given.append([(np.reshape(x, (-1, 2)) * scale + move).ravel().tolist() for x in lines])
        given.append([line[: len(line) // 2 * 2 - 4] for line in lines if len(line) > 6])  # open
    eyes = [_one_eye(x) for x in (193, 256, 319)]  # that is no face to bring to its place
    found = visitor.module(
        "web/hints.js",
        f"""
        const {{ smooth }} = await import({SOURCE}.replace("source.js", "web/smooth.js"));
        const {{ placing }} = await import({SOURCE}.replace("source.js", "web/place.js"));
        return given.map((lines) => {{
          const chains = lines.map(smooth);
          return [it.missing(chains), placing(chains)];
        }});
        """,
        eyes + given,
    )
    for lines, (gone, place) in zip(eyes + given, found, strict=True):
        assert gone == missing(fitted(read_strokes(lines), {}))
        if lines in eyes:
            continue
        expected = opening.place(lines)
        assert place["scale"] == pytest.approx(expected["scale"], rel=0.01)
        for way in ("right", "down"):
            assert place[way] == pytest.approx(expected[way], abs=2)


@pytest.mark.usefixtures("draws")
@pytest.mark.parametrize("number", [0, 3, 6, 10])
def test_its_photos_are_the_engines(visitor: InChromium, engine: Engine, number: int) -> None:
    path = sorted(EXAMPLES.glob("*.svg"))[number]
    lines = visitor.read(path.read_text())
    photo, said = visitor.photo(strokes=lines, seed=number, size=256)
    strokes = fitted(read_strokes(points_of(load_drawing(path))), {})
    drawn = engine(strokes, seed=number)
    assert apart(photo, drawn.photo) < 2
    assert said["face"] == pytest.approx(drawn.face, abs=0.05)


@pytest.mark.usefixtures("draws")
def test_it_listens_to_everything(visitor: InChromium, engine: Engine) -> None:
    lines = opening.examples()[0]["strokes"]
    brush = np.zeros((TOLERANCE_SIZE, TOLERANCE_SIZE), np.int8)
    brush[20:40] = 100
    looks = {"skin": "#573422", "hair": "#dedad2", "age": 70, "sex": 1}
    photo, said = visitor.photo(
        strokes=lines, seed=9, size=512, tolerance=-0.3, veil=True, appearance=looks,
        brush=brush.ravel().tolist(),
    )  # fmt: skip
    wish = (brush / np.float32(127) - np.float32(0.3)).clip(-1, 1)
    appearance = Appearance(skin=(0x57, 0x34, 0x22), hair=(0xDE, 0xDA, 0xD2), age=70, sex=1)
    drawn = engine(fitted(read_strokes(lines), {}), wish, appearance, 9, 512)
    assert photo.shape == (512, 512, 3)
    assert apart(photo, drawn.photo) < 2
    share = np.tensordot([0, 1 / 3, 2 / 3, 1], drawn.attention, axes=1)
    cells = 255 * share.reshape(TOLERANCE_SIZE, 4, TOLERANCE_SIZE, 4).mean(axis=(1, 3))
    assert np.abs(np.array(said["veil"]).reshape(cells.shape) - cells).max() < 16


def test_drawing_with_it(visitor: InChromium) -> None:
    page = visitor.page
    page.click("#tour button:last-child")
    page.click("#examples")
    page.click("#example-list .card >> nth=3")
    visitor.until(lambda: visitor.ask("document.body.dataset.shown") == "yes")
    visitor.until(lambda: visitor.ask("document.getElementById('photo').width") == 512)  # at rest
    page.click("#variants")
    visitor.until(lambda: page.locator("#strip:not(.old) button").count() == 6)
    page.click("#variants")
    page.click("#save")
    with page.expect_download() as saved:
        page.click("#saving button[value=photo]")
    path = saved.value.path()
    with Image.open(path) as photo:
        assert "deepfacepencil-drawing" in photo.info
    page.click("#new")
    page.set_input_files("#file", path)
    visitor.until(lambda: page.locator("#save").is_enabled())
    assert visitor.ask("document.getElementById('banner').hidden")


@pytest.mark.parametrize("name", ["curves", "styles", "copies"])
def test_it_reads_svg_from_elsewhere(visitor: InChromium, name: str) -> None:
    text = SVGS[name]
    lines = visitor.read(text)
    drawn = points_of(svg.parse(text, name))
    place = opening.place(drawn)
    expected = [
        (np.reshape(line, (-1, 2)) * place["scale"] + (place["right"], place["down"]))
        .ravel()
        .tolist()
        for line in drawn
    ]
    rasters = [pen.draw(fitted(read_strokes(each), {}), 64) for each in (lines, expected)]
    assert apart(*rasters) < 4


# Half a face, as programs write it.
SVGS = {
    "curves": """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
        <path d="M25 50a25 30 0 1 0 50 0a25,30 0 10-50,0z" fill="none" stroke="#123"/>
        <path d="m33 45q5-5 10 0t-10 0M57 45s5-5 10 0s-5 5-10 0" fill="none" stroke="black"/>
        <path d="M50 50V60H46M42 68C46 72 54 72 58 68" fill="none" stroke="black"/></svg>""",
    "styles": """<svg xmlns="http://www.w3.org/2000/svg" width="200" height="300">
        <style>.pen { stroke: #222; fill: none; stroke-width: 3 } .gone { display: none }</style>
        <rect width="200" height="300" fill="white"/><g transform="translate(0 40)">
        <ellipse class="pen" cx="100" cy="110" rx="55" ry="75"/><circle class="gone" r="40"/>
        <circle class="pen" cx="78" cy="95" r="9"/><circle style="fill:none;stroke:#000" cx="122"
        cy="95" r="9"/><polyline class="pen" points="100,100 94,125 104,126"/>
        <line class="pen" x1="85" y1="150" x2="116" y2="149"/></g>
        <text x="10" y="20">Anna</text></svg>""",
    "copies": """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
        viewBox="0 0 512 512"><defs><circle id="eye" r="22" fill="none" stroke="red"
        stroke-width="4"/></defs><use href="#eye" x="193" y="241"/><use xlink:href="#eye" x="319"
        y="241"/><ellipse cx="256" cy="281" rx="140" ry="195" fill="none" stroke="#000"/>
        <path d="M200 381Q256 410 312 381" fill="none" stroke="#000" onclick="alert(1)"/></svg>""",
}


def test_what_it_cannot_read_it_says(visitor: InChromium, tmp_path: Path) -> None:
    Image.new("L", (64, 64), 255).save(tmp_path / "scan.png")
    visitor.page.set_input_files("#file", tmp_path / "scan.png")
    visitor.until(lambda: "lies under the paper" in visitor.page.inner_text("#toast"))
    assert visitor.page.is_visible("#untrace")
    hostile = """<svg xmlns="http://www.w3.org/2000/svg"><script>window.hacked = 1</script>
        <image href="https://example.com/x.png"/><style>@import "https://example.com/x.css";
        path { fill: url(https://example.com/x) }</style><foreignObject><iframe
        src="https://example.com/"/></foreignObject><text>words</text></svg>"""
    visitor.page.set_input_files(
        "#file",
        {"name": "x.svg", "mimeType": "image/svg+xml", "buffer": hostile.encode()},
    )
    visitor.until(lambda: "no strokes" in visitor.page.inner_text("#toast"))
    assert visitor.ask("window.hacked ?? null") is None


def test_it_asks_nobody_else(visitor: InChromium) -> None:
    assert visitor.asked
    assert all(url.startswith((visitor.host.origin, "blob:")) for url in visitor.asked)


def test_its_policy_lets_nothing_in(visitor: InChromium) -> None:
    caught = visitor.ask(
        """(async () => {
          const caught = [];
          const note = ({ effectiveDirective }) => caught.push(effectiveDirective);
          addEventListener("securitypolicyviolation", note);
          const script = document.createElement("script");
          script.textContent = "window.inline = 1";
          document.body.append(script);
          await fetch("https://example.com/").catch(() => {});
          await new Promise((done) => setTimeout(done, 300));
          return [[...new Set(caught)].sort(), window.inline ?? null];
        })()"""
    )
    assert caught == [["connect-src", "script-src-elem"], None]
    visitor.problems.clear()  # these two, said aloud


def test_it_draws_without_a_network(browser: "Browser", site: Path) -> None:
    host = Host(site, {})
    visitor = InChromium(browser, host)
    visitor.until(lambda: visitor.ask("navigator.serviceWorker.controller !== null"))
    host.stop()
    visitor.go()
    assert visitor.ask("crossOriginIsolated")  # by the service worker: the host sends no headers
    lines = opening.examples()[1]["strokes"]
    photo, _ = visitor.photo(strokes=lines, size=256)
    assert photo.std() > 10
    assert [name for name in visitor.ask("caches.keys()") if "files" in name]
    visitor.close()


def test_a_host_with_headers_and_a_newer_version(
    browser: "Browser", site: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    host = Host(copy, ISOLATION)
    visitor = InChromium(browser, host)
    assert visitor.ask("crossOriginIsolated")
    visitor.until(lambda: visitor.ask("navigator.serviceWorker.controller !== null"))
    page = copy / "sw.js"
    page.write_text(re.sub(r'"version": "\w+"', '"version": "newer"', page.read_text()))
    visitor.asked.clear()
    visitor.ask("navigator.serviceWorker.ready.then((one) => void one.update())")
    visitor.until(lambda: "newer version" in visitor.page.inner_text("#toast"))
    assert "deepfacepencil-page-newer" in visitor.ask("caches.keys()")
    visitor.go()
    large = [url for url in visitor.asked if url.endswith(".gz")]
    assert large == []  # what is the same is not brought again
    visitor.close()
    host.stop()


def test_its_links_are_its_own(site: Path) -> None:
    html = (site / "index.html").read_text()
    for link in re.findall(
        r'(?:href|src|content)="([^"#]+\.(?:js|css|svg|png|jpg|webmanifest))"', html
    ):
        assert (site / link).is_file(), link
    manifest = json.loads(next(site.glob("manifest-*.webmanifest")).read_text())
    for icon in manifest["icons"]:
        with Image.open(site / icon["src"]) as picture:
            assert f"{picture.width}x{picture.height}" == icon["sizes"]
    assert "<script>" not in html
    assert " style=" not in html
    assert (site / "README.md").read_text().startswith("---\n")
    assert not list(site.rglob("local.js"))


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make web"):
        write_site(tmp_path / "site", BUNDLED, tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/photo.jpg").touch()
    if RUNTIME.is_dir():
        with pytest.raises(InputError, match="something else"):
            write_site(tmp_path / "mine", BUNDLED, RUNTIME)
