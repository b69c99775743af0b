"""The studio among people who wish it ill: half-sent requests, nonsense, and much of it."""

import asyncio
import contextlib
import json
import logging
import random
import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from deepfacepencil.studio import protocol
from deepfacepencil.studio.listening import Waits
from deepfacepencil.studio.long import LongMessages
from deepfacepencil.studio.render_queue import Client, Counts, RenderQueue

from .conftest import Copyist, Running

REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /health?a=%ff HTTP/1.1\r\nHost: [::1]:8400\r\nCookie: a=b; c\r\n\r\n",
    b"HEAD /app.js HTTP/1.0\r\nHost: LOCALHOST\r\n\r\n",
    b"POST /open HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Content-Length: 6\r\n\r\n<svg/>",
    b"POST /place HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"GET /draw HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x82\0\0\0\0{}",
]
FRAME = {"id": 1, "strokes": [[100, 100, 200, 300], [5, 5]], "tolerance": 0.5, "veil": True}
ODD = [None, True, -1, 1e308, 2**70, "", "\0", "NaN", [], {}, [[]], [[1]], [[None, 1]], 10**400]
HASTY = Waits(head=0.3, body=0.3, per_address=20)


@pytest.fixture
def hasty() -> Iterator[Running]:
    """A studio that waits for nobody."""
    running = Running(Copyist(), waits=HASTY)
    yield running
    running.stop()


def mangled(message: bytes, rng: random.Random) -> bytes:
    """The message with a few bytes changed, cut out, repeated or put in."""
    data = bytearray(message)
    for _ in range(rng.randint(1, 4)):
        at, width = rng.randrange(len(data) + 1), rng.choice([1, 1, 2, 8, 40])
        piece = rng.choice(
            [rng.randbytes(width), data[at : at + width] * 3, b"\r\n", b"A" * 70_000]
        )
        data[at : at + rng.choice([0, width])] = piece
    return bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data) + 1)])])


def odd(rng: random.Random) -> object:
    """Part of a message that may be anything."""
    if rng.random() < 0.5:
        return rng.choice(ODD)
    return [[rng.uniform(-600, 1200) for _ in range(rng.randrange(9))] for _ in range(3)]


def is_well(studio: Running) -> bool:
    with httpx2.Client(base_url=studio.address, timeout=60) as client:  # on a busy machine
        return client.get("/health").status_code == 200


