"""The static site in Firefox, Debian's: it starts, has threads, draws what the engine draws."""

from collections.abc import Iterator

import numpy as np
import pytest

from deepfacepencil.runtime.engine import BUNDLED, Engine
from deepfacepencil.studio import opening
from deepfacepencil.studio.protocol import fitted, read_strokes

from ..studio.test_firefox import Firefox, Hand
from .conftest import LONG, Host

_ASK = """
import(document.querySelector('script[type=module]').src.replace('app.js', 'source.js'))
  .then(async ({ opening, photos }) => {
    const [{ strokes }] = await opening.examples();
    const points = (line) =>
      Array.from({ length: line.length / 2 }, (_, i) => [line[2 * i], line[2 * i + 1]]);
    const frame = { tolerance: 0, brush: null, appearance: {}, seed: 3, veil: false, size: 256 };
    const lines = strokes.map((line) => ({ points: points(line) }));
    const { photo } = await photos.ask({ ...frame, strokes: lines });
    return [...photo.data];
  })
"""


@pytest.fixture
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    firefox = Firefox(tmp_path_factory.mktemp("profile"))
    yield firefox
    firefox.close()


class Visitor(Hand):
    """Somebody at the site, which loads itself once more for threads."""

    def go(self) -> None:
        self._say("browsingContext.navigate", url=self.address, wait="none")
        self.until(self._is_ready, LONG)

    def _is_ready(self) -> bool:
        try:
            return bool(self.ask("document.getElementById('meter').dataset.state === 'ready'"))
        except AssertionError:
            return False  # between two pages


def test_it_draws_in_firefox(firefox: Firefox, plain: Host) -> None:
    visitor = Visitor(firefox, plain.address)
    assert visitor.ask("crossOriginIsolated")
    photo = np.array(visitor.ask(_ASK), np.float32).reshape(256, 256, 4)[..., :3]
    strokes = fitted(read_strokes(opening.examples()[0]["strokes"]), {})
    drawn = Engine(BUNDLED)(strokes, seed=3)
    assert np.sqrt(np.square(photo - drawn.photo).mean()) < 2
    visitor.ellipse(256, 281, 140, 195)
    visitor.until(lambda: visitor.ask("document.body.dataset.shown") == "yes", LONG)
