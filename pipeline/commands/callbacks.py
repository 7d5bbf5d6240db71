"""The endpoint that a vendor calls back: what it signed rings the doorbell, and nothing that it says is believed."""

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
"""Connections that may wait at once for their first request; one more ends the oldest of them."""

Say = Callable[[str], None]
"""Takes a sentence about what came."""


class Callbacks:
    """An ASGI application that answers at the path of ``url``: 204 what is signed, 401 what is not.

    ``url`` is the address as the vendor knows it. That of the request is not what was signed: a proxy makes it another.
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
        return self._ring(signature)

    def _is_signed(self, request: Request, signature: str, body: bytes) -> bool:
        url = self._url
        payload = body.decode("utf-8", "replace")
        if request.method == "GET":
            # The vendor appends the payload to the query that the address has, and signs it there and behind it.
            query = request.scope["query_string"].decode("latin-1")
            url, payload = url._replace(query=query), query.removeprefix(f"{url.query}&")
        return is_signed(signature, self._secret, url.geturl(), dict(parse_qsl(payload, keep_blank_values=True)))

    def _ring(self, signature: str) -> Response:
        """Ring once for what is delivered twice.

        The signature tells what is the same. It joins names and values without a mark between them, so of one callback
        that was overheard others can be made which it signs too, all but with another id.
        """
        if signature in self._heard:
            return _answer(204)
        try:
            self._wake.send()
        except PermanentError as error:
            self._say(str(error))
            return _answer(503)  # the vendor comes again
        self._heard.add(signature)
        self._say("A callback came; the vendor's list is looked at sooner.")
        return _answer(204)


async def _body(request: Request) -> bytes | None:
    """The body, or None where it is larger than any callback."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    return body


def _answer(status: int, **headers: str) -> Response:
    """An answer that ends its connection: a callback comes alone, and a second request would have no time limit."""
    return Response(status_code=status, headers={"Connection": "close", **headers})


class _Impatient(H11Protocol):
    """HTTP with a time for the first request: those who connect and say nothing leave room for those who speak."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and end the oldest silent one where there are many."""
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
        """Whether no request has come yet, on a connection that is not ended."""
        asked: object = self.cycle
        return asked is None and not self.transport.is_closing()


class Listener:
    """A server of ``callbacks``, which listens from when it is made; port 0 takes any that is free."""

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
            log_level="error",  # the log of accesses would show what is signed
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> None:
        """Answer until Ctrl-C, or until another thread ends it."""
        with suppress(KeyboardInterrupt):
            self._server.run([self._socket])

    def end(self) -> None:
        """Let ``run`` return."""
        self._server.should_exit = True
