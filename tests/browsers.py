"""Debian's browsers as tests and benchmarks drive them, with no window.

Chromium by Playwright, Firefox by WebDriver BiDi: Playwright's own Firefox is another program.
"""

import itertools
import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.sync.client import ClientConnection, connect

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM, FIREFOX = Path("/usr/bin/chromium"), Path("/usr/bin/firefox-esr")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"""


@contextmanager
def chromium(**more: Any) -> Iterator["Browser"]:
    """A Chromium of its own; `more` is what Playwright's launch takes."""
    from playwright.sync_api import sync_playwright

    arguments = [*ARGUMENTS, *more.pop("args", [])]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=arguments, **more)
        yield browser
        browser.close()


class Firefox:
    """A headless Firefox with one window, as the protocol knows it."""

    def __init__(self, profile: Path, preferences: Sequence[str] = ()) -> None:
        (profile / "user.js").write_text("\n".join([PREFERENCES, *preferences]))
        command = [str(FIREFOX), "--headless", "--no-remote", "--profile", str(profile)]
        said = profile / "said"  # a pipe would fill up
        with said.open("w") as file:
            self._process = subprocess.Popen(
                [*command, "--remote-debugging-port", "0"], stderr=file
            )
        while not (found := re.search(r"BiDi listening on (ws://\S+)\n", said.read_text())):
            assert self._process.poll() is None, said.read_text()
            time.sleep(0.05)
        self._open = ExitStack()
        self._count = itertools.count(1)
        try:
            self._socket: ClientConnection = self._open.enter_context(
                connect(f"{found[1]}/session", max_size=None, open_timeout=180)
            )
            self.say("session.new", capabilities={})
            tree = self.say("browsingContext.getTree")
        except Exception:
            self.close()  # nobody else would
            raise
        self.context = tree["contexts"][0]["context"]

    def say(self, method: str, patience: float = 180, **params: Any) -> dict[str, Any]:
        """What the browser answers; TimeoutError where it says nothing for so many seconds."""
        number = next(self._count)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            reply = json.loads(self._socket.recv(patience))
            if reply.get("id") == number:
                assert "error" not in reply, reply
                return dict(reply["result"])

    def ask(self, expression: str, patience: float = 180) -> Any:
        """The value of a JavaScript expression in the window."""
        reply = self.say(
            "script.evaluate",
            patience,
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self.context},
            awaitPromise=True,
            userActivation=True,
        )
        assert reply["type"] == "success", reply
        text = reply["result"].get("value")
        return None if text is None else json.loads(text)

    def draw(self, places: Sequence[tuple[float, float]], milliseconds: int = 0) -> None:
        """Draws with the mouse through places on the screen, so far apart in time."""
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": milliseconds}
            for x, y in places
        ]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:]]
        actions.append({"type": "pointerUp", "button": 0})
        about = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self.say(
            "input.performActions", context=self.context, actions=[{**about, "actions": actions}]
        )

    def close(self) -> None:
        self._open.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
