"""The studio's server: the page, a websocket for each open page, and what it refuses.

It answers to this machine alone unless told otherwise, takes nothing for a path, and bounds what a
client may send: how much, how often, and how many may come.
"""

import asyncio
import gc
import hashlib
import os
import re
import secrets
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect, HTTPConnection

from ..errors import InputError
from ..runtime.engine import Engine
from ..runtime.reading import Reader
from . import opening, protocol
from .guard import LOCAL, TOKEN, Access, Guard, from_our_page
from .listening import Allowance, Listener, Talk, be_quiet_about_closing, listening
from .long import LONG
from .render_queue import Client, Counts, Draws, RenderQueue

PAGE = Path(__file__).parent / "page"
_KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True)
class Limits:
    """What the server bears."""

    clients: int = 100
    """Open pages; one more is told that the studio is full."""
    clients_per_address: int = 80
    """Of these, from one address."""
    connections: int = 400
    """Of any kind; beyond, the answer is 503."""
    messages_per_second: float = 120
    """From one page, which sends one for each answer; 250 kB more count as a further one."""
    patience: float = 10
    """Seconds that a page may take to read an answer."""
    opening: int = 8
    """Files that may come in or wait to be opened, and as many drawings to be put in place."""
    opening_per_address: int = 5
    """Of these, from one address."""
    upload: float = 60
    """Seconds that a file may take to come in."""


@dataclass
class _Desk:
    """Where work is handed in: one piece is done at a time, few wait, of one address fewer."""

    thread: ThreadPoolExecutor  # apart from the engine's: opening a picture takes a second
    addresses: list[str] = field(default_factory=list)  # of those who are here

    def is_full_for(self, address: str, limits: Limits) -> bool:
        mine = self.addresses.count(address)
        return len(self.addresses) >= limits.opening or mine >= limits.opening_per_address


@dataclass
class _Studio:
    """What the routes share."""

    queue: RenderQueue
    counts: Counts
    limits: Limits
    clients: set[Client]
    opener: _Desk
    placer: _Desk
    reader: Reader  # what is opened is read in its process


