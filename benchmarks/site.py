"""The static site measured: bytes by kind, how long a photo takes in each mode, and memory.

    python benchmarks/site.py site --photos 200

Wall time says what a visitor waits for on this machine as it is; processor time what a photo costs,
whatever else runs meanwhile.
"""

import argparse
import functools
import http.server
import os
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
MODES = {"threads": ISOLATED, "one thread": {}}
SOURCE = "document.querySelector('script[type=module]').src.replace('app.js', 'source.js')"
DRAW = """
async ([count, size]) => {
  const { opening, photos } = await import(SOURCE);
  window.shown ??= (await opening.examples()).map(({ strokes }) => strokes.map((line) => ({
    points: Array.from({ length: line.length / 2 }, (_, i) => [line[2 * i], line[2 * i + 1]]),
  })));
  const frame = { tolerance: 0, brush: null, appearance: {}, veil: false };
  const took = photos.engine.took;
  photos.engine.took = size < 256 ? 1e9 : took; // what is slow draws half the size
  const times = [];
  for (let seed = 0; seed < count; seed++) {
    const begun = performance.now();
    const strokes = window.shown[seed % window.shown.length];
    await photos.ask({ ...frame, strokes, seed, size: Math.max(256, size), live: size < 256 });
    times.push(performance.now() - begun);
  }
  photos.engine.took = took;
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
""".replace("SOURCE", SOURCE)


def host(folder: Path, headers: dict[str, str]) -> str:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for name, value in headers.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


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


def spent(parent: int) -> tuple[float, float]:
    """Seconds of processors and megabytes of all processes below one."""
    seconds = memory = 0.0
    for number in descendants(parent):
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{number}/smaps_rollup").read_text()
        except OSError:
            continue
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        own = next(line for line in status.splitlines() if line.startswith("Pss:"))
        memory += int(own.split()[1]) / 1e3
    return seconds, memory


def opened(browser: Browser, address: str, workers: bool) -> tuple[Page, float]:
    allowed = "allow" if workers else "block"
    # Playwright's own waiting evaluates strings, which the site's policy forbids.
    context = browser.new_context(service_workers=allowed, bypass_csp=True)
    page = context.new_page()
    begun = time.perf_counter()
    page.goto(address)
    ready = "document.getElementById('meter')?.dataset.state === 'ready'"
    page.wait_for_function(ready, timeout=600_000, polling=200)
    return page, time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("site", type=Path)
    parser.add_argument("--photos", type=int, default=200)
    given = parser.parse_args()
    kinds: Counter[str] = Counter()
    for path in given.site.rglob("*"):
        if path.is_file():
            kinds["webgpu" if "asyncify" in path.name else path.suffix] += path.stat().st_size
    print("bytes by kind:", dict(kinds.most_common()))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    chromium = shutil.which("chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
    with sync_playwright() as play:
        for mode, headers in MODES.items():
            browser = play.chromium.launch(executable_path=chromium, args=arguments)
            page, ready = opened(browser, host(given.site, headers), mode == "threads")
            engine = page.evaluate(f"import({SOURCE}).then(({{ photos }}) => photos.engine)")
            print(f"{mode}: {engine['threads']} thread(s), ready after {ready:.1f} s")
            for size in (128, 256, 512, 1024):
                page.evaluate(DRAW, [1, size])
                before, _ = spent(os.getpid())
                count = 5 if size < 1024 else 3
                wall = page.evaluate(DRAW, [count, size])
                after, _ = spent(os.getpid())
                processor = (after - before) / count * 1e3
                print(f"  {size} px: {wall:.0f} ms (median), {processor:.0f} ms of processors")
            if mode == "threads":
                for made in range(0, given.photos, max(1, given.photos // 4)):
                    page.evaluate(DRAW, [max(1, given.photos // 4), 256])
                    done = made + given.photos // 4
                    print(f"  after {done} photos: {spent(os.getpid())[1]:.0f} MB")
            browser.close()


if __name__ == "__main__":
    main()
