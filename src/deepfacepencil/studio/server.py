"""The studio's server: the page, a websocket for each open page, and the doors it keeps shut.

It answers to this machine alone unless told otherwise, takes nothing for a path, and bounds what a
client may send: how much, how often, and how many may come.
"""

import asyncio
import errno
import hashlib
import os
import socket as sockets
import threading
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.datastructures import Headers, MutableHeaders

from ..errors import InputError
from ..runtime.engine import Engine
from . import opening, protocol
from .easel import Allowance, Counts, Drawer, Draws, Easel

PAGE = Path(__file__).parent / "page"
_KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_LOCAL = {"127.0.0.1", "localhost", "::1"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Limits:
    """What the server bears."""

    drawers: int = 100
    """Open pages; one more is told that the studio is full."""
    connections: int = 400
    """Of any kind; beyond, the answer is 503."""
    messages_per_second: float = 120
    """From one page, which sends one for each answer; 250 kB more count as a further one."""
    patience: float = 10
    """Seconds that a page may take to read an answer."""
    opening: int = 8
    """Files that may come in or wait to be opened."""
    upload: float = 60
    """Seconds that a file may take to come in."""


@dataclass
class _Studio:
    """What the routes share."""

    easel: Easel
    counts: Counts
    limits: Limits
    drawers: set[Drawer]
    opener: ThreadPoolExecutor  # apart from the engine's: opening a picture takes a second
    opening: int = 0


def create_app(engine: Draws, limits: Limits | None = None, local: bool = True) -> FastAPI:
    """The web application around an engine; `local` refuses to be called by another name."""
    counts = Counts()
    studio = _Studio(
        Easel(engine, counts), counts, limits or Limits(), set(), ThreadPoolExecutor(1, "opener")
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        studio.easel.close()
        studio.opener.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(_Guard, local=local)
    _add_drawing(app, studio)
    _add_files(app, studio)
    _add_watching(app, studio)
    _add_page(app)
    return app


def _add_drawing(app: FastAPI, studio: _Studio) -> None:
    limits, drawers = studio.limits, studio.drawers

    @app.websocket("/draw")
    async def draw(socket: WebSocket) -> None:
        if not _from_our_page(socket.headers):
            await socket.close(1008)
            return
        await socket.accept()
        if len(drawers) >= limits.drawers:
            studio.counts.full += 1
            await socket.send_json({"full": len(drawers)})
            await socket.close(1013, "full")
            return
        drawer = Drawer(studio.counts)
        drawers.add(drawer)
        tasks = {
            asyncio.create_task(_listen(socket, drawer, limits)),
            asyncio.create_task(_answer(socket, drawer, studio)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            drawers.discard(drawer)
            for task in tasks:
                task.cancel()


async def _listen(socket: WebSocket, drawer: Drawer, limits: Limits) -> None:
    """Puts every frame that comes into the drawer's one place, until the page goes."""
    rate = limits.messages_per_second
    allowance = Allowance(rate, 2 * rate)
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        size = len(text if text is not None else message.get("bytes") or b"")
        if not allowance.take(1 + size / 250_000):
            await _patiently(socket.close(1008, "too many messages"), limits)
            return
        drawer.put("" if text is None else text)


async def _answer(socket: WebSocket, drawer: Drawer, studio: _Studio) -> None:
    """Answers the newest frame, and again, until the page reads no more."""
    while True:
        try:
            reply = await studio.easel.draw_newest(drawer)
        except InputError as problem:
            studio.counts.refused += 1
            sending = socket.send_json({"refused": str(problem)})
        else:
            sending = socket.send_bytes(reply)
        if not await _patiently(sending, studio.limits):
            return


async def _patiently(sending: Awaitable[None], limits: Limits) -> bool:
    """Whether the page took what was sent; it may have gone, or have ceased to read."""
    try:
        await asyncio.wait_for(sending, limits.patience)
    except (TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
        return False
    return True


def _add_files(app: FastAPI, studio: _Studio) -> None:
    async def in_turn(work: Callable[[bytes], Any], request: Request, most: int) -> JSONResponse:
        if studio.opening >= studio.limits.opening:
            raise HTTPException(503, "Others are opening drawings; try again in a moment")
        studio.opening += 1
        try:
            data = await asyncio.wait_for(_body(request, most), studio.limits.upload)
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(studio.opener, work, data)
        except TimeoutError:
            raise HTTPException(408, "The file took too long to come in; try again") from None
        except InputError as problem:
            studio.counts.refused += 1
            raise HTTPException(422, str(problem)) from None
        finally:
            studio.opening -= 1
        return JSONResponse(result)

    @app.post("/open")
    async def open_drawing(request: Request) -> JSONResponse:
        studio.counts.opened += 1
        return await in_turn(_open, request, opening.MAX_UPLOAD)

    @app.post("/place")
    async def place(request: Request) -> JSONResponse:
        return await in_turn(_place, request, protocol.MAX_MESSAGE)

    @app.get("/examples")
    async def examples() -> JSONResponse:
        loop = asyncio.get_running_loop()
        return JSONResponse(await loop.run_in_executor(studio.opener, opening.examples))


def _open(data: bytes) -> dict[str, object]:
    return {"strokes": opening.open_drawing(data)}


def _place(data: bytes) -> dict[str, float]:
    return opening.place(protocol.read_json(data).get("strokes"))


async def _body(request: Request, most: int) -> bytes:
    """The whole body of a request of our own page; 403 and 413 otherwise."""
    if not _from_our_page(request.headers):
        raise HTTPException(403, "This was not asked by the studio's page")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise HTTPException(413, f"Larger than {most / 1e6:g} MB: choose a smaller file")
    return bytes(data)


def _add_watching(app: FastAPI, studio: _Studio) -> None:
    @app.get("/health")
    async def health() -> dict[str, object]:
        full = len(studio.drawers) >= studio.limits.drawers
        return {"status": "full" if full else "ok", "drawers": len(studio.drawers)}

    @app.get("/metrics")
    async def metrics() -> PlainTextResponse:
        counts = studio.counts
        values = {
            "studio_drawers": len(studio.drawers),
            "studio_frames_total": counts.frames,
            "studio_frames_replaced_total": counts.replaced,
            "studio_refused_total": counts.refused,
            "studio_turned_away_total": counts.full,
            "studio_opened_total": counts.opened,
            "studio_engine_seconds_total": round(counts.engine_seconds, 3),
            "process_resident_memory_bytes": _memory(),
        }
        return PlainTextResponse("".join(f"{name} {value}\n" for name, value in values.items()))


def _memory() -> int:
    """Bytes of memory in use; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") if statm.exists() else 0


def _add_page(app: FastAPI) -> None:
    """The page's files by their names in its folder: what is asked for is looked up, not opened."""
    files = {}
    for path in PAGE.rglob("*"):
        if path.suffix in _KINDS:
            kind = _KINDS[path.suffix]
            data = path.read_bytes()
            tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            files[path.relative_to(PAGE).as_posix()] = data, kind, tag

    @app.get("/{name:path}")
    async def page(name: str, request: Request) -> Response:
        if (name or "index.html") not in files:
            raise HTTPException(404, "There is nothing here")
        data, kind, tag = files[name or "index.html"]
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=kind, headers=headers)


def _from_our_page(headers: Headers) -> bool:
    """Whether a page that we served asks: another site's page has another origin."""
    origin, host = headers.get("origin", ""), headers.get("host", "")
    return bool(host) and origin in (f"http://{host}", f"https://{host}")


class _Guard:
    """Refuses calls by a foreign name (DNS rebinding), and puts the headers on every answer."""

    def __init__(self, app: Any, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        host = Headers(scope=scope).get("host", "")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if self._local and name.strip("[]") not in _LOCAL:
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": 1008})
            refusal = PlainTextResponse("This studio answers to localhost only\n", 421)
            return await refusal(scope, receive, send_with_headers)
        return await self._app(scope, receive, send_with_headers)


def serve(model: Path, host: str, port: int, browser: bool) -> None:
    """Run the studio until Ctrl-C. Raises InputError if the model or the port cannot be used."""
    with _listening(host, port) as listener:
        limits = Limits()
        local = host in _LOCAL
        app = create_app(Engine(model), limits, local)
        config = uvicorn.Config(
            app,
            log_level="warning",
            server_header=False,
            limit_concurrency=limits.connections,
            timeout_graceful_shutdown=1,
            ws_max_size=2 * protocol.MAX_MESSAGE,
            ws_per_message_deflate=False,
        )
        port = listener.getsockname()[1]
        address = f"http://{'localhost' if local or host in ('0.0.0.0', '::') else host}:{port}/"
        if not local:
            print(f"warning: everyone who can reach {host}:{port} can draw here; no password")
        print(f"The studio is open at {address} (Ctrl-C closes it)", flush=True)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            print("\nThe studio is closed.")


def _listening(host: str, port: int) -> sockets.socket:
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
