"""The site on a host that knows nothing but files, and visitors with a Chromium or a Firefox.

For the tests beside it, and for benchmarks/site.py.
"""

import base64
import functools
import http.server
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepfacepencil.studio import opening

from ..browsers import Firefox

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONG = 240  # seconds until the first photo, on a machine that others use
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
SOURCE = "document.querySelector('script[type=module]').src.replace('app.js', 'source.js')"
Lines = list[list[float]]  # of a drawing, [x, y, x, y, ...] each


class Host:
    """Python's own server of files, below a path, with headers or without."""

    def __init__(self, folder: Path, headers: dict[str, str], below: str = "") -> None:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def translate_path(self, path: str) -> str:
                inside = path.split("?")[0].startswith(f"/{below}")
                return super().translate_path(path[len(below) :] if inside else "/absent")

            def end_headers(self) -> None:
                for name, value in headers.items():
                    self.send_header(name, value)
                super().end_headers()

            def log_message(self, *_: object) -> None:
                pass

        handler = functools.partial(Handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.address = f"{self.origin}/{below}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Visitor(ABC):
    """Somebody with a browser of their own, at the site."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.go()

    @abstractmethod
    def load(self) -> None:
        """Loads the page; it may load itself again."""

    @abstractmethod
    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression; None between two pages."""

    @abstractmethod
    def draw(self, places: Sequence[tuple[float, float]]) -> None:
        """A stroke through places on the screen, 60 a second."""

    @abstractmethod
    def close(self) -> None: ...

    def go(self) -> None:
        """Loads the page, until it draws."""
        self.load()
        self.until(lambda: self.ask("document.getElementById('meter')?.dataset.state") == "ready")

    def until(self, holds: Callable[[], object], seconds: float = LONG) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "waited in vain"
            self.wait(0.1)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def module(self, name: str, body: str, given: object = None) -> Any:
        """What a function body says of a module of the page, `it`."""
        return self.ask(f"""(async (given) => {{
            const it = await import({SOURCE}.replace('source.js', '{name}'));
            {body}
        }})({json.dumps(given)})""")

    def drag(self, places: Iterable[tuple[float, float]]) -> None:
        """A stroke through places of the paper, 512 x 512."""
        box = self.ask("document.getElementById('paper').getBoundingClientRect().toJSON()")
        step = box["width"] / 512
        self.draw([(box["x"] + x * step, box["y"] + y * step) for x, y in places])

    def read(self, text: str) -> Lines:
        """The strokes that the page finds in an SVG."""
        body = "return it.opening.read(new TextEncoder().encode(given));"
        return list(self.module("source.js", body, text))

    def photo(self, **frame: Any) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """The photo of a frame as the page asks for it, and what is said of it."""
        said = self.module(
            "source.js",
            """
            const strokes = given.strokes.map((line) => ({ points: Array.from(
              { length: line.length / 2 }, (_, i) => [line[2 * i], line[2 * i + 1]]) }));
            const brush = given.brush && Int8Array.from(given.brush);
            const begun = performance.now();
            const { photo, veil, ...said } = await it.photos.ask({ ...given, strokes, brush });
            const took = performance.now() - begun;
            let pixels = "";
            for (let i = 0; i < photo.data.length; i += 8192) {
              pixels += String.fromCharCode(...photo.data.subarray(i, i + 8192));
            }
            return { ...said, took, veil: veil && [...veil.cells], pixels: btoa(pixels) };
            """,
            {"tolerance": 0, "brush": None, "appearance": {}, "seed": 0, "veil": False, **frame},
        )
        pixels = np.frombuffer(base64.b64decode(said.pop("pixels")), np.uint8)
        side = said["size"]
        return pixels.reshape(side, side, 4)[..., :3], said


class InChromium(Visitor):
    """A visitor with a profile of Chromium; sees what is asked for and what goes wrong."""

    def __init__(self, browser: "Browser", host: Host, **context: Any) -> None:
        size = {"width": 1280, "height": 800}
        self.context = browser.new_context(**{"viewport": size, **context})
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * LONG)
        self.asked: list[str] = []
        self.problems: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console", lambda said: said.type == "error" and self.problems.append(said.text)
        )
        super().__init__(host)

    def load(self) -> None:
        self.page.goto(self.host.address)

    def ask(self, expression: str) -> Any:
        from playwright.sync_api import Error

        try:
            return self.page.evaluate(f"() => ({expression})")
        except Error as problem:
            if "context was destroyed" in str(problem):  # it loads itself again, for threads
                return None
            raise

    def draw(self, places: Sequence[tuple[float, float]]) -> None:
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place)
            self.page.wait_for_timeout(14)
        self.page.mouse.up()

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(1000 * seconds)  # what it hears of is heard meanwhile

    def close(self) -> None:
        self.context.close()


class InFirefox(Visitor):
    """A visitor with a Firefox."""

    def __init__(self, firefox: Firefox, host: Host) -> None:
        self._firefox = firefox
        self._patience = 180.0
        super().__init__(host)

    def go(self) -> None:
        self._patience = 10.0  # what is asked of a page that goes may never be answered
        super().go()
        self._patience = 180.0

    def load(self) -> None:
        self.ask("void (window.leaving = true)")
        context = self._firefox.context
        self._firefox.say(
            "browsingContext.navigate", context=context, url=self.host.address, wait="none"
        )
        self.until(lambda: self.ask("window.leaving === undefined"))

    def ask(self, expression: str) -> Any:
        try:
            return self._firefox.ask(expression, self._patience)
        except TimeoutError:
            if self._patience > 10:
                raise
            return None
        except AssertionError as problem:
            if "no such frame" in str(problem) or "Actor" in str(problem):
                return None
            raise

    def draw(self, places: Sequence[tuple[float, float]]) -> None:
        self._firefox.draw(places, 16)

    def close(self) -> None:
        self._firefox.close()


def drawings(count: int) -> list[Lines]:
    """The examples, then drawings of a hand that draws anything."""
    found = [example["strokes"] for example in opening.examples()]
    rng = np.random.default_rng(0)
    while len(found) < count:
        steps = [
            rng.normal(0, rng.uniform(0.3, 25), (rng.integers(1, 40), 2)).cumsum(axis=0)
            + rng.uniform(-20, 532, 2)
            for _ in range(rng.integers(1, 15))
        ]
        found.append([np.round(line.clip(-512, 1024), 1).ravel().tolist() for line in steps])
    return found[:count]


def apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The distance of two pictures, root mean square, in grey levels."""
    return float(np.sqrt(np.square(one.astype(np.float32) - other).mean()))
