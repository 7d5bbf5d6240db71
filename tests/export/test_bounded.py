"""An answer that is no file ends, however long the vendor goes on."""

import gzip
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from pipeline.errors import TransientError
from pipeline.export import bounded
from pipeline.export.http import call, session

ENDED = r"^GET http://127\.0\.0\.1:\d+/ was answered with more than 64 MiB, or for more than [\d.]+ seconds; try again"

Answers = Callable[[int, Callable[[], Iterator[bytes]], str], str]


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Starts a server that answers with a status and with whatever comes, until the client has gone."""
    servers = []

    def start(status: int, body: Callable[[], Iterator[bytes]], encoding: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Encoding", encoding)
                self.end_headers()
                try:
                    for chunk in body():
                        self.wfile.write(chunk)
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Nothing is logged."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def without_end() -> Iterator[bytes]:
    while True:
        yield b" " * (1 << 20)


def swollen() -> Iterator[bytes]:
    yield gzip.compress(b" " * (65 << 20), 1)


@pytest.mark.parametrize(("status", "stream"), [(200, False), (404, False), (404, True)])
@pytest.mark.parametrize(("body", "encoding"), [(without_end, "identity"), (swollen, "gzip")])
def test_an_answer_that_is_too_large_is_not_read_on(
    answers: Answers, status: int, stream: bool, body: Callable[[], Iterator[bytes]], encoding: str
) -> None:
    url = answers(status, body, encoding)
    with pytest.raises(TransientError, match=ENDED):
        call(session(0.0, repeats=0), "GET", url, stream=stream)


def test_an_answer_that_comes_too_slowly_is_not_waited_for(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> Iterator[bytes]:
        while True:
            yield b" "
            time.sleep(0.01)

    monkeypatch.setattr(bounded, "LONGEST_SECONDS", 0.1)
    with pytest.raises(TransientError, match=ENDED):
        call(session(0.0, repeats=0), "GET", answers(200, slow, "identity"))
