"""The static site proved and measured, in Chromium and Firefox, on hosts with headers and without.

    make requirements/node_modules
    python -m benchmarks.site site [--only draws pen sizes speed memory webgpu] [--photos 200]

draws: all of examples/ in each browser on each host, against the engine; what is asked of others;
and again without a network. pen: rasters and photos of 50 drawings. speed: what a visitor waits for
on this machine as it is (wall time), and what a photo costs whatever else runs (processor time), in
each mode. webgpu: the model on a software adapter, for correctness. What fails exits with 1.
"""

import contextlib
import gzip
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from deepfacepencil.runtime.engine import BUNDLED, QUICK, SIZES, Engine
from deepfacepencil.sketch import pen
from deepfacepencil.sketch.lines import points_of
from deepfacepencil.sketch.normalise import load_drawing
from deepfacepencil.studio.protocol import fitted, read_strokes
from tests.browsers import Firefox, chromium
from tests.web.visiting import (
    ISOLATION,
    SOURCE,
    Host,
    InChromium,
    InFirefox,
    Lines,
    Visitor,
    apart,
    drawings,
)

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.svg"))
HOSTS: dict[str, dict[str, str]] = {"plain": {}, "headers": ISOLATION}
ALIKE = 2  # grey levels, root mean square, that the site's photos may be from the engine's
# What browsers ask their makers for by themselves, whatever page is open.
ITS_MAKERS = (
    *(".mozilla.com", ".mozilla.net", ".mozilla.org", ".firefox.com"),
    *(".googleapis.com", ".google.com"),
)
CARD = "webgpu, where there is a card"
Part = Literal["draws", "pen", "sizes", "speed", "memory", "webgpu"]


@dataclass(frozen=True)
class Settings:
    """Prove and measure the site."""

    site: tyro.conf.Positional[Path]
    """The folder that `make web` wrote."""
    only: tuple[Part, ...] = ("sizes", "draws", "pen", "speed", "memory", "webgpu")
    """What to do."""
    browsers: tuple[Literal["chromium", "firefox"], ...] = ("chromium", "firefox")
    """In which browsers."""
    model: Path = BUNDLED
    """The model that the site was made of."""
    photos: int = 200
    """Photos after which the memory is to be as it was."""
    drawings: int = 50
    """Drawings that rasters and photos are compared on."""


failures: list[str] = []


def check(holds: bool, said: str) -> None:
    """Prints a finding; one that does not hold fails the whole."""
    print(f"  {'ok  ' if holds else 'FAIL'} {said}", flush=True)
    if not holds:
        failures.append(said)


