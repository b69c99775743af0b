"""What one drawer can do to another's frames: delays with and without an attack, alternating.

`python benchmarks/delays.py [--model FILE] [--attacks NAME ...] [--rounds 5] [--seconds 4]`, and
`--drawers 64 --seconds 600` for so many drawers at once beside one who tries every attack.

The studio is a process of its own, as users start it; so is the attacker, who waits for his word
and uses the studio's own doors only. Quiet and attacked spells take turns in the same minutes, so a
busy machine spoils both alike.
"""

import asyncio
import contextlib
import io
import json
import multiprocessing
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import tyro
import websockets
from PIL import Image
from studio import DRAWING, metrics, running

from deepfacepencil.runtime.engine import BUNDLED
from deepfacepencil.sketch import svg
from deepfacepencil.sketch.lines import points_of

OPENED = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">%s</svg>'


@dataclass(frozen=True)
class Settings:
    """Measure the delays."""

    model: Path = BUNDLED
    """The model to draw with; a small one shows the server's own delays."""
    attacks: tuple[str, ...] = ()
    """Which; all if none is named."""
    rounds: int = 5
    """Spells of each kind."""
    seconds: float = 4
    """Of each spell; of the whole with --drawers."""
    drawers: int = 0
    """So many at once, and one attacker, instead of spells."""


# What an attacker sends. Each is made once, and sent again and again as soon as it is answered.


def _points(strokes: int, points: int) -> str:
    """A frame of so many strokes with so many points each, none like those of another frame."""
    rng = random.Random(strokes)
    line = [[round(rng.uniform(0, 512), 9) for _ in range(2)] for _ in range(strokes)]
    drawn = [
        [round(at + rng.uniform(-1, 1), 9) for _ in range(points) for at in start] for start in line
    ]
    return json.dumps({"id": 1, "strokes": drawn})


def _noise() -> bytes:
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (2800, 2900, 3), np.uint8)).save(
        file, "PNG", compress_level=1
    )
    return file.getvalue()[:24_900_000]


def _lines() -> bytes:
    """A drawing of nearly as many points as the studio holds."""
    rng = random.Random(0)
    path = "".join(
        f"M{rng.uniform(0, 500):.5f} {rng.uniform(0, 500):.5f}l9 9" * 10 for _ in range(150)
    )
    return (OPENED % f'<path stroke="#000" fill="none" d="{path}"/>').encode()


def _elements() -> bytes:
    return (OPENED % ("<g/>" * 20_000 + '<path d="M9 9L99 400" stroke="#000"/>' * 3_000)).encode()


def _post(port: int, path: str, body: bytes, chunk: int = 0) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
    head += "Connection: close\r\n"
    if not chunk:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + chunk]), body[at : at + chunk])
        for at in range(0, len(body), chunk)
    )
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"


def _get(port: int, more: str) -> bytes:
    head = f"GET /health HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n"
    return f"{head}{more}\r\n\r\n".encode()


