"""Guard Dagster's webserver, which checks neither the user nor the page of a request: an ASGI application.

Any web page that is open in a browser can send requests to 127.0.0.1. The guard refuses three kinds of them. First,
requests to a host name that is not ours (DNS rebinding). Second, requests from a page of another site. Third, requests
that may change something and are not a POST of JSON: a browser sends such a POST to another site only with its consent.
"""

from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "[::1]")
"""The host names under which a browser on this machine opens the UI."""

_READING = frozenset({"GET", "HEAD"})
_POLICY_VIOLATION = 1008


class Guard:
    """Passes requests of the app's own pages on to it; answers the others with 403, 405 or 415.

    Args:
        app: The guarded application.
        hosts: Further host names under which it is served, such as ``calls.example.com``.
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
        """Return the status and the sentence that refuse a request; None for a request that may pass."""
        headers = Headers(scope=scope)
        if not all(_name(host) in self._hosts for host in headers.getlist("host") or [""]):
            return 403, "The UI is not served under this name; add the name to CDR_UI_HOSTS if it should be."
        if not all(self._is_ours(origin) for origin in headers.getlist("origin")):
            return 403, "A page of another site may not send requests to the UI."
        if scope["type"] == "websocket":
            return None
        if scope["method"] not in _READING:
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return 415, "A request that may change something must be a POST of application/json."
        elif "query" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True) and (
            scope["path"].rstrip("/") == "/graphql"
        ):
            return 405, "A GraphQL query must be a POST of application/json."
        return None

    def _is_ours(self, origin: str) -> bool:
        scheme, _, authority = origin.partition("://")
        return scheme in {"http", "https"} and _name(authority) in self._hosts


def _name(authority: str) -> str:
    """Return the host of ``host:port`` in lower case."""
    host, colon, port = authority.lower().rpartition(":")
    return host if colon and port.isdecimal() else authority.lower()
