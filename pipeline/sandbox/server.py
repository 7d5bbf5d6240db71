"""The HTTP server: keep-alive on threads, every request recorded, responses sent whole or broken."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import FilePart, Response, Wire

_CHUNK = 256 * 1024
_PIECES = 10
_HALVED = (Wire.CUT, Wire.CUT_UNSIZED, Wire.CUT_CHUNKED)
HIDDEN = "[hidden]"
KEY_HEADERS = frozenset({"api-key", "px-api-key", "x-api-key", "reb-apikey", "authorization"})
"""Where a key may stand, in lower case."""


@dataclass(frozen=True)
class RecordedRequest:
    """A request that arrived, with its key hidden; one without a response has no ``status``."""

    method: str
    path: str
    status: int | None
    headers: dict[str, str]
    body: bytes


class SandboxServer(ThreadingHTTPServer):
    """Serves ``answer`` until it is closed, which also closes open connections."""

    request_queue_size = 128
    daemon_threads = False

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        self.recorded: list[RecordedRequest] = []
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _HttpHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that closing does not wait for the client's idle pool."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error, unless the client closed the connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Close the port and every connection, and wait for their threads."""
        self.stopping.set()
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        super().server_close()


class _HttpHandler(BaseHTTPRequestHandler):
    server: SandboxServer
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    # Headers and body leave in two writes; waiting for an acknowledgement between them costs 40 ms.
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(Request(self.command, self.path, headers, body))
        self._record(answer, body)
        try:
            self._send(answer)
        except (ConnectionError, TimeoutError):
            # The client went away, as clients do; its next request is a new connection.
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Log nothing: ``recorded`` is the log."""

    def _record(self, answer: Response, body: bytes) -> None:
        headers = {name: HIDDEN if name.lower() in KEY_HEADERS else value for name, value in self.headers.items()}
        status = None if answer.wire is Wire.NOTHING else answer.status
        self.server.recorded.append(RecordedRequest(self.command, self.path, status, headers, body))

    def _send(self, answer: Response) -> None:
        if answer.wire is Wire.NOTHING:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self._send_framing(answer)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(answer)
        if answer.wire in _HALVED:
            self.close_connection = True

    def _send_framing(self, answer: Response) -> None:
        if answer.wire is Wire.CUT_CHUNKED:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.wire is Wire.CUT_UNSIZED:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(answer.size))

    def _send_body(self, answer: Response) -> None:
        left = answer.size // 2 if answer.wire in _HALVED else answer.size
        piece = max(1, -(-answer.size // _PIECES)) if answer.wire is Wire.SLOW else _CHUNK
        for chunk in _chunks(answer.body, left, piece):
            if answer.wire is Wire.SLOW:
                self.server.stopping.wait(answer.pause)
            if answer.wire is Wire.CUT_CHUNKED:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            else:
                self.wfile.write(chunk)


def _chunks(body: bytes | FilePart, left: int, piece: int) -> Iterator[bytes]:
    if not isinstance(body, FilePart):
        yield from (body[at : min(at + piece, left)] for at in range(0, left, piece))
        return
    with body.path.open("rb") as file:
        file.seek(body.start)
        while left > 0 and (chunk := file.read(min(piece, left))):
            left -= len(chunk)
            yield chunk