class Elsewhere:
    """Stands in, as a proxy, for every machine but this one, and notes what is asked of them."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                line = connection.recv(4096).split(b"\r\n")[0].decode("latin-1")
                self.asked[line.split(" ")[1] if " " in line else line] += 1

    def for_pages(self) -> dict[str, int]:
        """What was asked, but for what a browser asks its maker."""
        return {
            url: count
            for url, count in self.asked.items()
            if not url.split("//")[-1].split("/")[0].split(":")[0].endswith(ITS_MAKERS)
        }


@contextlib.contextmanager
def visit(
    browser: str, host: Host, elsewhere: Elsewhere, workers: bool = True, *more: str
) -> Iterator[Visitor]:
    """A visitor; without service workers a host without headers gives one thread."""
    if browser == "chromium":
        proxy = f"--proxy-server=http://127.0.0.1:{elsewhere.port}"
        allowed = "allow" if workers else "block"
        with chromium(args=[proxy, *more]) as program:
            yield InChromium(program, host, service_workers=allowed)
        return
    preferences = {
        "network.proxy.type": "1",
        "dom.serviceWorkers.enabled": str(workers).lower(),
        **{f"network.proxy.{kind}": '"127.0.0.1"' for kind in ("http", "ssl")},
        **{f"network.proxy.{kind}_port": str(elsewhere.port) for kind in ("http", "ssl")},
    }
    with tempfile.TemporaryDirectory() as profile:
        lines = [f'user_pref("{name}", {value});' for name, value in preferences.items()]
        firefox = Firefox(Path(profile), lines)
        try:
            yield InFirefox(firefox, host)
        finally:
            firefox.close()


def sizes(site: Path) -> None:
    """Bytes by kind: as they lie there, and as a host that compresses serves them."""
    kinds: dict[str, list[int]] = {}
    for path in sorted(site.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        packed = len(data) if path.suffix in (".gz", ".png", ".jpg") else len(gzip.compress(data))
        kind = path.name.split("-")[0] if path.suffix == ".gz" else path.suffix.lstrip(".")
        if "asyncify" in path.name:
            kind = CARD
        row = kinds.get(kind, [0, 0, 0])
        kinds[kind] = [row[0] + 1, row[1] + len(data), row[2] + packed]
    print("bytes by kind: files, as they are, gzip")
    for kind, row in sorted(kinds.items(), key=lambda item: -item[1][2]):
        print(f"  {kind:34} {row[0]:4} {row[1]:12,} {row[2]:12,}")
    first = sum(row[2] for kind, row in kinds.items() if kind != CARD)
    check(first < 45e6, f"first visit {first / 1e6:.1f} MB, of 45")


def draws(site: Path, browser: str, kind: str, engine: Engine) -> None:
    """All of examples/ against the engine, what is asked of others, and all without a network."""
    print(f"{browser}, {kind} host:")
    host, elsewhere = Host(site, HOSTS[kind], "below/a/path/"), Elsewhere()
    begun = time.perf_counter()
    with visit(browser, host, elsewhere) as visitor:
        ready = time.perf_counter() - begun
        first = "at the first load"
        visitor.until(lambda: visitor.ask("navigator.serviceWorker.controller !== null"))
        if not visitor.ask("crossOriginIsolated"):  # its files took longer than the page waits
            visitor.go()
            first = "at the second load, for this machine was slow"
        facts = engine_of(visitor)
        isolated = visitor.ask("crossOriginIsolated")
        check(isolated, f"isolated {first}; {facts['threads']} thread(s)")
        print(f"       draws after {ready:.1f} s")
        lines = [visitor.read(path.read_text()) for path in EXAMPLES]
        distances, faces = [], []
        for seed, (path, each) in enumerate(zip(EXAMPLES, lines, strict=True)):
            photo, said = visitor.photo(strokes=each, seed=seed, size=256)
            strokes = fitted(read_strokes(points_of(load_drawing(path))), {})
            drawn = engine(strokes, seed=seed)
            distances.append(apart(photo, drawn.photo))
            faces.append(abs(said["face"] - drawn.face))
        told = f"mean {np.mean(distances):.2f}, worst {max(distances):.2f} grey levels"
        check(max(distances) < ALIKE, f"{len(lines)} examples: {told}")
        print(f"       certainty of a face: {max(faces):.3f} apart at most")
        before, _ = visitor.photo(strokes=lines[0], seed=3, size=512)
        host.stop()
        visitor.go()
        after, _ = visitor.photo(strokes=lines[0], seed=3, size=512)
        check(apart(before, after) == 0, "without a network: the same photo to the last bit")
        if isinstance(visitor, InChromium):
            origins = (host.origin, "blob:")
            other = [url for url in visitor.asked if not url.startswith(origins)]
            check(not other, f"{len(visitor.asked)} requests, elsewhere: {other or 'none'}")
            check(not visitor.problems, f"errors on the console: {visitor.problems or 'none'}")
    by_itself = len(elsewhere.asked) - len(elsewhere.for_pages())
    said = f"asked of other hosts: {elsewhere.for_pages() or 'nothing'}"
    check(not elsewhere.for_pages(), f"{said}; by {browser} of its maker: {by_itself}")


def engine_of(visitor: Visitor) -> dict[str, float]:
    found = visitor.module("source.js", "const { trial, ...said } = it.photos.engine; return said;")
    return dict(found)


def same_pen(site: Path, browser: str, engine: Engine, count: int) -> None:
    """Rasters and photos of drawings by a page's pen and by Python's."""
    host, given = Host(site, {}), drawings(count)
    script = f"""
    const {{ smooth }} = await import({SOURCE}.replace("source.js", "web/smooth.js"));
    return given.map((lines) => [...it.draw(lines.map(smooth), 128)]);
    """
    with visit(browser, host, Elsewhere()) as visitor:
        rasters = np.array(visitor.module("web/pen.js", script, given)).reshape(-1, 128, 128)
        levels, spreads, distances = [], [], []
        for seed, (lines, raster) in enumerate(zip(given, rasters, strict=True)):
            strokes = fitted(read_strokes(lines), {})
            ours = pen.draw(strokes, 128)
            levels.append(int(np.abs(raster - ours.astype(int)).max()))
            spreads.append(apart(raster, ours))
            photo, _ = visitor.photo(strokes=lines, seed=seed, size=256)
            distances.append(apart(photo, engine(strokes, seed=seed).photo))
    host.stop()
    print(f"{browser}, {count} drawings:")
    told = f"{max(levels)} of 255 at most, {max(spreads):.3f} root mean square at most"
    check(max(levels) <= 3, f"rasters: {told}")
    told = f"mean {np.mean(distances):.2f}, worst {max(distances):.2f} grey levels"
    check(max(distances) < ALIKE, f"photos: {told}")


def speed(site: Path, browser: str) -> None:
    """How long photos of each size take in each mode, and from pointer to photo."""
    for mode, kind in (("threads", "headers"), ("one thread", "plain")):
        host = Host(site, HOSTS[kind])
        begun = time.perf_counter()
        with visit(browser, host, Elsewhere(), mode == "threads") as visitor:
            ready = time.perf_counter() - begun
            said = engine_of(visitor)
            print(f"{browser}, {mode}: {said['threads']:.0f}, ready after {ready:.1f} s")
            for size in (QUICK, *SIZES):
                wall, processor = costs(visitor, size, 5 if size < 1024 else 2)
                name = f"{size} px" if size else "quick"
                print(f"  {name}: {wall:.0f} ms (median), {processor:.0f} ms of processors")
            delays = scribbled(visitor)
            late = np.percentile(delays, 95)
            told = f"median {statistics.median(delays):.0f} ms, 95 % within {late:.0f} ms"
            print(f"  pointer to photo: {told} ({len(delays)} events)", flush=True)
        host.stop()


def costs(visitor: Visitor, size: int, count: int) -> tuple[float, float]:
    """Milliseconds of a photo: on the clock, the median; and of processors, the mean."""
    lines = drawings(count)
    visitor.photo(strokes=lines[0], seed=count, size=size)  # the first one allocates
    before, times = spent()[0], []
    for seed, each in enumerate(lines):
        times.append(visitor.photo(strokes=each, seed=seed, size=size)[1]["engine"])
    return statistics.median(times), (spent()[0] - before) / count * 1e3


def scribbled(visitor: Visitor, seconds: float = 6) -> list[float]:
    """Milliseconds from pointer events to the photos that show them, drawing without pause."""
    visitor.ask("void document.querySelector('#tour button:last-child').click()")
    visitor.ask("void performance.clearMeasures('pointer-to-photo')")
    turn = np.arange(0, seconds, 1 / 60) * 6
    visitor.drag(list(zip(256 + 154 * np.cos(turn), 281 + 179 * np.sin(1.1 * turn), strict=True)))
    visitor.until(lambda: visitor.ask("document.body.dataset.photo") == "current")
    measures = "performance.getEntriesByName('pointer-to-photo').map((one) => one.duration)"
    return list(visitor.ask(measures))


def memory(site: Path, browser: str, photos: int) -> None:
    """What all processes of the browser take, as photos are made."""
    host, found = Host(site, ISOLATION), []
    lines: list[Lines] = drawings(12)
    with visit(browser, host, Elsewhere()) as visitor:
        for made in range(photos + 1):
            size = 512 if made % 4 == 0 else 256
            visitor.photo(strokes=lines[made % 12], seed=made, size=size)
            if made % max(1, photos // 4) == 0:
                found.append(spent()[1])
    host.stop()
    grown = found[-1] - found[1]
    told = ", ".join(f"{megabytes:.0f}" for megabytes in found)
    check(grown < 50, f"{browser}: {told} MB at each quarter of {photos} photos")


ON_THE_CARD = f"""
async () => {{
  const near = (name) => {SOURCE}.replace("source.js", name);
  const {{ FILES }} = await import(near("web/files.js"));
  const site = JSON.parse(JSON.stringify(FILES), (key, value) =>
    ["address", "library", "glue"].includes(key) ? new URL(value, near("web.js")).href : value);
  const said = (provider) => new Promise((done) => {{
    const worker = new Worker(near("web/worker.js"), {{ type: "module" }});
    worker.onmessage = ({{ data }}) => data.id && (worker.terminate(), done(data));
    worker.postMessage({{ id: 1, what: "start", provider, site, trials: 1 }});
  }});
  const [one, other] = [await said("wasm"), await said("webgpu")];
  if (other.failed) return {{ failed: other.failed }};
  let sum = 0;
  one.done.trial.forEach((value, i) => (sum += (value - other.done.trial[i]) ** 2));
  return {{ apart: Math.sqrt(sum / one.done.trial.length), took: other.done.took }};
}}
"""


def webgpu(site: Path) -> None:
    """The choice between card and processor, and the model on an adapter made of software."""
    flags = (
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
        "--enable-unsafe-swiftshader",
    )
    host = Host(site, ISOLATION)
    with visit("chromium", host, Elsewhere(), True, *flags) as visitor:
        adapter = "navigator.gpu?.requestAdapter().then((a) => a && (a.info?.description ?? '?'))"
        found = visitor.ask(adapter)
        print(f"webgpu: adapter {found!r}")
        chosen = "JSON.parse(localStorage.getItem('engine'))?.provider"
        if found is not None:
            visitor.until(lambda: visitor.ask(chosen) is not None)
            print(f"  chosen for it: {visitor.ask(chosen)}")
            said = visitor.ask(f"({ON_THE_CARD})()")
            check(said.get("apart", 99) < ALIKE, f"photo on it, against the processor's: {said}")
    host.stop()


def spent() -> tuple[float, float]:
    """Seconds of processors and megabytes of all processes below this one."""
    seconds = megabytes = 0.0
    for number in descendants(os.getpid()):
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{number}/smaps_rollup").read_text()
        except OSError:
            continue
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        own = next(line for line in status.splitlines() if line.startswith("Pss:"))
        megabytes += int(own.split()[1]) / 1e3
    return seconds, megabytes


def descendants(parent: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, todo = [], [parent]
    while todo:
        todo += (own := children.get(todo.pop(), []))
        found += own
    return found


def main(settings: Settings) -> None:
    """Prove and measure, and print."""
    site = settings.site
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    engine = Engine(settings.model)
    if "sizes" in settings.only:
        sizes(site)
    for browser in settings.browsers:
        if "draws" in settings.only:
            for kind in HOSTS:
                draws(site, browser, kind, engine)
        if "pen" in settings.only:
            same_pen(site, browser, engine, settings.drawings)
        if "speed" in settings.only:
            speed(site, browser)
        if "memory" in settings.only:
            memory(site, browser, settings.photos)
    if "webgpu" in settings.only:
        webgpu(site)
    sys.exit(f"{len(failures)} fail: {failures}" if failures else 0)


if __name__ == "__main__":
    main(tyro.cli(Settings))
