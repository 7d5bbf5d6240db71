"""The endpoint of vendors' callbacks: a signed callback sends the wake signal; its content is not used."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

import uvicorn
from pydantic import SecretStr
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.errors import PermanentError
from pipeline.export.signature import HEADER, is_signed
from pipeline.wake_signal import WakeSignal

_LARGEST_BODY = 8 * 1024
_HEADER_SECONDS = 5
_BODY_SECONDS = 5
_MOST_CONNECTIONS = 256
_MOST_SILENT = 32
"""Connections that may wait for their first request at the same time; one more closes the oldest."""

Say = Callable[[str], None]
"""Takes a sentence about a callback."""


class Callbacks:
    """An ASGI application at the path of ``url``: it answers signed callbacks with 204 and others with 401.

    Args:
        url: The address as the vendor knows it, which is what it signs: behind a proxy, requests show another.
        secret: The secret of the signature.
        wake: The signal to send.
        say: Takes a sentence about each callback.
    """

    def __init__(self, url: str, secret: SecretStr, wake: WakeSignal, say: Say) -> None:
        self._url = urlsplit(url)
        self._secret = secret
        self._wake = wake
        self._say = say
        self._heard: set[str] = set()  # a few a day, each of 40 characters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.scope["path"] != (unquote(self._url.path) or "/"):
            return _answer(404)
        if request.method not in {"GET", "POST"}:
            return _answer(405, Allow="GET, POST")
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _body(request)
        except TimeoutError:
            return _answer(408)
        if body is None:
            return _answer(413)
        signature = request.headers.get(HEADER, "")
        if not self._is_signed(request, signature, body):
            self._say("A callback was refused: it is not signed with DIDWW_CALLBACK_SECRET for DIDWW_CALLBACK_URL.")
            return _answer(401)
        return self._wake_once(signature)

    def _is_signed(self, request: Request, signature: str, body: bytes) -> bool:
        url = self._url
        payload = body.decode("utf-8", "replace")
        if request.method == "GET":
            # the vendor appends the payload to the query of the address, and signs both together
            query = request.scope["query_string"].decode("latin-1")
            url, payload = url._replace(query=query), query.removeprefix(f"{url.query}&")
        return is_signed(signature, self._secret, url.geturl(), dict(parse_qsl(payload, keep_blank_values=True)))

    def _wake_once(self, signature: str) -> Response:
        """Send the wake signal once for a callback that is delivered twice.

        The signature is the key. A signature joins names and values without a separator. So an attacker who
        has seen a callback can make others with the same signature, and these count as one.
        """
        if signature in self._heard:
            return _answer(204)
        try:
            self._wake.send()
        except PermanentError as error:
            self._say(str(error))
            return _answer(503)  # the vendor sends it again
        self._heard.add(signature)
        self._say("A callback came; the vendor's list is read earlier.")
        return _answer(204)


async def _body(request: Request) -> bytes | None:
    """Return the body; None for a body that is larger than any callback."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    return body


def _answer(status: int, **headers: str) -> Response:
    """Return a response that closes its connection: a callback is one request, and a second has no time limit."""
    return Response(status_code=status, headers={"Connection": "close", **headers})


class _Impatient(H11Protocol):
    """HTTP with a time limit for the first request, so that silent connections leave room for others."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, and close the oldest silent one if there are too many."""
        super().connection_made(transport)
        self.began = self.loop.time()
        all_of_them = cast("set[_Impatient]", self.connections)  # the server makes no others
        silent = {one.began: one for one in all_of_them if one.is_silent()}
        if len(silent) > _MOST_SILENT:
            silent[min(silent)].transport.close()
        self.loop.call_later(_HEADER_SECONDS, self._end_if_silent)

    def _end_if_silent(self) -> None:
        if self.is_silent():
            self.transport.close()

    def is_silent(self) -> bool:
        """Return whether an open connection has not sent a request yet."""
        asked: object = self.cycle
        return asked is None and not self.transport.is_closing()


class Listener:
    """A server of ``callbacks``, which listens as soon as it is created.

    Args:
        callbacks: The application.
        host: The address to listen on.
        port: The port; 0 takes any free one.
    """

    def __init__(self, callbacks: Callbacks, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family)
        except OSError as error:
            raise PermanentError(
                f"Port {port} of {host} cannot be listened on ({error.strerror}); choose others with --port and --host."
            ) from error
        config = uvicorn.Config(
            callbacks,
            loop="asyncio",
            http=_Impatient,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # the access log would show signed queries
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        """The address on which it listens."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> None:
        """Answer requests until Ctrl-C, or until another thread ends it."""
        with suppress(KeyboardInterrupt):
            self._server.run([self._socket])

    def end(self) -> None:
        """Make ``run`` return."""
        self._server.should_exit = True
