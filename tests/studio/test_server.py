"""The server: its answers, its limits, and that the newest drawing of everybody gets its turn."""

import asyncio
import contextlib
import io
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw
from starlette.websockets import WebSocketDisconnect
from websockets.sync.client import connect

from deepfacepencil.errors import InputError
from deepfacepencil.studio.guard import Access, Guard
from deepfacepencil.studio.listening import Allowance, listening
from deepfacepencil.studio.render_queue import Client, Counts, RenderQueue
from deepfacepencil.studio.server import Limits, create_app

from .conftest import Copyist, Running

HOST = "localhost"
DRAW = f"ws://{HOST}/draw"
OURS = {"origin": f"http://{HOST}"}


def frame(number: int = 1, **more: object) -> str:
    return json.dumps({"id": number, "strokes": [[100, 100, 100 + number, 300]], **more})


def head(message: bytes) -> dict[str, Any]:
    length = int.from_bytes(message[:2], "little")
    return dict(json.loads(message[2 : 2 + length]))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Copyist()), base_url=f"http://{HOST}", headers=OURS) as client:
        yield client


def test_a_drawing_is_answered_with_its_photo(client: TestClient) -> None:
    with client.websocket_connect(DRAW) as page:
        page.send_text(frame(7, veil=True, tolerance=1))
        message = page.receive_bytes()
    about = head(message)
    assert (about["id"], about["size"], about["veil"]) == (7, 256, 64)
    assert about["missing"]
    assert len(message) == 2 + int.from_bytes(message[:2], "little") + 256 * 256 * 3 + 64 * 64
    assert message[-1] == 255  # tolerance 1: the widest


def test_what_is_refused_is_said_and_the_page_may_go_on(client: TestClient) -> None:
    with client.websocket_connect(DRAW) as page:
        page.send_text('{"id": 1, "strokes": [[NaN, 0]]}')
        assert "finite" in page.receive_json()["refused"]
        page.send_bytes(b"\x00\x01")
        assert "JSON" in page.receive_json()["refused"]
        page.send_text(frame(3))
        assert head(page.receive_bytes())["id"] == 3
    metrics = client.get("/metrics").text
    assert "studio_refused_total 2\n" in metrics
    assert "studio_frames_total 1\n" in metrics


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost:99"])
def test_other_origins_may_neither_draw_nor_post(client: TestClient, origin: str) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(DRAW, headers={"origin": origin}),
    ):
        pass
    assert client.post("/open", content=b"x", headers={"origin": origin}).status_code == 403


def test_other_names_are_not_answered(client: TestClient) -> None:
    headers = {"host": "evil.example", "origin": "http://evil.example"}
    assert client.get("/", headers=headers).status_code == 421
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(DRAW, headers=headers):
        pass
    for name in ("127.0.0.1:8400", "[::1]:8400", "localhost:1"):
        assert client.get("/", headers={"host": name}).status_code == 200
    access = Access.of("127.0.0.1", ["Studio.Example"], None)
    public = TestClient(create_app(Copyist(), access=access), base_url="http://studio.EXAMPLE")
    assert public.get("/").status_code == 200
    for name in ("LOCALHOST", "LocalHost:8400"):
        assert client.get("/", headers={"host": name}).status_code == 200
    for name in (
        "localhost.evil.example",
        "evil.example:8400",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost/evil.example",
        "localhost?evil.example",
        "localhost\\evil.example",
        "localhost:evil.example",
        "",
        ":8400",
        "[::1",
        "[evil.example]",
    ):
        assert client.get("/", headers={"host": name}).status_code == 421


def test_no_name_is_none_of_ours() -> None:
    for name in ("", "https://studio.example", "[", "a b"):
        with pytest.raises(InputError, match="--allowed-host"):
            Access.of("127.0.0.1", [name], None)
    for host in ("", "0.0.0.0"):  # both are every address of this machine
        access = Access.of(host, [], "a-secret")
        assert access.knows("192.0.2.7:8400")
        assert not access.knows("")


