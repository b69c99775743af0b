"""How fast the studio is: the engine alone, pointer to photo in a browser, many clients at once.

    python benchmarks/studio.py [--model FILE] [--seconds 30] [--clients 1 4 16 64]

The server is a process of its own, as users start it; the browser is Debian's chromium, headless.
A simulated client sends a growing face 30 times a second whether or not it is answered, which is
more than the page does. Wants idle cores. For the memory's course: --seconds 600 --clients 16.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
import websockets

from deepfacepencil.runtime.engine import BUNDLED, QUICK, Engine
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.lines import points_of
from deepfacepencil.studio.opening import EXAMPLES

DRAWING = EXAMPLES / "04-beard.svg"
PER_SECOND = 30
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]


@dataclass(frozen=True)
class Settings:
    """Measure the studio."""

    model: Path = BUNDLED
    """The model to draw with."""
    seconds: float = 30
    """Of each measurement."""
    clients: tuple[int, ...] = (1, 4, 16, 64)
    """How many draw at once."""


def main(settings: Settings) -> None:
    """Measure and print."""
    times = engine_alone(Engine(settings.model))
    print(f"engine alone          {_spread(times)}")
    with running(settings.model) as (address, _):
        before = metrics(address)
        times = in_the_browser(address, settings.seconds)
        print(f"pointer to photo      {_spread(times)}  ({len(times)} pointer events)")
        print(f"of which the engine   {_engine_time(before, metrics(address)):6.1f} ms a photo")
        print("\nclients  frames/s  replaced/s  fewest  most   delay ms: median, 95 %    memory MB")
        for count in settings.clients:
            print(asyncio.run(crowd(address, count, settings.seconds)), flush=True)


def _spread(times: list[float]) -> str:
    return f"median {np.median(times):6.1f} ms, 95 % within {np.percentile(times, 95):6.1f} ms"


def engine_alone(engine: Engine, count: int = 50) -> list[float]:
    """Milliseconds of single photos, as they follow the pen."""
    strokes = svg.load(DRAWING)
    times = []
    for _ in range(count + 5):
        start = time.perf_counter()
        engine(strokes, size=QUICK)
        times.append((time.perf_counter() - start) * 1000)
    return times[5:]  # the first ones allocate


@contextlib.contextmanager
def running(model: Path) -> Iterator[tuple[str, int]]:
    """A running studio's address and process."""
    command = [sys.executable, "-m", "deepfacepencil", "studio", "--model", str(model)]
    command += ["--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        found = re.search(r"http\S+", server.stdout.readline())  # it listens once it says so
        if not found:
            sys.exit("the studio did not start")
        try:
            yield found[0], server.pid
        finally:
            server.terminate()


def _engine_time(before: dict[str, float], after: dict[str, float]) -> float:
    """Milliseconds of a photo, between two readings of the metrics."""
    seconds, frames = (
        after[key] - before[key] for key in ("studio_engine_seconds_total", "studio_frames_total")
    )
    return 1000 * seconds / frames


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as reply:
        return str(reply.read().decode())


def in_the_browser(address: str, seconds: float) -> list[float]:
    """Milliseconds from each pointer event to the photo that shows it, drawing without pause."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.click("#examples")
        page.click("[aria-label='beard']")
        page.wait_for_timeout(2000)
        page.evaluate("performance.clearMeasures('pointer-to-photo')")
        box = page.locator("#paper").bounding_box()
        assert box
        end, turn = time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            page.mouse.move(box["x"] + 100, box["y"] + 100)
            page.mouse.down()
            for _ in range(120):  # two seconds of a hand at 60 Hz
                turn += 0.1
                x, y = 0.5 + 0.3 * np.cos(turn), 0.5 + 0.35 * np.sin(1.1 * turn)
                page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
                page.wait_for_timeout(14)
            page.mouse.up()
            page.click("#undo")
        measures = "performance.getEntriesByName('pointer-to-photo').map((one) => one.duration)"
        times: list[float] = page.evaluate(measures)
        browser.close()
    return times


async def crowd(address: str, count: int, seconds: float) -> str:
    """A row of the table: `count` clients for some seconds."""
    before = metrics(address)
    results = await asyncio.gather(*(_draw(address, seconds) for _ in range(count)))
    after = metrics(address)
    frames = [len(delays) for delays in results]
    delays = [delay for each in results for delay in each] or [float("nan")]
    key = "studio_frames_replaced_total"
    replaced = (after[key] - before[key]) / seconds
    middle, late = np.percentile(delays, [50, 95])
    memory = [m["process_resident_memory_bytes"] / 1e6 for m in (before, after)]
    return (
        f"{count:7}  {sum(frames) / seconds:8.1f}  {replaced:10.1f}"
        f"  {min(frames):6}  {max(frames):4}   {middle:16.0f}  {late:6.0f}"
        f"    {memory[0]:.0f} to {memory[1]:.0f}"
    )


def metrics(address: str) -> dict[str, float]:
    """What the studio counts."""
    found = re.findall(r"^(\w+) (\S+)$", _get(address + "metrics"), re.MULTILINE)
    return {name: float(value) for name, value in found}


async def _draw(address: str, seconds: float) -> list[float]:
    """Milliseconds from sending a frame to its photo, for those that were answered."""
    strokes = points_of(svg.load(DRAWING))
    sent: dict[int, float] = {}
    delays: list[float] = []
    url = address.replace("http", "ws") + "draw"
    async with websockets.connect(
        url, origin=websockets.Origin(address.rstrip("/")), max_size=None, compression=None
    ) as page:

        async def listen() -> None:
            async for message in page:
                assert isinstance(message, bytes), message
                head = json.loads(message[2 : 2 + int.from_bytes(message[:2], "little")])
                delays.append((time.perf_counter() - sent[head["id"]]) * 1000)

        listening = asyncio.create_task(listen())
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            number += 1
            sent[number] = time.perf_counter()
            shown = strokes[: 1 + number % len(strokes)]
            await page.send(json.dumps({"id": number, "strokes": shown}))
            await asyncio.sleep(1 / PER_SECOND)
        listening.cancel()
    return delays


if __name__ == "__main__":
    main(tyro.cli(Settings))
