"""The site as people get it, written once, and servers that know nothing but files."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfacepencil.runtime.engine import BUNDLED
from deepfacepencil.web.site import write_site

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements/node_modules/onnxruntime-web"
LONG = 240  # seconds until the first photo, on a machine that others use
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class Host:
    """Python's own server of files, below a path, with headers or without."""

    def __init__(self, folder: Path, headers: dict[str, str], below: str = "") -> None:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def translate_path(self, path: str) -> str:
                inside = path.split("?")[0].startswith(f"/{below}")
                return super().translate_path(path[len(below) :] if inside else "/absent")

            def end_headers(self) -> None:
                for name, value in headers.items():
                    self.send_header(name, value)
                super().end_headers()

            def log_message(self, *_: object) -> None:
                pass

        handler = functools.partial(Handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.address = f"{self.origin}/{below}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site with the bundled model."""
    if not (RUNTIME / "dist").is_dir():
        pytest.skip("onnxruntime-web is not there: `make requirements/node_modules` gets it")
    folder = tmp_path_factory.mktemp("web") / "site"
    written = write_site(folder, BUNDLED, RUNTIME)
    assert written.distance < 2
    assert written.bytes < 45e6
    return folder


@pytest.fixture(scope="session")
def plain(site: Path) -> Iterator[Host]:
    """A host that sends no headers, below a path."""
    host = Host(site, {}, "drawing/faces/")
    yield host
    host.stop()