def test_the_origin_is_ours_in_any_case_of_letters(client: TestClient) -> None:
    given = {"host": "localhost:8400", "origin": "HTTP://LocalHost:8400"}
    with client.websocket_connect(DRAW, headers=given) as page:
        page.send_text(frame(2))
        assert head(page.receive_bytes())["id"] == 2


def test_routes_are_not_given_what_takes_time_to_take_apart() -> None:
    given: dict[str, Any] = {}

    async def app(scope: dict[str, Any], *_: object) -> None:
        given.update(scope)

    headers = [(b"host", b"localhost"), (b"cookie", b"a=b;" * 9), *[(b"a", b"b")] * 9]
    asked = {"type": "http", "method": "HEAD", "query_string": b"a=b&" * 9, "headers": headers}
    asyncio.run(Guard(app, Access())(asked, None, None))  # type: ignore[arg-type]
    assert given["headers"] == headers[:1]
    assert not given["query_string"]
    assert given["method"] == "GET"


def test_over_a_network_the_link_with_its_token_gives_access() -> None:
    access = Access.of("0.0.0.0", [], "a-secret")
    address = "http://192.0.2.7:8400"
    ours = {"origin": address}
    with TestClient(create_app(Copyist(), access=access), base_url=address, headers=ours) as client:
        for given in ({}, {"authorization": "Bearer another"}, {"cookie": "studio-8400=another"}):
            assert client.get("/", headers=given).status_code == 401
            assert client.get("/?token=another", headers=given).status_code == 401
        draw = "ws://192.0.2.7:8400/draw"
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(draw):
            pass
        assert client.get("/", headers={"host": "studio.example"}).status_code == 421
        shown = {"authorization": "Bearer a-secret"}
        assert client.get("/health", headers=shown).status_code == 200
        entered = client.get("/?token=a-secret", follow_redirects=False)
        assert entered.status_code == 303
        assert "token" not in entered.headers["location"]
        assert "HttpOnly" in entered.headers["set-cookie"]
        assert client.get("/").status_code == 200  # with the cookie
        with client.websocket_connect(draw) as page:
            page.send_text(frame(2))
            assert head(page.receive_bytes())["id"] == 2


@pytest.mark.parametrize("path", ["/", "/app.js", "/health", "/metrics", "/examples", "/nothing"])
def test_head_says_what_get_would(client: TestClient, path: str) -> None:
    got, headed = client.get(path), client.head(path)
    assert headed.content == b""
    assert headed.status_code == got.status_code
    assert headed.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", ["/", "/app.js", "/health", "/nothing", "/examples"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/../server.py", "/%2e%2e/server.py", "/..%2fserver.py"])
def test_nothing_beside_the_page_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_is_not_sent_twice(client: TestClient) -> None:
    first = client.get("/app.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = client.get("/app.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_files_are_opened(client: TestClient) -> None:
    picture = Image.new("L", (400, 400), 255)
    ImageDraw.Draw(picture).ellipse((80, 40, 320, 360), outline=0, width=6)
    data = io.BytesIO()
    picture.save(data, "PNG")
    found = client.post("/open", content=data.getvalue()).json()["strokes"]
    assert found
    assert np.ptp(np.concatenate([np.reshape(line, (-1, 2)) for line in found]), axis=0).min() > 150
    assert len(client.get("/examples").json()) == 12


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"", 422, "This file is no image"),
        (b"just text", 422, "This file is no image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", 422, "no strokes"),
        (b"<svg><!DOCTYPE", 422, "well-formed"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, 422, "no image"),
    ],
)
def test_files_that_are_no_drawings_are_refused(
    client: TestClient, data: bytes, status: int, reason: str
) -> None:
    reply = client.post("/open", content=data)
    assert reply.status_code == status
    assert reason in reply.json()["detail"]


def test_uploads_are_limited(client: TestClient) -> None:
    assert client.post("/open", content=b"x" * 25_000_001).status_code == 413


