"""Who may use the studio: by which name, with which token; and what may embed its page.

A page on another site can make a browser call this machine, by its own name (DNS rebinding) or from
its own origin. Both are refused, always. Who reaches the studio over a network needs its token too.
"""

import hmac
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.datastructures import Headers, MutableHeaders

from ..errors import InputError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_HOST = re.compile(r"(?:\[([\da-f:.]+)\]|([^\s\[\]:/?#@\\]+))(?::\d{0,5})?", re.IGNORECASE)
TOKEN = "token"  # of the link that is printed, and in an Authorization: Bearer
_READ = frozenset({b"host", b"origin", b"if-none-match"})  # headers that the routes read
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Access:
    """Who is let in."""

    names: frozenset[str] = LOCAL
    """What the studio may be called, in small letters, without ports."""
    addresses: bool = False
    """Whether any IP address will do: no other site can make a browser send one as a name."""
    token: str | None = field(default=None, repr=False)
    """What everybody has to show; None lets everybody in who may call."""

    @classmethod
    def of(cls, host: str, allowed: Iterable[str], token: str | None) -> "Access":
        """To a studio that listens at `host` and may be called by `allowed` names too.

        Raises InputError for one that is no name.
        """
        for name in allowed:
            if not name_of(name):
                raise InputError(f"--allowed-host {name}: give a name, such as studio.example.org")
        names = LOCAL | {name_of(name) for name in allowed}
        if host in LOCAL:
            return cls(frozenset(names), False, token)
        own = socket.gethostname().lower()
        return cls(frozenset(names | {host.lower(), own, f"{own}.local"}), True, token)

    def knows(self, host: str) -> bool:
        """Whether a Host header, as in `localhost:8400`, is one of our names."""
        name = name_of(host)
        return name != "" and (name in self.names or (self.addresses and _is_address(name)))

    def admits(self, shown: str | None) -> bool:
        """Whether what somebody shows is the token, or none is wanted."""
        if self.token is None:
            return True
        return shown is not None and hmac.compare_digest(shown.encode(), self.token.encode())


def name_of(host: str) -> str:
    """The name in a Host header, in small letters, without brackets and port; "" for nonsense."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower().rstrip(".") if found else ""


def _cookie_of(host: str) -> str:
    """The cookie of the studio at this port: browsers keep one jar for all ports of a name."""
    try:
        return f"studio-{urlsplit(f'//{host}').port or 80}"
    except ValueError:  # no port
        return "studio-0"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def from_our_page(headers: Headers) -> bool:
    """Whether a page that we served asks: another site's page has another origin."""
    origin, host = headers.get("origin", "").lower(), headers.get("host", "").lower()
    if not host or any(len(headers.getlist(name)) != 1 for name in ("origin", "host")):
        return False
    return origin in {f"http://{host.removesuffix(':80')}", f"https://{host.removesuffix(':443')}"}


class Guard:
    """Lets in who has access, answers HEAD as GET without a body, puts the headers on answers."""

    def __init__(self, app: Any, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        only_head = scope.get("method") == "HEAD"

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            elif only_head and message["type"] == "http.response.body":
                message = {"type": message["type"], "body": b""}
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            return await self._app(_inner(scope), receive, answering)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        return await refusal(scope, receive, answering)

    def _refusal(self, scope: Message) -> Response | None:
        """The answer to who may not come in; None for who may."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._access.knows(host):
            name = name_of(host)[:60] or "this name"
            hint = f"start it with --allowed-host {name}" if name_of(host) else "ask for localhost"
            return PlainTextResponse(f"This studio does not answer to {name}: {hint}\n", 421)
        if self._access.token is None:
            return None
        cookie = _cookie_of(host)
        asked = _value(scope.get("query_string", b"").decode("latin-1"), "&", TOKEN)
        if asked is not None and self._access.admits(unquote(asked)):
            # The token goes out of the address, where histories and screenshots would keep it.
            entering = RedirectResponse("./", 303)
            entering.set_cookie(cookie, unquote(asked), httponly=True, samesite="lax", path="/")
            return entering
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        shown = (
            bearer if kind.lower() == "bearer" else _value(headers.get("cookie", ""), ";", cookie)
        )
        if not self._access.admits(shown):
            return PlainTextResponse("Open the link that the studio printed, with its token\n", 401)
        return None


def _inner(scope: Message) -> Message:
    """What the routes are asked, and no more: they would take apart every question and cookie."""
    headers = [(name, value) for name, value in scope["headers"] if name in _READ]
    method = {"method": "GET"} if scope.get("method") == "HEAD" else {}
    return {**scope, **method, "headers": headers, "query_string": b""}


def _value(text: str, between: str, name: str) -> str | None:
    """The value of a cookie or question. Ours has no quotes: with them http.cookies takes hours."""
    for part in text.split(between):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None
