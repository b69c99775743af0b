"""The page in Firefox, Debian's, driven by WebDriver BiDi: the ways that people go most."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from ..browsers import Firefox
from .conftest import Copyist, Running


class Hand:
    """Somebody at the page, on the paper's 512 x 512."""

    def __init__(
        self, firefox: Firefox, address: str, width: int = 1280, height: int = 800
    ) -> None:
        self._firefox, self.address = firefox, address
        self.resize(width, height)
        self.go()

    def _say(self, method: str, **params: Any) -> dict[str, Any]:
        return self._firefox.say(method, context=self._firefox.context, **params)

    def go(self) -> None:
        self._say("browsingContext.navigate", url=self.address, wait="complete")
        self.until(lambda: self.ask("document.getElementById('meter').dataset.state") == "ready")

    def resize(self, width: int, height: int) -> None:
        self._say("browsingContext.setViewport", viewport={"width": width, "height": height})

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self._firefox.ask(expression)

    def until(self, holds: Callable[[], object], seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        self.ask(f"void document.querySelector({json.dumps(selector)}).click()")

    def press(self, *keys: str) -> None:
        """Keys of the keyboard, held together."""
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._say("input.performActions", actions=[{"type": "key", "id": "k", "actions": actions}])

    def line(self, places: Sequence[tuple[float, float]]) -> None:
        box = self.ask("document.getElementById('paper').getBoundingClientRect().toJSON()")
        step = box["width"] / 512
        self._firefox.draw([(box["x"] + x * step, box["y"] + y * step) for x, y in places])

    def ellipse(self, x: float, y: float, rx: float, ry: float) -> None:
        turn = np.linspace(0, 2 * np.pi, 20)
        self.line([(x + rx * np.cos(t), y + ry * np.sin(t)) for t in turn])

    def kept(self) -> list[Any]:
        """The drawing on the table, as the store has it."""
        self.until(lambda: self.ask("document.body.dataset.kept") == "yes")
        return list(
            self.ask(
                "import('/store.js').then((store) => store.find(store.choices.get('current')))"
                ".then((entry) => entry?.drawing.strokes ?? [])"
            )
        )

    def settle(self) -> None:
        self.until(lambda: self.ask("document.body.dataset.photo") == "current")


@pytest.fixture
def hand(firefox: Firefox) -> Iterator[Hand]:
    running = Running(Copyist())
    hand = Hand(firefox, running.address)
    yield hand
    running.stop()


def test_the_first_minute(hand: Hand) -> None:
    assert not hand.ask("document.getElementById('tour').hidden")
    hand.click("#tour button:last-child")
    hand.ellipse(193, 241, 26, 11)
    hand.until(lambda: hand.ask("!document.getElementById('unsure').hidden"))
    hand.ellipse(319, 241, 26, 11)
    hand.ellipse(256, 281, 140, 195)
    hand.until(lambda: hand.ask("document.getElementById('unsure').hidden"))
    hand.settle()
    assert hand.ask("document.body.dataset.shown") == "yes"
    assert "mouth" in hand.ask("document.getElementById('hint').textContent")
    hand.go()
    assert hand.ask("document.getElementById('tour').hidden")  # for good


def test_looks_variants_and_undo_over_a_reload(hand: Hand) -> None:
    hand.ellipse(256, 281, 140, 195)
    hand.click("#looks")
    hand.click("#looks-list .swatch:nth-child(4)")
    hand.click("#variants")
    hand.until(lambda: hand.ask("document.querySelectorAll('#strip:not(.old) button').length") == 6)
    hand.click("#strip button:nth-child(2)")
    assert len(hand.kept()) == 1
    hand.go()
    hand.until(lambda: hand.ask("!document.getElementById('undo').disabled"))
    for _ in range(3):
        hand.click("#undo")
    hand.until(lambda: hand.kept() == [])
    hand.click("#redo")
    hand.until(lambda: len(hand.kept()) == 1)


def test_clipboard_and_gallery(hand: Hand) -> None:
    hand.line([(100, 100), (150, 110), (200, 100)])
    control = "\ue009"
    hand.press(control, "a")
    hand.press(control, "c")
    time.sleep(0.3)
    hand.press(control, "v")
    hand.until(lambda: len(hand.kept()) == 2)
    hand.click("#gallery")
    hand.until(lambda: hand.ask("document.querySelectorAll('#kept .card').length") == 1)
    hand.click("#kept .card > button")
    hand.until(lambda: not hand.ask("document.getElementById('kept').open"))


@pytest.mark.parametrize(
    "screen", [(390, 844), (844, 390), (820, 1180), (1180, 820), (1024, 600), (2560, 1440)]
)
def test_screens(hand: Hand, screen: tuple[int, int]) -> None:
    hand.resize(*screen)
    time.sleep(0.2)
    boxes = hand.ask(
        "['paper', 'photo', 'save', 'pen'].map("
        "(id) => document.getElementById(id).getBoundingClientRect().toJSON())"
    )
    for box in boxes:
        assert box["left"] >= 0
        assert box["right"] <= screen[0]
        assert box["bottom"] <= screen[1]