def test_a_face_is_brought_to_its_place(client: TestClient) -> None:
    turn = np.linspace(0, 2 * np.pi, 40)
    loop = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    shapes = [((256, 281), (140, 195)), ((193, 241), (24, 10)), ((319, 241), (24, 10))]
    shapes += [((256, 381), (58, 20)), ((256, 325), (40, 12))]
    face = [((loop * radii + middle) * 0.4 + 20).ravel().tolist() for middle, radii in shapes]
    moved = client.post("/place", content=json.dumps({"strokes": face})).json()
    assert moved["scale"] > 1.5
    assert client.post("/place", content=b"[]").status_code == 422


def test_a_full_studio_says_so_and_recovers() -> None:
    app = create_app(Copyist(), Limits(clients=2))
    with TestClient(app, base_url=f"http://{HOST}", headers=OURS) as client:
        with client.websocket_connect(DRAW), client.websocket_connect(DRAW):
            assert client.get("/health").json() == {"status": "full", "clients": 2}
            with client.websocket_connect(DRAW) as third:
                assert "full" in third.receive_json()
                with pytest.raises(WebSocketDisconnect) as closed:
                    third.receive_json()
                assert closed.value.code == 1013
        with client.websocket_connect(DRAW) as page:
            page.send_text(frame())
            assert head(page.receive_bytes())["id"] == 1


