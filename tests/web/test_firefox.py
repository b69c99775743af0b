"""The static site in Firefox, Debian's: it starts, has threads, draws what the engine draws."""

from pathlib import Path

import pytest

from deepfacepencil.runtime.engine import BUNDLED, Engine
from deepfacepencil.studio.protocol import fitted, read_strokes

from ..browsers import Firefox
from .visiting import Host, InFirefox, apart, drawings


def test_it_draws_in_firefox_with_a_network_and_without(firefox: Firefox, site: Path) -> None:
    host = Host(site, {})
    visitor = InFirefox(firefox, host)
    (lines,) = drawings(1)
    first, _ = visitor.photo(strokes=lines, seed=3, size=256)
    visitor.until(lambda: visitor.ask("navigator.serviceWorker.controller !== null"))
    host.stop()
    visitor.go()
    assert visitor.ask("crossOriginIsolated")  # by the service worker: the host sends no headers
    again, _ = visitor.photo(strokes=lines, seed=3, size=256)
    assert apart(first, again) == 0


@pytest.mark.usefixtures("draws")
def test_its_photos_are_the_engines(firefox: Firefox, plain: Host) -> None:
    visitor = InFirefox(firefox, plain)
    (lines,) = drawings(1)
    photo, _ = visitor.photo(strokes=lines, seed=3, size=256)
    assert apart(photo, Engine(BUNDLED)(fitted(read_strokes(lines), {}), seed=3).photo) < 2
