"""A studio to test: an engine that draws at once, or slowly, and a server around it."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray

from deepfacepencil.runtime.appearance import Appearance
from deepfacepencil.runtime.engine import RESOLUTION, Call, Drawn, GivenUp
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import Strokes
from deepfacepencil.studio.listening import Listener, Talk, Waits, be_quiet_about_closing
from deepfacepencil.studio.server import Limits, create_app


class Copyist:
    """Instead of a network: the photo is the sketch, dark on a light tint of the tolerance.

    Its upper left corner is in the colour of the skin that is asked for, its upper right one in
    that of the seed; a face is what has three strokes or more.
    """

    def __init__(self, seconds: float = 0, larger: float = 0.1) -> None:
        self.seconds, self.larger = seconds, larger  # a photo costs; a larger one costs more
        self.drawn: list[Strokes] = []
        self.deaf = False  # to looks and seeds
        self.given_up = 0  # calls
        self.asked: list[tuple[Appearance, int, int]] = []

    def __call__(
        self,
        strokes: Strokes,
        tolerance: NDArray[np.floating],
        appearance: Appearance,
        seed: int,
        size: int,
        call: Call,
    ) -> Drawn:
        end = time.monotonic() + self.seconds + (self.larger if size > RESOLUTION else 0)
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(0.01, left))
            if call.options.terminate:
                self.given_up += 1
                raise GivenUp
        self.drawn.append(strokes)
        self.asked.append((appearance, seed, size))
        sketch = draw(strokes, RESOLUTION)
        cells = np.kron(tolerance, np.ones((4, 4)))
        tint = np.stack([200 + 50 * cells, 200 + 0 * cells, 200 - 50 * cells], axis=-1)
        photo = (tint * (1 - sketch[:, :, None] / 255)).astype(np.uint8)
        attention = np.zeros((4, RESOLUTION, RESOLUTION), np.float32)
        attention[0], attention[3] = (1 - cells) / 2, (1 + cells) / 2
        if self.deaf:
            appearance, seed = Appearance(), 0
        photo[:16, :16] = appearance.skin or 0
        photo[:16, -16:] = seed % 251, seed // 251 % 251, seed // 63001 % 251
        times = max(1, size // RESOLUTION)  # a quick one is small
        photo = photo.repeat(times, axis=0).repeat(times, axis=1)
        return Drawn(strokes, photo, attention, 0.9 if len(strokes) > 2 else 0.1)


class Running:
    """A real server in a thread of this process; `stop` and `start` keep its port."""

    def __init__(
        self, engine: Copyist, limits: Limits | None = None, waits: Waits = Waits()
    ) -> None:
        self.engine, self.limits, self.port = engine, limits, 0
        self.listener = type("Listener", (Listener,), {"waits": waits})
        self.start()

    def start(self) -> None:
        app = create_app(self.engine, self.limits)
        config = uvicorn.Config(
            app,
            port=self.port,
            http=self.listener,
            ws=Talk,
            log_level="error",
            log_config=None,
            timeout_graceful_shutdown=1,
            ws_max_size=3_000_000,
        )
        be_quiet_about_closing()
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
def studio() -> Iterator[Running]:
    running = Running(Copyist())
    yield running
    running.stop()