def test_who_talks_too_much_is_sent_away() -> None:
    app = create_app(Copyist(0.01), Limits(messages_per_second=10))
    with (
        TestClient(app, base_url=f"http://{HOST}", headers=OURS) as client,
        client.websocket_connect(DRAW) as page,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        for number in range(100):
            page.send_text(frame(number))
        while True:
            page.receive_bytes()
    assert closed.value.code == 1008


def test_rich_drawings_are_not_too_much() -> None:
    app = create_app(Copyist())
    rich = [[100 + k % 300 for k in range(2_000)] for _ in range(20)]
    with (
        TestClient(app, base_url=f"http://{HOST}", headers=OURS) as client,
        client.websocket_connect(DRAW) as page,
    ):
        for number in range(1, 41):
            page.send_text(frame(number, strokes=rich))
        while head(page.receive_bytes())["id"] < 40:
            pass


def test_slow_uploads_are_given_up() -> None:
    app = create_app(Copyist(), Limits(upload=0))
    with TestClient(app, base_url=f"http://{HOST}", headers=OURS) as client:
        assert client.post("/open", content=b"<svg/>").status_code == 408


def test_one_address_leaves_others_room_to_open_files() -> None:
    """Who sends slowly, or posts from another site, takes nobody's place."""
    running = Running(Copyist(), Limits(opening=3, opening_per_address=2))
    try:
        head = f"POST /open HTTP/1.1\r\nHost: {running.address[7:-1]}\r\nContent-Length: 9\r\n"
        ours = f"{head}Origin: {running.address[:-1]}\r\n"
        with contextlib.ExitStack() as held:
            for text in [f"{head}Origin: http://evil.example\r\n"] * 3 + [ours] * 2:
                slow = socket.create_connection(("127.0.0.1", running.port), timeout=10)
                held.enter_context(slow).sendall(f"{text}\r\n<svg".encode())
            with httpx2.Client(
                base_url=running.address, headers={"origin": running.address[:-1]}, timeout=120
            ) as client:
                while client.post("/open", content=b"<svg/>").status_code != 503:
                    time.sleep(0.05)
                other = {"x-forwarded-for": "192.0.2.1"}  # as a proxy on this machine says it
                assert client.post("/open", content=b"<svg/>", headers=other).status_code == 422
                assert client.post("/place", content=b"[]").status_code == 422
    finally:
        running.stop()


def test_an_allowance_comes_back_with_time() -> None:
    now = 0.0
    allowance = Allowance(10, 20, clock=lambda: now)
    assert allowance.take(20)
    assert not allowance.take(1)
    now = 0.5
    assert allowance.take(5)
    assert not allowance.take(1)


def test_the_newest_frame_of_a_drawer_wins() -> None:
    async def hasty() -> tuple[list[int], int]:
        counts = Counts()
        client, served = Client(counts), []
        with contextlib.closing(RenderQueue(Copyist(0.05), counts)) as queue:
            client.put(frame(0))
            first = asyncio.create_task(queue.render_newest(client))
            await asyncio.sleep(0.02)  # the engine is busy now
            for number in range(1, 50):
                client.put(frame(number))
            for answer in (await first, await queue.render_newest(client)):
                served.append(head(answer)["id"])
        return served, counts.replaced

    assert asyncio.run(hasty()) == ([0, 49], 48)


def test_a_frame_may_take_the_place_of_the_one_that_is_drawn() -> None:
    async def drawn(instead: bool) -> tuple[bytes | None, float]:
        counts = Counts()
        client = Client(counts)
        with contextlib.closing(RenderQueue(Copyist(2), counts)) as queue:
            client.put(frame(1))
            first = asyncio.create_task(queue.render_newest(client))
            while not client.call:
                await asyncio.sleep(0.01)
            client.put(frame(2, instead=instead))
            return await first, counts.given_up

    answer, given_up = asyncio.run(drawn(False))
    assert answer and head(answer)["id"] == 1
    assert not given_up
    assert asyncio.run(drawn(True)) == (None, 1)


def test_clients_take_turns() -> None:
    async def crowd() -> list[int]:
        counts = Counts()
        order = []

        async def draw(queue: RenderQueue, who: int, times: int) -> None:
            client = Client(counts)
            for _ in range(times):
                client.put(frame(who))
                order.append(head(await queue.render_newest(client))["id"])

        with contextlib.closing(RenderQueue(Copyist(0.005), counts)) as queue:
            await asyncio.gather(*(draw(queue, who, 8) for who in range(3)))
        return order

    order = asyncio.run(crowd())
    for turn in range(8):
        assert sorted(order[3 * turn : 3 * turn + 3]) == [0, 1, 2]


def test_who_never_reads_blocks_nobody() -> None:
    running = Running(Copyist(), Limits(patience=0.5))
    try:
        with socket.create_connection(("127.0.0.1", running.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(
                b"GET /draw HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
                b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            text = frame().encode()
            message = bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text
            with httpx2.Client(base_url=running.address) as other:
                gone, end = False, time.monotonic() + 20
                while not gone and time.monotonic() < end:
                    with contextlib.suppress(OSError):
                        deaf.sendall(message)
                    time.sleep(0.02)
                    gone = other.get("/health").json()["clients"] == 0
            assert gone
    finally:
        running.stop()


def descendants(of: int) -> set[int]:
    children = Path(f"/proc/{of}/task").glob("*/children")
    found = {int(child) for path in children for child in path.read_text().split()}
    return found.union(*map(descendants, found))


def runs(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux tells what runs")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_studio_that_is_ended_leaves_no_process(ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "deepfacepencil", "studio", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as studio:
        assert studio.stdout
        address = re.search(r"http://\S+(?=/)", studio.stdout.readline())
        assert address
        asked = {"origin": address[0]}
        drawing = b"<svg viewBox='0 0 9 9'><path d='M1 1L8 8' stroke='#000'/></svg>"
        with httpx2.Client(base_url=address[0], headers=asked, timeout=60) as client:
            client.post("/open", content=drawing)
            left = descendants(studio.pid)  # what reads drawings
            assert left
            with connect(f"{address[0].replace('http', 'ws')}/draw", additional_headers=asked):
                studio.send_signal(ending)
                studio.wait(60)
    end = time.monotonic() + 30
    while any(map(runs, left)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_taken_port_is_named_with_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} is taken; .* try --port \d+"):
            listening("127.0.0.1", port)
    with pytest.raises(InputError, match="no port"):
        listening("127.0.0.1", 99_999)
    with pytest.raises(InputError, match="cannot listen"):
        listening("192.0.2.1", 0)
