"""What a drawing may cost: small files that ask for much are refused, or made cheap, and named."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deepfacepencil.apart import Apart, _send
from deepfacepencil.budget import require_regular, whole_rules
from deepfacepencil.errors import InputError
from deepfacepencil.sketch import svg

LINE = '<path d="M100 100L400 400" fill="none" stroke="#000" stroke-width="3"/>'


def document(body: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">{body}</svg>'


def doublings(times: int) -> str:
    pairs = "".join(
        f'<g id="g{k + 1}"><use href="#g{k}"/><use href="#g{k}"/></g>' for k in range(times)
    )
    return f'<defs><g id="g0">{LINE}</g>{pairs}</defs><use href="#g{times}"/>'


def towers(of: int) -> str:
    copies = ["".join(f'<use href="#{name}"/>' for _ in range(of)) for name in "abc"]
    circle = '<circle id="a" cx="250" cy="250" r="100" fill="none" stroke="#000"/>'
    return f'<defs>{circle}<g id="b">{copies[0]}</g><g id="c">{copies[1]}</g></defs>{copies[2]}'


REFUSED: dict[str, tuple[str, str]] = {
    "doublings": (doublings(13), "copies"),
    "a billion copies": (doublings(40), "endlessly many copies"),
    "itself": (f'<g id="a">{LINE}<use href="#a"/></g>', "endlessly many copies"),
    "towers": (towers(24), "copies"),
    "closes": (f'<path d="M1 1L400 400{"z" * 22_000}" stroke="#000"/>', "closed too often"),
    "opacity": (f'<g opacity="{"0" * 90_000}x">{LINE}</g>', "opacity has 90001 characters"),
    "groups": ("<g/>" * 60_000 + LINE, "60002 elements"),
    "tags": ("<g/>" * 120_000 + LINE, "tags"),
}
CHEAP: dict[str, str] = {
    "dashes": LINE.replace("stroke-width", 'stroke-dasharray=".01" stroke-width'),
    "dashes of style": LINE.replace("stroke-width", 'style="stroke-dasharray:.01" stroke-width'),
    "a style that is a word": f"<style>{'a' * 60_000}</style>{LINE}",
    "a style of beginnings": f"<style>{'a{' * 40_000}</style>{LINE}",
    "a style of ends": f"<style>{'}' * 60_000}</style>{LINE}",
    "a style of comments": f"<style>{'/*' * 40_000}</style>{LINE}",
    "masks": "<g/>" * 45_000 + "<mask/>" * 45_000 + LINE,
    "few copies": doublings(7),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_asks_for_too_much_is_refused_by_its_name(case: str) -> None:
    body, reason = REFUSED[case]
    with pytest.raises(InputError, match=rf"face\.svg: .*({reason})"):
        svg.parse(document(body), "face.svg")


@pytest.mark.parametrize("case", CHEAP)
def test_what_only_looks_expensive_is_drawn(case: str) -> None:
    assert len(svg.parse(document(CHEAP[case]), "face.svg")) >= 1


def test_style_sheets_keep_their_rules() -> None:
    sheet = """@import "no.css"; /* .a{} */ .line{stroke:#f00}
        @media print { .line { stroke: none } } .b , .c{fill:none;} .d{} } .e{fill:#000"""
    assert whole_rules(sheet) == ".line {stroke:#f00}\n.b , .c {fill:none;}"


SLOW = """
from deepfacepencil import apart
apart.CPU_SECONDS = 1
def work(name, data, asked):
    if asked["do"] == "hang":
        while True: pass
    if asked["do"] == "sleep":
        import time; time.sleep(1000)
    if asked["do"] == "grow":
        return {}, [bytes(5 << 30)]
    if asked["do"] == "die":
        import os; os.abort()
    if asked["do"] == "print":
        print("nonsense", flush=True)
    return {"length": len(data)}, [data[::-1]]
apart.serve(work)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apart:
    (tmp_path / "slow_worker.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Apart("slow_worker", seconds=120)


@pytest.mark.parametrize("do", ["hang", "sleep", "grow", "die"])
def test_work_that_does_not_end_is_ended_and_the_next_is_done(worker: Apart, do: str) -> None:
    if do == "sleep":
        worker._seconds = 3
    with pytest.raises(InputError, match=r"face\.svg: .*too (long|much)"):
        worker("face.svg", b"", do=do)
    worker._seconds = 120
    for _ in range(2):
        head, (back,) = worker("face.svg", b"abc", do="print")
        assert (head["length"], back) == (3, b"cba")
    worker.close()


def test_code_beside_the_drawings_is_not_run(
    worker: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    for name in ("json.py", "slow_worker.py", "sitecustomize.py"):
        (downloads / name).write_text("open('ran', 'w')\nraise SystemExit")
    monkeypatch.chdir(downloads)
    head, _ = worker("face.svg", b"abc", do="print")
    assert head["length"] == 3
    assert not (downloads / "ran").exists()
    worker.close()


def test_closing_does_not_wait_for_the_work_at_hand(worker: Apart) -> None:
    worker("face.svg", b"", do="print")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker, "face.svg", b"", do="sleep")
        while not worker._lock.locked():
            time.sleep(0.01)
        worker.close()
        with pytest.raises(InputError):
            waiting.result(60)


def test_a_process_apart_ends_with_its_parent(worker: Apart) -> None:
    worker("face.svg", b"abc", do="print")
    process = worker._process
    assert process
    assert process.stdin
    process.stdin.close()  # as the end of the parent does
    assert process.wait(10) == 0


def test_a_process_at_work_ends_with_its_parent(worker: Apart) -> None:
    worker.begin()
    process = worker._process
    assert process
    assert process.stdin
    _send(process.stdin, {"name": "face.svg", "do": "sleep"}, [b""])
    process.stdin.close()
    assert process.wait(60) == 0


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "pipe", tmp_path / "folder", Path("/dev/zero")):
        with pytest.raises(InputError, match=str(path)):
            require_regular(path)
    require_regular(tmp_path / "absent")
