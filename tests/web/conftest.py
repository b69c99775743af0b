"""The site as people get it, written once: with onnxruntime-web, or a copyist where npm was not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfacepencil.runtime.engine import BUNDLED
from deepfacepencil.web import site as writing

from .visiting import Host

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements/node_modules/onnxruntime-web"
COPYIST = Path(__file__).with_name("copyist.mjs")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site with the bundled model, or a copyist in its place: see `draws`."""
    folder = tmp_path_factory.mktemp("web")
    if (RUNTIME / "dist").is_dir():
        written = writing.write_site(folder / "site", BUNDLED, RUNTIME)
        assert written.distance < 2
        assert written.bytes < 45e6
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writing, "for_the_web", _no_weights)
            writing.write_site(folder / "site", BUNDLED, _copyist(folder / "copyist"))
    return folder / "site"


def _no_weights(model: Path, path: Path, drawings: object) -> float:
    path.write_bytes(b"none")
    return 0.0


def _copyist(folder: Path) -> Path:
    """What looks like onnxruntime-web, and copies."""
    (folder / "dist").mkdir(parents=True)
    for names in writing.RUNTIMES.values():
        for name in names:
            (folder / "dist" / name).write_bytes(COPYIST.read_bytes())
    return folder


@pytest.fixture(scope="session")
def draws() -> None:
    """Wants a site whose photos are the network's."""
    if not (RUNTIME / "dist").is_dir():
        pytest.skip("onnxruntime-web is not there: `make requirements/node_modules` gets it")


@pytest.fixture(scope="session")
def plain(site: Path) -> Iterator[Host]:
    """A host that sends no headers, below a path."""
    host = Host(site, {}, "drawing/faces/")
    yield host
    host.stop()
