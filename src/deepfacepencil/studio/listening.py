"""Where the studio listens, and how long it does: connections that say nothing make room.

Whoever opens a connection has to ask for something, whole, before long; and of many connections
from one address those that have not asked yet are closed for newer ones.
"""

import asyncio
import errno
import os
import socket as sockets
from collections.abc import Sequence
from dataclasses import dataclass

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import InputError


@dataclass(frozen=True)
class Waits:
    """Seconds and numbers that connections get."""

    head: float = 10
    """For the head of a request, from the connection or the last answer on."""
    body: float = 60
    """For the body after it, and for reading an answer that does not fit into the buffers."""
    per_address: int = 200
    """Connections from one address; one that has not asked yet goes first."""
    altogether: int = 390
    """Connections of all; below what the server refuses with a 503."""


class Listener(H11Protocol):
    """HTTP as uvicorn speaks it, with an end to waiting."""

    waits = Waits()
    _deadline: asyncio.TimerHandle | None = None
    _for_head = True
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        ours = [other for other in self.connections if _address(other) == address]
        full = len(self.connections) > self.waits.altogether
        if len(ours) > self.waits.per_address or full:
            silent = (
                _silent(ours)
                or _silent(list(self.connections) if full else [])
                or self  # everybody else is being answered
            )
            silent.transport.abort()
        if not transport.is_closing():
            self._expect(head=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        if self._reading:
            self._reading.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

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


def _address(connection: object) -> str:
    client = getattr(connection, "client", None)
    return client[0] if client else ""


def _silent(connections: Sequence[object]) -> Listener | None:
    """The connection that has waited longest without asking for anything."""
    waiting = [c for c in connections if isinstance(c, Listener) and c.silent and c._deadline]
    return min(waiting, key=lambda c: c._deadline.when() if c._deadline else 0, default=None)


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