def create_app(engine: Draws, limits: Limits | None = None, access: Access = Access()) -> FastAPI:
    """The web application around an engine, for those whom `access` lets in."""
    counts = Counts()
    studio = _Studio(
        RenderQueue(engine, counts),
        counts,
        limits or Limits(),
        set(),
        _Desk(ThreadPoolExecutor(1, "opener")),
        _Desk(ThreadPoolExecutor(1, "placer")),
        Reader(niceness=10),  # drawing goes before opening
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        studio.reader.close()
        studio.queue.close()
        for desk in (studio.opener, studio.placer):
            desk.thread.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(Guard, access=access)
    _add_drawing(app, studio)
    _add_files(app, studio)
    _add_watching(app, studio)
    _add_page(app)
    return app


def _address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def _add_drawing(app: FastAPI, studio: _Studio) -> None:
    limits, clients = studio.limits, studio.clients

    @app.websocket("/draw")
    async def draw(socket: WebSocket) -> None:
        if not from_our_page(socket.headers):
            await socket.close(1008)
            return
        await socket.accept()
        address = _address(socket)
        alike = sum(other.address == address for other in clients)
        if len(clients) >= limits.clients or alike >= limits.clients_per_address:
            studio.counts.full += 1
            await socket.send_json({"full": len(clients)})
            await socket.close(1013, "full")
            return
        client = Client(studio.counts, address)
        clients.add(client)
        tasks = {
            asyncio.create_task(_listen(socket, client, limits)),
            asyncio.create_task(_answer(socket, client, studio)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            clients.discard(client)
            client.close()
            for task in tasks:
                task.cancel()


async def _listen(socket: WebSocket, client: Client, limits: Limits) -> None:
    """Puts every frame that comes into the client's one place, until the page goes."""
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
        client.put("" if text is None else text)


async def _answer(socket: WebSocket, client: Client, studio: _Studio) -> None:
    """Answers the newest frame, and again, until the page reads no more."""
    while True:
        try:
            reply = await studio.queue.render_newest(client)
        except InputError as problem:
            studio.counts.refused += 1
            sending = socket.send_json({"refused": str(problem)})
        else:
            if reply is None:
                continue
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
    async def in_turn(
        desk: _Desk, work: Callable[[bytes], bytes], request: Request, most: int
    ) -> Response:
        if not from_our_page(request.headers):
            raise HTTPException(403, "This was not asked by the studio's page")
        address = _address(request)
        if desk.is_full_for(address, studio.limits):
            raise HTTPException(503, "Others are opening drawings; try again in a moment")
        desk.addresses.append(address)
        try:
            data = await asyncio.wait_for(_body(request, most), studio.limits.upload)
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(desk.thread, work, data)
        except TimeoutError:
            raise HTTPException(408, "The file took too long to come in; try again") from None
        except ClientDisconnect:
            raise HTTPException(400, "The file did not come in whole") from None
        except InputError as problem:
            studio.counts.refused += 1
            raise HTTPException(422, str(problem)) from None
        finally:
            desk.addresses.remove(address)
        return Response(result, media_type="application/json")

    def read(data: bytes) -> bytes:
        try:
            return studio.reader.for_page(data, _THIS)
        except InputError as problem:
            raise InputError(_for_page(str(problem))) from None

    def place_strokes(data: bytes) -> bytes:
        return (studio.queue.long.place if len(data) > LONG else opening.place_message)(data)

    @app.post("/open")
    async def open_drawing(request: Request) -> Response:
        studio.counts.opened += 1
        return await in_turn(studio.opener, read, request, opening.MAX_UPLOAD)

    @app.post("/place")
    async def place(request: Request) -> Response:
        return await in_turn(studio.placer, place_strokes, request, protocol.MAX_MESSAGE)

    @app.get("/examples")
    async def examples() -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(opening.examples))


_THIS = "This file"
_VERB = re.compile(rf"{_THIS}: (?=(?:is|has|cannot|takes|needs|uses|declares)\b)")


def _for_page(problem: str) -> str:
    """What is wrong with a file, without what only a command line can do."""
    return _VERB.sub(f"{_THIS} ", problem.partition("; of a photo, `")[0])


async def _body(request: Request, most: int) -> bytes:
    """The whole body of a request; 413 if it is too much."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise HTTPException(413, f"Larger than {most / 1e6:g} MB: choose a smaller file")
    return bytes(data)


def _add_watching(app: FastAPI, studio: _Studio) -> None:
    @app.get("/health")
    async def health() -> dict[str, object]:
        full = len(studio.clients) >= studio.limits.clients
        return {"status": "full" if full else "ok", "clients": len(studio.clients)}

    @app.get("/metrics")
    async def metrics() -> PlainTextResponse:
        counts = studio.counts
        values = {
            "studio_clients": len(studio.clients),
            "studio_frames_total": counts.frames,
            "studio_frames_replaced_total": counts.replaced,
            "studio_frames_given_up_total": counts.given_up,
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


def serve(
    model: Path,
    host: str,
    port: int,
    browser: bool,
    allowed_hosts: Sequence[str] = (),  # names it may be called by, beside its own
) -> None:
    """Run the studio until Ctrl-C. Raises InputError if the model or the port cannot be used."""
    with listening(host, port) as listener:
        limits = Limits()
        local = host in LOCAL
        token = None if local else secrets.token_urlsafe(24)
        app = create_app(Engine(model), limits, Access.of(host, allowed_hosts, token))
        config = uvicorn.Config(
            app,
            http=Listener,
            ws=Talk,
            log_level="error",  # what strangers send is no news
            server_header=False,
            limit_concurrency=limits.connections,
            timeout_graceful_shutdown=1,
            ws_max_size=2 * protocol.MAX_MESSAGE,
            ws_per_message_deflate=False,
        )
        be_quiet_about_closing()
        port = listener.getsockname()[1]
        name = "localhost" if local or host in ("0.0.0.0", "::") else host
        address = f"http://{f'[{name}]' if ':' in name else name}:{port}/"
        if token:
            address += f"?{TOKEN}={token}"
            print(f"Everyone who can reach {host}:{port} and has this link can draw here.")
        print(f"The studio is open at {address} (Ctrl-C closes it)", flush=True)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        # A sweep through all that was imported would take 50 ms, in which nobody is heard.
        gc.collect()
        gc.freeze()
        # Whoever waits for Python's lock waits so long: reading what one sent must not hold up all.
        sys.setswitchinterval(0.001)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            print("\nThe studio is closed.")
