import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.sandbox import ManualClock, Sandbox

KEY = "k-4711-secret"
Reply = tuple[int, dict[str, str], bytes]
Seen = tuple[str, str, dict[str, str]]


@pytest.fixture
def clock() -> ManualClock:
    """The vendor's clock and ours."""
    return ManualClock(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))


@pytest.fixture
def start(clock: ManualClock) -> Iterator[Callable[[str], Sandbox]]:
    """Starts a local DIDWW for an account of that version, whose exports are completed at once."""
    with ExitStack() as running:
        at_once: dict[str, Any] = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None}
        yield lambda version: running.enter_context(
            Sandbox(calls_per_day=1, clock=clock, api_key=KEY, version=version, **at_once)
        )


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[str, list[Seen]]]]:
    """Starts a server that answers every path as it is told, on 127.0.0.1 and a free port unless told otherwise.

    Returns its origin and the growing list of (method, path, headers with lower-case names) that it saw. An answer
    whose own Content-Length is longer than its body is a cut one.
    """
    with ExitStack() as running:
        yield lambda reply, host="127.0.0.1", port=0: running.enter_context(_serving(reply, host, port))


@contextmanager
def _serving(reply: Callable[[str], Reply], host: str, port: int) -> Iterator[tuple[str, list[Seen]]]:
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers, body = reply(self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """``seen`` is the log."""

    with ThreadingHTTPServer((host, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://{host}:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()
