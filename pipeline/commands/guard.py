"""Stand before Dagster's webserver, which checks neither who asks nor from which page: an ASGI application.

A web page that somebody has open can send requests to 127.0.0.1. Refused are: a request to a name that is not ours
(DNS rebinding), one from a page of another site, and whatever could change something but is no POST of JSON, which a
browser sends to another site only after that has agreed.
"""

from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "[::1]")
"""The names under which a browser on this machine asks for the UI."""

_READING = frozenset({"GET", "HEAD"})
_POLICY_VIOLATION = 1008


class Guard:
    """Passes requests on to ``app`` that come from its own pages; answers the others with 403, 405 or 415.

    Args:
        app: The application that is guarded.
        hosts: Names under which it is served besides those of this machine, such as ``calls.example.com``.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset({*LOCAL, *(host.lower() for host in hosts)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the application answer it."""
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            status, sentence = refusal
            await PlainTextResponse(sentence + "\n", status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the sentence with which a request is refused, or None where it may pass."""
        headers = Headers(scope=scope)
        if not all(_name(host) in self._hosts for host in headers.getlist("host") or [""]):
            return 403, "The UI is not served under this name; add the name to CDR_UI_HOSTS if it should be."
        if not all(self._is_ours(origin) for origin in headers.getlist("origin")):
            return 403, "A page of another site may not ask the UI."
        if scope["type"] == "websocket":
            return None
        if scope["method"] not in _READING:
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return 415, "What could change something must be a POST of application/json."
        elif "query" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True) and (
            scope["path"].rstrip("/") == "/graphql"
        ):
            return 405, "GraphQL is asked by a POST of application/json."
        return None

    def _is_ours(self, origin: str) -> bool:
        scheme, _, authority = origin.partition("://")
        return scheme in {"http", "https"} and _name(authority) in self._hosts


def _name(authority: str) -> str:
    """The host of ``host:port``, lower case."""
    host, colon, port = authority.lower().rpartition(":")
    return host if colon and port.isdecimal() else authority.lower()