def half_sent(studio: Running, text: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", studio.port), timeout=10)
    connection.sendall(text)
    return connection


@pytest.mark.parametrize("sent", [REQUESTS[0][:30], REQUESTS[3][:-3]])
def test_half_sent_requests_make_room_for_others(studio: Running, sent: bytes) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(400):
            held.enter_context(half_sent(studio, sent))
        assert is_well(studio)


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", REQUESTS[3][:-3], REQUESTS[0] + b"GET"])
def test_who_does_not_finish_a_request_is_not_waited_for(hasty: Running, sent: bytes) -> None:
    with half_sent(hasty, sent) as connection, contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass
    assert is_well(hasty)


def test_a_request_that_drips_is_not_waited_for(hasty: Running) -> None:
    gone = False
    with half_sent(hasty, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ") as connection:
        end = time.monotonic() + 20
        while not gone and time.monotonic() < end:
            time.sleep(0.05)
            try:
                connection.sendall(b"x")
            except OSError:
                gone = True
    assert gone


def test_open_pages_outlive_the_waits(hasty: Running) -> None:
    address = f"ws://127.0.0.1:{hasty.port}/draw"
    with connect(address, origin=f"http://127.0.0.1:{hasty.port}") as page:  # type: ignore[arg-type]
        time.sleep(1)
        page.send(json.dumps(FRAME))
        assert isinstance(page.recv(timeout=10), bytes)


def test_mangled_requests_stop_nothing(hasty: Running, caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(0)
    for number in range(300):
        request = mangled(REQUESTS[number % len(REQUESTS)], rng)
        with contextlib.suppress(OSError), half_sent(hasty, request) as connection:
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
            assert not answer.startswith(b"HTTP/1.1 5")
    assert is_well(hasty)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_mangled_messages_stop_nothing(studio: Running, caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(0)
    address = f"ws://127.0.0.1:{studio.port}/draw"
    for _ in range(10):
        with (
            contextlib.suppress(WebSocketException),
            connect(address, origin=f"http://127.0.0.1:{studio.port}") as page,  # type: ignore[arg-type]
        ):
            for _ in range(30):
                changed = {**FRAME, rng.choice([*FRAME, "brush", "new"]): odd(rng)}
                text = json.dumps(changed).encode()
                text = text if rng.random() < 0.5 else mangled(text, rng)
                page.send(text if rng.random() < 0.1 else text.decode("latin-1"))
                answer = page.recv(timeout=60)
                assert isinstance(answer, bytes) or "refused" in json.loads(answer)
    assert is_well(studio)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


UPGRADE = REQUESTS[5][: REQUESTS[5].index(b"\r\n\r\n") + 4]


def test_a_head_of_anything_takes_no_time(studio: Running) -> None:
    """A cookie of 60,000 backslashes took six seconds, in which nobody was answered."""
    begun = time.process_time()
    for more in (
        b'Cookie: a="' + b"\\" * 15_000 + b'"',
        b"Cookie: " + b"a=b;" * 3_700,
        b"X: y\r\n" * 2_500 + b"A: b",
    ):
        with half_sent(studio, REQUESTS[0][:-4] + b"\r\n" + more + b"\r\n\r\n") as connection:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert time.process_time() - begun < 3


def frames(opcode: int, payload: bytes, count: int = 1) -> bytes:
    """Frames of a websocket, masked with nothing."""
    size = bytes([0xFE]) + len(payload).to_bytes(2, "big")
    return (bytes([opcode]) + size + bytes(4) + payload) * count


@pytest.mark.parametrize(
    "sent",
    [
        frames(0x81, b"\xff\xfe"),  # no text
        frames(0x01, b"[") + frames(0, b" ", 5_000) + frames(0x80, b"]"),
        frames(0x89, b"a" * 125, 200_000),  # pings, whose answers nobody reads
        frames(0x83, b""),
        b"\xc1\x80\0\0\0\0",
        frames(0x81, b"{}", 5_000),
    ],
)
def test_broken_frames_close_one_page_only(
    studio: Running, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with contextlib.suppress(OSError), half_sent(studio, UPGRADE) as page:
        assert b"101" in page.recv(65536)
        page.sendall(sent)
        while page.recv(65536):
            pass
    assert is_well(studio)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("more", [b"X: y\r\n" * 200, b"X: " + b"y" * 9_000 + b"\r\n"])
def test_a_long_head_opens_no_page(
    studio: Running, caplog: pytest.LogCaptureFixture, more: bytes
) -> None:
    with contextlib.suppress(OSError), half_sent(studio, UPGRADE[:-2] + more + b"\r\n") as page:
        page.recv(65536)
    assert is_well(studio)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_crumbs_are_heard_in_turn_with_others(studio: Running) -> None:
    """A body in pieces of one byte is a thousand times the work: others are answered meanwhile."""
    head = REQUESTS[4][: REQUESTS[4].index(b"\r\n\r\n") + 4]
    with half_sent(studio, head) as connection:
        sending = threading.Thread(target=connection.sendall, args=(b"1\r\n[\r\n" * 300_000,))
        sending.start()
        for _ in range(5):
            assert is_well(studio)
        connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            sending.join(10)
    assert is_well(studio)


def test_a_long_message_is_read_apart(studio: Running) -> None:
    """As one that is short, and the process of it ends with the studio."""
    address = f"ws://127.0.0.1:{studio.port}/draw"
    with connect(address, origin=f"http://127.0.0.1:{studio.port}", max_size=None) as page:  # type: ignore[arg-type]
        answers = []
        for text in (json.dumps(FRAME), json.dumps(FRAME) + " " * 200_000, " " * 200_000):
            page.send(text)
            answers.append(page.recv(timeout=60))
    photos = [answer[2 + int.from_bytes(answer[:2], "little") :] for answer in answers[:2]]
    assert photos[0] == photos[1]
    assert "JSON" in json.loads(answers[2])["refused"]
    assert is_well(studio)


def test_others_draw_while_a_long_message_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine answers one client as often as it can while another's message is being read."""
    reading, go_on = threading.Event(), threading.Event()
    read = LongMessages.frame

    def slowly(long: LongMessages, text: str, client: int) -> tuple[protocol.Frame, list[str]]:
        reading.set()
        assert go_on.wait(20)
        return read(long, text, client)

    monkeypatch.setattr(LongMessages, "frame", slowly)

    async def two() -> list[int]:
        counts = Counts()
        hostile, friend = Client(counts), Client(counts)
        with contextlib.closing(RenderQueue(Copyist(), counts)) as queue:
            hostile.put(json.dumps({**FRAME, "id": 99}) + " " * 1_400_000)
            long = asyncio.create_task(queue.render_newest(hostile))
            while not reading.is_set():
                await asyncio.sleep(0.01)
            served = []
            for number in range(5):
                friend.put(json.dumps({**FRAME, "id": number}))
                served.append(await queue.render_newest(friend))
            go_on.set()
            served.append(await long)
        return [
            json.loads(answer[2 : 2 + int.from_bytes(answer[:2], "little")])["id"]
            for answer in served
        ]

    assert asyncio.run(two()) == [0, 1, 2, 3, 4, 99]
