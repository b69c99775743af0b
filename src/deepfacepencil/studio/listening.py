"""Where the studio listens, how long it does, and how much it hears at once.

Whoever opens a connection has to ask for something, whole, before long, and to read the answer; of
many connections from one address those that have not are closed for newer ones. What comes in
crumbs takes a thousand times the work of a whole: it is heard a bite at a time, with pauses for the
others.
"""

import asyncio
import errno
import logging
import os
import socket as sockets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from ..errors import InputError

_BITE = 2048  # bytes
_TURN = 0.002  # seconds of hearing one connection, until others have their turn
_PAUSE = 4  # times as long as it was heard
_MOST_PIECES = 1_000  # of one message: no browser makes more than a few
_MOST_UNREAD = 100_000  # bytes of answers to pings


@dataclass(frozen=True)
class Waits:
    """Seconds and numbers that connections get."""

    head: float = 10
    """For the head of a request, from the connection or the last answer on."""
    body: float = 60
    """For the body after it, and for reading an answer that does not fit into the buffers."""
    per_address: int = 200
    """Connections from one address; one that keeps us waiting goes for a newer one."""
    altogether: int = 390
    """Connections of all; below what the server refuses with a 503."""


@dataclass
class Allowance:
    """How much a client may say: `per_second` on average, `burst` at once. Time is in seconds."""

    per_second: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _left: float = field(init=False)
    _then: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._then = self.burst, self.clock()

    def take(self, amount: float) -> bool:
        """Whether `amount` was left; then it is not any more."""
        now = self.clock()
        self._left = min(self.burst, self._left + (now - self._then) * self.per_second)
        self._then = now
        if amount > self._left:
            return False
        self._left -= amount
        return True


class Bites:
    """What came in on a connection and was not heard yet.

    `hear` takes it in pieces; meanwhile nothing is read, and afterwards only if it is `wanted`.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        hear: Callable[[bytes], None],
        wanted: Callable[[], bool],
    ) -> None:
        self._transport, self._hear, self._wanted = transport, hear, wanted
        self._left = bytearray()
        self._turn: asyncio.TimerHandle | None = None
        self._over = False

    def put(self, data: bytes) -> None:
        """`data` has come; it is heard at once if nothing waits before it."""
        self._left += data
        if self._turn is None:
            self._next()

    def _next(self) -> None:
        self._turn = None
        begun, spent, at = time.thread_time(), 0.0, 0
        while at < len(self._left) and spent < _TURN and not self._transport.is_closing():
            bite = bytes(self._left[at : at + _BITE])
            at += len(bite)
            self._hear(bite)
            spent = time.thread_time() - begun
        del self._left[:at]
        if self._transport.is_closing():
            self._left.clear()
        elif not self._over and (self._left or spent > _TURN / 2):
            self._transport.pause_reading()
            self._turn = asyncio.get_running_loop().call_later(_PAUSE * spent, self._next)
        elif self._over or self._wanted():
            self._transport.resume_reading()

    def end(self) -> None:
        """Nobody is there any more, or a websocket has taken over."""
        self._over = True
        self._left.clear()
        if self._turn:
            self._turn.cancel()


class Listener(H11Protocol):
    """HTTP as uvicorn speaks it, with an end to waiting."""

    waits = Waits()
    _deadline: asyncio.TimerHandle | None = None
    _for_head = True
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._bites = Bites(transport, self._hear, lambda: not self.flow.read_paused)
        address = self.client[0] if self.client else ""
        ours = [other for other in self.connections if _address(other) == address]
        full = len(self.connections) > self.waits.altogether
        if len(ours) > self.waits.per_address or full:
            idle = (
                _idle(ours)
                or _idle(list(self.connections) if full else [])
                or self  # everybody else is being answered
            )
            idle.transport.abort()
        if not transport.is_closing():
            self._expect(head=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        if self._reading:
            self._reading.cancel()
        self._bites.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bites.put(data)

    def _hear(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        super().handle_websocket_upgrade(event)
        self._bites.end()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        if self.cycle and not self.cycle.response_complete:  # its body is broken: nobody to answer
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(self.waits.body, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading:
            self._reading.cancel()
            self._reading = None

    @property
    def silent(self) -> bool:
        """Whether it has not asked for anything yet, or not again."""
        return self.conn.their_state is h11.IDLE

    @property
    def awaited(self) -> tuple[int, float] | None:
        """What it lets us wait for, and until when: a question, its rest, or that it reads."""
        if self._deadline:
            return (0 if self.silent else 1), self._deadline.when()
        return (2, self._reading.when()) if self._reading else None

    def _look(self) -> None:
        """Sets the clock by what the other side has still to say."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._expect(None)  # a websocket has taken over
        elif self.silent:
            self._expect(head=True)
        elif self.conn.their_state is h11.SEND_BODY:
            self._expect(head=False)
        else:
            self._expect(None)

    def _expect(self, head: bool | None) -> None:
        """The clock runs from when it was set for this; None stops it."""
        if self._deadline and head == self._for_head:
            return
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
        if head is not None:
            self._for_head = head
            seconds = self.waits.head if head else self.waits.body
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()


class Talk(WebSocketsSansIOProtocol):
    """Websockets as uvicorn speaks them, without a traceback for what is no text."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._bites = Bites(transport, super().data_received, lambda: not self.read_paused)

    def connection_lost(self, exc: Exception | None) -> None:
        self._bites.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bites.put(data)

    def handle_ping(self) -> None:
        if self.transport.get_write_buffer_size() > _MOST_UNREAD:
            self.transport.abort()
        else:
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) > _MOST_PIECES:
            self._refuse(1008, "too many pieces")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                return self._refuse(1007, "no text")
        return super().send_receive_event_to_app()

    def _refuse(self, code: int, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def be_quiet_about_closing() -> None:
    """What is still asked for when the studio closes is no error to be shown with its traceback."""
    logging.getLogger("uvicorn.error").addFilter(_is_no_closing)


def _is_no_closing(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    return not (kind and issubclass(kind, asyncio.CancelledError))


def _address(connection: object) -> str:
    client = getattr(connection, "client", None)
    return client[0] if client else ""


def _idle(connections: Sequence[object]) -> Listener | None:
    """The connection that lets us wait: first for a question, and for the longest time."""
    waiting = [(c.awaited, c) for c in connections if isinstance(c, Listener) and c.awaited]
    return min(waiting, key=lambda one: one[0], default=(None, None))[1]


def listening(host: str, port: int) -> sockets.socket:
    """A socket that listens there; InputError names another port if this one is taken."""
    try:
        return _bound(host, port)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            for other in (*range(port + 1, port + 20), 0):
                try:
                    with _bound(host, other) as free:
                        number = free.getsockname()[1]
                except (OSError, OverflowError):
                    continue
                raise InputError(
                    f"port {port} is taken; {number} is free: try --port {number}"
                ) from None
        raise InputError(f"cannot listen at {host}:{port} ({problem.strerror})") from None
    except OverflowError:
        raise InputError(f"{port} is no port: choose one from 1024 to 65535") from None


def _bound(host: str, port: int) -> sockets.socket:
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    listener = sockets.socket(family, sockets.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener
