"""One engine for many clients, the open pages: the newest frame of each, and each in turn.

A client has one place for a frame, in which a newer one replaces an older one, unread. Whoever asks
waits in line for the engine and brings the frame that is the newest then: nothing queues up. A
frame may say that it comes instead of the one that is being drawn, which is given up then.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..runtime.appearance import Appearance
from ..runtime.engine import TOLERANCE_SIZE, Call, Drawn, GivenUp
from ..runtime.overlay import share
from ..sketch.strokes import Strokes
from . import protocol
from .hints import missing
from .long import LONG, LongMessages

_numbers = count(1)  # of clients


class Draws(Protocol):
    """What the studio wants of an engine."""

    def __call__(
        self,
        strokes: Strokes,
        tolerance: NDArray[np.floating],
        appearance: Appearance,
        seed: int,
        size: int,
        call: Call,
    ) -> Drawn: ...


@dataclass
class Counts:
    """What has happened since the start, for /metrics."""

    frames: int = 0
    replaced: int = 0
    given_up: int = 0
    refused: int = 0
    full: int = 0
    opened: int = 0
    engine_seconds: float = 0.0


class Read(NamedTuple):
    """A message that was read: a frame, and what it lacks to be a face."""

    frame: protocol.Frame
    missing: list[str]


class Client:
    """One open page: the places for its newest message, and for the newest that was read."""

    def __init__(self, counts: Counts, address: str = "") -> None:
        self.address = address
        self.number = next(_numbers)
        self.known: protocol.Known = {}  # what was made of its last frame
        self.reading: asyncio.Task[None] | None = None
        self.call: Call | None = None  # of the engine, for its frame
        self._counts = counts
        self._newest: str | None = None
        self._came = asyncio.Event()
        self._read: Read | InputError | None = None
        self._was_read = asyncio.Event()

    def put(self, text: str) -> None:
        """A message has come; one that still waits is forgotten."""
        self._counts.replaced += self._newest is not None
        self._newest = text
        self._came.set()

    async def next(self) -> str:
        """The newest message, once there is one."""
        await self._came.wait()
        assert self._newest is not None
        text, self._newest = self._newest, None
        self._came.clear()
        return text

    def put_read(self, read: Read | InputError) -> None:
        """A message was read, or refused; one that still waits for the engine is forgotten."""
        self._counts.replaced += self._read is not None
        self._read = read
        self._was_read.set()

    async def wait(self) -> None:
        """Until there is something to draw or to refuse."""
        await self._was_read.wait()

    def take(self) -> Read:
        """What is the newest now; raises InputError if it was refused."""
        assert self._read is not None
        read, self._read = self._read, None
        self._was_read.clear()
        if isinstance(read, InputError):
            raise read
        return read

    @property
    def refused(self) -> bool:
        return isinstance(self._read, InputError)

    def close(self) -> None:
        if self.reading:
            self.reading.cancel()
        self.give_up()

    def give_up(self) -> None:
        """What is being drawn for it is not wanted any more."""
        if self.call:
            self.call.give_up()


class RenderQueue:
    """The engine and the line in front of it. Messages are read outside that line.

    Long ones have a process of their own: what one client sends delays no other's frame.
    """

    def __init__(self, engine: Draws, counts: Counts) -> None:
        self._engine, self._counts = engine, counts
        self._turn = asyncio.Lock()  # serves in the order of asking
        self._thread = ThreadPoolExecutor(1, "engine")
        self._readers = ThreadPoolExecutor(2, "reader")
        self._long_reader = ThreadPoolExecutor(1, "long reader")
        self.long = LongMessages()

    async def render_newest(self, client: Client) -> bytes | None:
        """The answer to the client's newest frame, or None if that was given up.

        Raises InputError if it is refused.
        """
        if client.reading is None:
            client.reading = asyncio.create_task(self._read_on(client))
        await client.wait()
        if client.refused:
            client.take()
        asked = time.perf_counter()
        async with self._turn:
            read = client.take()
            waited = time.perf_counter() - asked
            loop = asyncio.get_running_loop()
            call = client.call = Call()
            try:
                return await loop.run_in_executor(self._thread, self._draw, read, waited, call)
            except GivenUp:
                self._counts.given_up += 1
                return None
            finally:
                client.call = None

    async def _read_on(self, client: Client) -> None:
        """Reads one message of the client after the other, also while it waits in line."""
        loop = asyncio.get_running_loop()
        while True:
            text = await client.next()
            long = len(text) > LONG
            reader, read = (self._long_reader, self._read_long) if long else (self._readers, _read)
            try:
                done = await loop.run_in_executor(reader, read, text, client)
                client.put_read(done)
                if done.frame.instead:
                    client.give_up()
            except InputError as problem:
                client.put_read(problem)

    def _read_long(self, text: str, client: Client) -> Read:
        return Read(*self.long.frame(text, client.number))

    def _draw(self, read: Read, waited: float, call: Call) -> bytes:
        frame = read.frame
        start = time.perf_counter()
        drawn = self._engine(
            frame.strokes, frame.tolerance, frame.appearance, frame.seed, frame.size, call
        )
        took = time.perf_counter() - start
        self._counts.frames += 1
        self._counts.engine_seconds += took
        facts = {
            "missing": read.missing,
            "face": round(float(drawn.face), 3),
            "waited": round(waited * 1000, 1),
            "engine": round(took * 1000, 1),
        }
        return protocol.answer(
            frame, drawn.photo, _veil(drawn.attention) if frame.veil else None, facts
        )

    def close(self) -> None:
        self.long.close()
        for threads in (self._thread, self._readers, self._long_reader):
            threads.shutdown(wait=False, cancel_futures=True)


def _read(text: str, client: Client) -> Read:
    frame = protocol.read_frame(text, TOLERANCE_SIZE, client.known)
    return Read(frame, missing(frame.strokes))


def _veil(attention: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The chosen tolerance, 0 to 255, one value for each of 64 x 64 cells."""
    wide = share(attention)
    side = len(wide) // TOLERANCE_SIZE
    cells = wide.reshape(TOLERANCE_SIZE, side, TOLERANCE_SIZE, side).mean(axis=(1, 3))
    return (255 * cells.clip(0, 1)).astype(np.uint8)