def _frame(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """A masked frame of a websocket; the mask is zero."""
    size = len(payload)
    length = (
        bytes([0x80 | size])
        if size < 126
        else b"\xfe" + struct.pack(">H", size)
        if size < 1 << 16
        else b"\xff" + struct.pack(">Q", size)
    )
    return bytes([opcode | (0x80 if fin else 0)]) + length + bytes(4) + payload


def _in_pieces(text: bytes) -> bytes:
    middle = b"".join(_frame(0, text[at : at + 1], False) for at in range(1, len(text) - 1))
    return _frame(1, text[:1], False) + middle + _frame(0, text[-1:])


SMALL = json.dumps({"id": 1, "strokes": [[100, 100, 200, 300]]})
UPLOADS: dict[str, Callable[[int], bytes]] = {
    "photo": lambda port: _post(port, "/open", _noise()),
    "lines": lambda port: _post(port, "/open", _lines()),
    "elements": lambda port: _post(port, "/open", _elements()),
    "place": lambda port: _post(port, "/place", _points(1_900, 20).encode()[:1_499_999]),
    "crumbs": lambda port: _post(port, "/open", bytes(1_500_000), 1),
    "cookies": lambda port: _get(port, "Cookie: " + "a=b; " * 2_500),
    "quoted cookies": lambda port: _get(port, 'Cookie: a="' + "\\\\" * 7_000),
    "headers": lambda port: _get(port, "\r\n".join(["a:b"] * 2_500)),
    "questions": lambda port: _get(port, "").replace(b"health", b"health?" + b"a=b&" * 3_500),
}
MESSAGES: dict[str, Callable[[], bytes]] = {
    "drawer": lambda: _frame(1, SMALL.encode()),
    "points": lambda: _frame(1, _points(1_900, 20).encode()),
    "strokes": lambda: _frame(1, _points(1_999, 2).encode()),
    "just short": lambda: _frame(1, _points(1_900, 2).encode()[:99_000]),
    "broken": lambda: _frame(1, _points(1_900, 19).encode()[:-1]),
    "spaces": lambda: _frame(1, b" " * 1_490_000),
    "brackets": lambda: _frame(1, b"[" * 1_490_000),
    "digits": lambda: _frame(1, b'{"id": 1.' + b"1" * 1_490_000 + b"}"),
    "text": lambda: _frame(1, b'{"id": "' + b"\\u0041" * 240_000 + b'"}'),
    "pieces": lambda: _in_pieces(b" " * 1_400_000),
    "pings": lambda: _frame(9, b"") * 200_000,
    "no text": lambda: _frame(1, b"\xff" * 1_000_000),
}


def _attack(name: str, port: int, go: Event, over: Event) -> None:
    """Sends while `go` is set, one after the other."""
    os.nice(5)
    data = UPLOADS[name](port) if name in UPLOADS else MESSAGES[name]()
    over.set()
    while go.wait():
        with contextlib.suppress(OSError):
            (_upload if name in UPLOADS else _say)(port, data, go)


def _upload(port: int, data: bytes, go: Event) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(data)
        while connection.recv(1 << 16):
            pass


def _say(port: int, data: bytes, go: Event) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as page:
        page.sendall(
            f"GET /draw HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b"101" in page.recv(1 << 16)
        while go.is_set():
            page.sendall(data)
            if not page.recv(1 << 20):
                break


async def _delays(port: int, seconds: float, pause: float = 0.02) -> list[float]:
    """Milliseconds from a frame to its photo, one after the other with a pause."""
    strokes, delays = points_of(svg.load(DRAWING)), []
    origin: Any = f"http://localhost:{port}"
    async with websockets.connect(
        f"ws://localhost:{port}/draw",
        origin=origin,
        max_size=None,
        compression=None,
        open_timeout=None,
        ping_timeout=None,  # this machine may be busy with the attack
    ) as page:
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            number += 1
            sent = time.perf_counter()
            text = {"id": number, "strokes": strokes[: 1 + number % len(strokes)]}
            await page.send(json.dumps(text))
            photo = await page.recv()
            assert isinstance(photo, bytes), f"refused: {photo!r}"
            delays.append((time.perf_counter() - sent) * 1000)
            await asyncio.sleep(pause)
    return delays


def _crowd(port: int, process: int, settings: Settings) -> None:
    """Everybody's frames, and the memory of the studio and its readers once a minute."""
    context, names = multiprocessing.get_context("spawn"), [*MESSAGES, *UPLOADS]
    over, tried = threading.Event(), []

    def attack() -> None:
        while not over.is_set():
            go, made = context.Event(), context.Event()
            go.set()
            name = names[len(tried) % len(names)]
            tried.append(name)
            attacker = context.Process(target=_attack, args=(name, port, go, made), daemon=True)
            attacker.start()
            over.wait(settings.seconds / len(names))
            attacker.kill()

    def watch() -> None:
        while not over.wait(min(60, settings.seconds / 10)):
            print(
                f"{time.strftime('%X')} {_tree_memory(process):6.0f} MB, {tried[-1:]}", flush=True
            )

    async def draw() -> list[list[float]]:
        drawers = (_delays(port, settings.seconds, 1) for _ in range(settings.drawers))
        return await asyncio.gather(*drawers)

    threads = [threading.Thread(target=work) for work in (attack, watch)]
    for thread in threads:
        thread.start()
    try:
        delays = asyncio.run(draw())
    finally:
        over.set()
        for thread in threads:
            thread.join()
    counts = sorted(map(len, delays))
    worst = sorted(max(each) for each in delays)
    print(f"{len(counts)} drawers: fewest frames {counts[0]}, median {counts[len(counts) // 2]},")
    print(f"most {counts[-1]}; longest wait {worst[-1] / 1000:.1f} s, of the luckiest", end=" ")
    print(f"{worst[0] / 1000:.1f} s; {len(set(tried))} of {len(names)} attacks tried")


def _tree_memory(process: int) -> float:
    """Resident MB of a process and its children."""
    children = Path(f"/proc/{process}/task").glob("*/children")
    every = [str(process), *(child for each in children for child in each.read_text().split())]
    pages = 0
    for number in every:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{number}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def _port_of(address: str) -> int:
    port = urlsplit(address).port
    assert port
    return port


def main(settings: Settings) -> None:
    """Measure and print."""
    context = multiprocessing.get_context("spawn")
    if settings.drawers:
        with running(settings.model) as (address, process):
            _crowd(_port_of(address), process, settings)
        return
    print("attack            quiet ms: median, 95 %, most   attacked: median, 95 %, most   MB")
    with running(settings.model) as (address, _):
        port = _port_of(address)
        asyncio.run(_delays(port, settings.seconds))  # the first ones allocate
        for name in settings.attacks or (*MESSAGES, *UPLOADS):
            go, made = context.Event(), context.Event()
            attacker = context.Process(target=_attack, args=(name, port, go, made), daemon=True)
            attacker.start()
            made.wait()
            found: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(settings.rounds):
                for attacked in found:
                    (go.set if attacked else go.clear)()
                    time.sleep(0.3)
                    found[attacked] += asyncio.run(_delays(port, settings.seconds))
                    go.clear()
                    time.sleep(0.7)  # what was sent is still worked on
            attacker.kill()
            spread = "   ".join(
                f"{np.median(times):8.1f} {np.percentile(times, 95):8.1f} {max(times):8.1f}  "
                for times in found.values()
            )
            memory = metrics(address)["process_resident_memory_bytes"] / 1e6
            print(f"{name:16} {spread}   {memory:6.0f}", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Settings))
