"""Makes the pictures of the README anew, with the bundled model: they show what it does.

    python docs/pictures.py

Writes docs/examples.jpg, the contact sheet of examples/, docs/studio.webp, the page while a face is
drawn in it, and docs/filmstrip.jpg, that face from its first stroke to the saved photo. Wants the
dev extra and Debian's chromium.
"""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from deepfacepencil.files import find_pictures
from deepfacepencil.runtime.engine import Engine
from deepfacepencil.runtime.generate import generate
from deepfacepencil.sketch import svg

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
DRAWN = EXAMPLES / "01-long-hair.svg"
SIZE = (1280, 800)  # of the window
SHOWN = (960, 600)  # of the animation
CELL = 240  # of the filmstrip, a side


def contact_sheet() -> None:
    """docs/examples.jpg."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = generate(Engine(), find_pictures([str(EXAMPLES)]), Path(folder), attention=False)
        with Image.open(sheet) as image:
            image.convert("RGB").save(DOCS / "examples.jpg", quality=88)


def animation() -> None:
    """docs/studio.webp: a drawing drawn with the mouse, a picture a stroke; and the filmstrip."""
    command = [sys.executable, "-m", "deepfacepencil", "studio", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            address = re.findall(r"http\S+", server.stdout.readline())[0]  # it listens by then
            with sync_playwright() as play:
                browser = play.chromium.launch(
                    executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
                )
                page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
                page.set_default_timeout(180_000)  # milliseconds: machines are busy at times
                page.goto(address)
                frames = _drawn(page)
                _filmstrip(page, frames)
                browser.close()
        finally:
            server.terminate()
    durations = [350] * (len(frames) - 1) + [3500]  # milliseconds
    frames[0].save(
        DOCS / "studio.webp", save_all=True, append_images=frames[1:], duration=durations, loop=0,
        quality=72, method=6,
    )  # fmt: skip


def _drawn(page: Page) -> list[Image.Image]:
    """A screenshot after every stroke of the drawing, the largest strokes first."""
    page.wait_for_selector("#meter[data-state=ready]")
    page.click("#tour button:last-child")
    page.evaluate("document.getElementById('meter').hidden = true")  # of this machine, at this hour
    box = page.locator("#paper").bounding_box()
    assert box
    place, scale = np.array([box["x"], box["y"]]), box["width"] / 512
    frames = [_screenshot(page)]
    lines = svg.load(DRAWN).polylines(3)
    for line in sorted(lines, key=lambda line: -np.ptp(line, axis=0).sum()):
        start, *rest = line.clip(4, 508) * scale + place
        page.mouse.move(*start)
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(x, y)
        page.mouse.up()
        page.wait_for_selector("body[data-photo=current]")
        frames.append(_screenshot(page))
    return frames


def _filmstrip(page: Page, frames: list[Image.Image]) -> None:
    """docs/filmstrip.jpg: paper above photo, stroke by stroke; at its end the saved photo."""
    boxes = []
    for name in ("#paper", "#photo"):
        box = page.locator(name).bounding_box()
        assert box
        x, y, side = (box[key] * SHOWN[0] / SIZE[0] for key in ("x", "y", "width"))
        boxes.append((round(x), round(y), round(x + side), round(y + side)))
    page.click("#save")
    with page.expect_download() as download:
        page.click("#saving button[value=photo]")
    with Image.open(download.value.path()) as photo:
        saved = photo.convert("RGB").resize((2 * CELL, 2 * CELL), Image.Resampling.LANCZOS)
    chosen = np.linspace(1, len(frames) - 1, 8).round().astype(int)
    strip = Image.new("RGB", (CELL * (len(chosen) + 2), 2 * CELL), "white")
    for column, number in enumerate(chosen):
        for row, box in enumerate(boxes):
            part = frames[number].crop(box).resize((CELL, CELL), Image.Resampling.LANCZOS)
            strip.paste(part, (CELL * column, CELL * row))
    strip.paste(saved, (CELL * len(chosen), 0))
    strip.save(DOCS / "filmstrip.jpg", quality=88)


def _screenshot(page: Page) -> Image.Image:
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return image.resize(SHOWN, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    contact_sheet()
    animation()
