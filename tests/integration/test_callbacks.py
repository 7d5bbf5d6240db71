"""Real callbacks over loopback: what the vendor signed sends the wake signal, and nothing else does."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from didww.callback.request_validator import RequestValidator
from pydantic import SecretStr

from pipeline.commands.callbacks import Callbacks, Listener
from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Credentials, Request
from pipeline.months import Month
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.sandbox.didww.callbacks import Delivery
from pipeline.wake_signal import WakeSignal
from tests.alarms.sinks import served

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = "a-key-that-must-not-be-seen"
SECRET = "a-callback-key-that-must-not-be-seen"  # noqa: S105 - of this test
REGISTERED = "https://calls.example.com/back/didww?site=1"
ORDER = {"id": "1dd7a68b-e235-402b-8912-fe73ee14243a", "status": "completed", "type": "exports"}
STEP = timedelta(seconds=1)


class Endpoint:
    """A listener on loopback with what it rings and says; ``url`` is the address that the vendor is told."""

    def __init__(self, folder: Path, clock: ManualClock, registered: str) -> None:
        self.said: list[str] = []
        self.wake = WakeSignal(folder / "locks" / "callback", clock)
        self.url = registered
        callbacks = Callbacks(registered, SecretStr(SECRET), self.wake, self.said.append)
        self.listener = Listener(callbacks, "127.0.0.1", 0)
        self.at = self.listener.url

    def post(self, payload: dict[str, str], signature: str, path: str = "/back/didww?site=1") -> int:
        headers = {"X-DIDWW-Signature": signature, "Host": "somewhere.else"}
        return requests.post(self.at + path, data=payload, headers=headers, timeout=10).status_code

    def get(self, query: str, signature: str) -> int:
        headers = {"X-DIDWW-Signature": signature}
        return requests.get(f"{self.at}/back/didww?{query}", headers=headers, timeout=10).status_code


@pytest.fixture
def clock() -> ManualClock:
    """The vendor's clock and ours."""
    return ManualClock(NOW)


@pytest.fixture(scope="module")
def threads() -> Iterator[list[threading.Thread]]:
    """Threads that were told to end; each takes a moment, so they are waited for together."""
    ending: list[threading.Thread] = []
    yield ending
    for thread in ending:
        thread.join()


@pytest.fixture
def listening(tmp_path: Path, clock: ManualClock, threads: list[threading.Thread]) -> Iterator[Callable[..., Endpoint]]:
    """Starts endpoints; each is ended, and has shown no secret and no id."""
    running: list[Endpoint] = []

    def start(registered: str = REGISTERED) -> Endpoint:
        endpoint = Endpoint(tmp_path, clock, registered)
        running.append(endpoint)
        threads.append(threading.Thread(target=endpoint.listener.run))
        threads[-1].start()
        return endpoint

    yield start
    for endpoint in running:
        endpoint.listener.end()
        text = "".join(endpoint.said)
        assert SECRET not in text
        assert ORDER["id"] not in text


def signed(payload: dict[str, str], url: str = REGISTERED, key: str = SECRET) -> str:
    return str(RequestValidator(key)._compute_signature(url, payload))


def test_what_is_signed_rings_once_however_often_it_is_delivered(
    listening: Callable[..., Endpoint], clock: ManualClock
) -> None:
    endpoint = listening()
    assert endpoint.post(ORDER, signed(ORDER)) == 204
    assert endpoint.wake.sent_after(NOW - STEP)
    clock.advance(STEP)
    assert endpoint.post(ORDER, signed(ORDER)) == 204
    assert not endpoint.wake.sent_after(NOW)
    other = {**ORDER, "id": "another", "url": "http://10.0.0.1/secret", "reason": ""}
    assert endpoint.post(other, signed(other)) == 204
    assert endpoint.wake.sent_after(NOW)
    assert len(endpoint.said) == 2


def test_a_get_signs_the_address_with_what_it_says_in_it(listening: Callable[..., Endpoint]) -> None:
    endpoint = listening()
    query = f"site=1&{urlencode(sorted(ORDER.items()))}"
    signature = signed(ORDER, REGISTERED.replace("site=1", query))
    assert endpoint.get(query.replace("completed", "pending"), signature) == 401
    assert endpoint.get(query, signed(ORDER)) == 401
    assert not endpoint.wake.sent_after(NOW - STEP)
    assert endpoint.get(query, signature) == 204
    assert endpoint.wake.sent_after(NOW - STEP)


@pytest.mark.parametrize(
    ("payload", "signature", "path", "status"),
    [
        pytest.param(ORDER, signed(ORDER, key="another"), None, 401, id="another secret"),
        pytest.param(ORDER, signed(ORDER, key=""), None, 401, id="no secret"),
        pytest.param(
            ORDER, signed(ORDER, "https://calls.example.com/else"), None, 401, id="signed for another address"
        ),
        pytest.param(
            ORDER, signed(ORDER, "http://127.0.0.1/back/didww?site=1"), None, 401, id="the request's own address"
        ),
        pytest.param({**ORDER, "id": "x"}, signed(ORDER), None, 401, id="replayed with another payload"),
        pytest.param({}, signed(ORDER), None, 401, id="replayed with nothing"),
        pytest.param(ORDER, "", None, 401, id="not signed"),
        pytest.param(ORDER, "\xfc" * 40, None, 401, id="garbage for a signature"),
        pytest.param(ORDER, signed(ORDER), "/back", 404, id="another path"),
        pytest.param(ORDER, signed(ORDER), "/back/didww/", 404, id="a longer path"),
        pytest.param({**ORDER, "x": "y" * 9000}, signed(ORDER), None, 413, id="too large"),
    ],
)
def test_what_is_not_is_refused_and_the_bell_is_silent(
    listening: Callable[..., Endpoint], payload: dict[str, str], signature: str, path: str | None, status: int
) -> None:
    endpoint = listening()
    encoded = signature.encode("latin-1").decode("latin-1")
    assert endpoint.post(payload, encoded, path or "/back/didww?site=1") == status
    assert not endpoint.wake.sent_after(NOW - STEP)
    assert endpoint.post(ORDER, signed(ORDER)) == 204  # and it listens on


def test_names_that_were_moved_into_values_ring_nothing_more(
    listening: Callable[..., Endpoint], clock: ManualClock
) -> None:
    endpoint = listening()
    assert endpoint.post(ORDER, signed(ORDER)) == 204
    moved = {"i": f"d{ORDER['id']}", "status": "completed", "type": "exports"}
    assert signed(moved) == signed(ORDER)
    clock.advance(STEP)
    assert endpoint.post(moved, signed(ORDER)) == 204
    assert not endpoint.wake.sent_after(NOW)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(listening: Callable[..., Endpoint], method: str) -> None:
    endpoint = listening()
    url = f"{endpoint.at}/back/didww?site=1"
    assert requests.request(method, url, headers={"X-DIDWW-Signature": signed({})}, timeout=10).status_code == 405
    assert not endpoint.wake.sent_after(NOW - STEP)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /back/didww HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /back/didww HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\xff\xfe%\x00",
        b"POST /back/didww HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET http://calls.example.com/back/didww?%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_garbage_is_survived(
    listening: Callable[..., Endpoint], threads: list[threading.Thread], caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    endpoint = listening()
    parts = urlsplit(endpoint.at)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
    assert re.match(rb"HTTP/1.1 4\d\d", answer)
    assert not endpoint.wake.sent_after(NOW - STEP)
    assert endpoint.post(ORDER, signed(ORDER)) == 204
    endpoint.listener.end()
    threads[-1].join()
    assert caplog.records == []


def test_a_body_that_does_not_come_is_not_waited_for(
    listening: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.commands.callbacks._BODY_SECONDS", 0.05)
    endpoint = listening()
    parts = urlsplit(endpoint.at)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=10) as connection:
        connection.sendall(b"POST /back/didww HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ni")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
    assert not endpoint.wake.sent_after(NOW - STEP)


def test_those_who_connect_and_say_nothing_leave_room_for_a_callback(listening: Callable[..., Endpoint]) -> None:
    endpoint = listening()
    parts = urlsplit(endpoint.at)
    with ExitStack() as silent:
        for said in [b"", b"POST /back/didww HTTP/1.1\r\nHost: x\r\n"] * 150:  # more than the endpoint takes at once
            connection = silent.enter_context(socket.create_connection((parts.hostname, parts.port or 0), timeout=10))
            connection.sendall(said)
        assert endpoint.post(ORDER, signed(ORDER)) == 204
    assert endpoint.wake.sent_after(NOW - STEP)


def test_a_silent_connection_is_ended(listening: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.commands.callbacks._HEADER_SECONDS", 0.05)
    parts = urlsplit(listening().at)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=10) as connection:
        connection.sendall(b"POST /back/didww HTTP/1.1\r\nHost: x\r\n")
        assert connection.recv(4096) == b""


def test_a_sender_that_leaves_in_between_is_no_error(
    listening: Callable[..., Endpoint], threads: list[threading.Thread], caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = listening()
    parts = urlsplit(endpoint.at)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=10) as connection:
        connection.sendall(b"POST /back/didww HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ni")
    assert endpoint.post(ORDER, signed(ORDER)) == 204
    endpoint.listener.end()
    threads[-1].join()
    assert caplog.records == []


def test_a_bell_that_cannot_ring_has_the_vendor_come_again(listening: Callable[..., Endpoint], tmp_path: Path) -> None:
    endpoint = listening()
    (tmp_path / "locks").write_text("in the way")
    assert endpoint.post(ORDER, signed(ORDER)) == 503
    assert "could not be written" in endpoint.said[0]
    (tmp_path / "locks").unlink()
    assert endpoint.post(ORDER, signed(ORDER)) == 204
    assert endpoint.wake.sent_after(NOW - STEP)


def test_a_taken_port_is_told_in_a_sentence(listening: Callable[..., Endpoint]) -> None:
    endpoint = listening()
    callbacks = Callbacks(REGISTERED, SecretStr(SECRET), endpoint.wake, endpoint.said.append)
    for host, port in (("127.0.0.1", urlsplit(endpoint.at).port or 0), ("192.0.2.1", 0)):
        with pytest.raises(PermanentError, match="choose others with --port and --host"):
            Listener(callbacks, host, port)


class Proxy(ThreadingHTTPServer):
    """What stands between a vendor and an endpoint: the vendor knows the proxy's address alone. Keeps what passed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Passed)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.target = ""
        self.passed: list[tuple[str, str, str, str]] = []


class _Passed(BaseHTTPRequestHandler):
    server: Proxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        signature = self.headers["X-DIDWW-Signature"]
        self.server.passed.append((self.command, self.path, body.decode(), signature))
        headers = {"X-DIDWW-Signature": signature, "Content-Type": self.headers["Content-Type"]}
        answer = requests.request(self.command, self.server.target + self.path, data=body, headers=headers, timeout=10)
        self.send_response(answer.status_code)
        self.end_headers()

    do_GET = do_POST = _pass  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """``passed`` is the log."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as made, served(made):
        yield made


@pytest.fixture
def version() -> str:
    """The version that the vendor serves; a test may set it."""
    return "2026-04-16"


@pytest.fixture
def vendor(clock: ManualClock, version: str) -> Iterator[Sandbox]:
    with Sandbox(
        calls_per_day=0,
        clock=clock,
        pending=STEP,
        processing=STEP,
        api_key=KEY,
        version=version,
        callback_secret=SECRET,
    ) as sandbox:
        yield sandbox


def ask(vendor: Sandbox, url: str, version: str = "2026-04-16") -> str:
    """Ask as the pipeline does; returns the export's id."""
    credentials = Credentials(vendor.url, SecretStr(KEY), "DIDWW_API_KEY", version, vendor.token_url, callback_url=url)
    month = Month(2026, 10)
    request = Request(Dataset("cdr_in", "didww", "cdr_in"), month, month.start, month.end, "ours")
    return Vendor(credentials).request(request).id


@pytest.mark.parametrize("version", ["2021-12-15", "2022-05-10", "2026-04-16", "2026-11-19"])
@pytest.mark.parametrize("query", ["", "?site=1&x=%20y"])
def test_an_export_that_completes_rings_the_bell_once(
    listening: Callable[..., Endpoint], vendor: Sandbox, proxy: Proxy, clock: ManualClock, version: str, query: str
) -> None:
    endpoint = listening(f"{proxy.url}/back/didww{query}")
    proxy.target = endpoint.at
    export_id = ask(vendor, endpoint.url, version)
    ask(vendor, "", version)
    assert vendor.exports[1].callback_method is None
    clock.advance(STEP)
    assert vendor.deliver_callbacks() == []
    assert not endpoint.wake.sent_after(NOW)
    clock.advance(STEP)
    assert vendor.deliver_callbacks() == [Delivery(export_id, 204)]
    assert endpoint.wake.sent_after(NOW)
    clock.advance(STEP)
    assert vendor.deliver_callbacks() == []
    assert vendor.deliver_callbacks(redeliver=True) == [Delivery(export_id, 204)]
    assert len(proxy.passed) == 2
    assert not endpoint.wake.sent_after(NOW + 2 * STEP)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("query", ["", "?own=1"])
def test_the_vendors_own_client_takes_what_the_local_vendor_signs(
    listening: Callable[..., Endpoint], vendor: Sandbox, proxy: Proxy, clock: ManualClock, method: str, query: str
) -> None:
    endpoint = listening(f"{proxy.url}/back/didww{query}")
    proxy.target = endpoint.at
    ask(vendor, endpoint.url)
    (export,) = vendor.exports
    export.callback_method = method
    clock.advance(2 * STEP)
    assert vendor.deliver_callbacks() == [Delivery(export.id, 204)]
    ((command, path, body, signature),) = proxy.passed
    assert command.lower() == method
    assert not body or path == f"/back/didww{query}"
    said = dict(parse_qsl(body or path.partition("?")[2].removeprefix("own=1&")))
    url = f"{vendor.url}/exports/{export.file_name}"
    assert said == {"id": export.id, "type": "exports", "status": "completed", "url": url}
    assert "?&" not in path
    assert RequestValidator(SECRET).validate(proxy.url + path, said, signature)
    assert endpoint.wake.sent_after(NOW)


@pytest.mark.parametrize("version", ["2022-05-10"])
def test_a_callback_of_an_old_version_does_not_say_where_the_file_is(
    listening: Callable[..., Endpoint], vendor: Sandbox, proxy: Proxy, clock: ManualClock, version: str
) -> None:
    proxy.target = listening().at
    ask(vendor, f"{proxy.url}/nowhere", version)
    clock.advance(2 * STEP)
    assert [delivery.status for delivery in vendor.deliver_callbacks()] == [404]
    assert set(parse_qs(proxy.passed[0][2])) == {"id", "type", "status"}


def test_a_vendor_without_a_secret_and_an_endpoint_that_is_gone(vendor: Sandbox, clock: ManualClock) -> None:
    export_id = ask(vendor, "127.0.0.1:9/back")
    clock.advance(2 * STEP)
    assert vendor.deliver_callbacks() == [Delivery(export_id, None)]
    with Sandbox(calls_per_day=0, clock=clock, pending=-STEP, processing=STEP, api_key=KEY) as silent:
        ask(silent, "127.0.0.1:9/back")
        assert silent.deliver_callbacks() == []


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_listens_until_it_is_ended(tmp_path: Path, ending: signal.Signals) -> None:
    wake = WakeSignal.of(tmp_path / "data")
    began = datetime.now(UTC)
    with cdr_listen(tmp_path, DIDWW_CALLBACK_URL=REGISTERED, DIDWW_CALLBACK_SECRET=SECRET) as process:
        assert process.stdout
        first = process.stdout.readline()
        at = re.fullmatch(
            r"Callbacks to https://calls\.example\.com/back/didww are received at (\S+) \(Ctrl-C ends it\)\n", first
        )
        assert at, first
        url, headers = f"{at[1]}/back/didww", {"X-DIDWW-Signature": signed(ORDER)}
        assert requests.post(url, data={}, headers=headers, timeout=10).status_code == 401
        assert not wake.sent_after(began)
        assert requests.post(url, data=ORDER, headers=headers, timeout=10).status_code == 204
        assert wake.sent_after(began)
        process.send_signal(ending)
        said, wrong = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [line[19:22] for line in said.splitlines()] == ["  A", "  A"]
    assert SECRET not in said
    assert wrong == ""


@pytest.mark.slow
def test_the_command_does_not_listen_without_a_secret(tmp_path: Path) -> None:
    with cdr_listen(tmp_path, DIDWW_CALLBACK_URL=REGISTERED) as process:
        _, wrong = process.communicate(timeout=30)
    assert process.returncode == 1
    assert wrong == "cdr: Callbacks cannot be checked; set DIDWW_CALLBACK_URL and DIDWW_CALLBACK_SECRET.\n"


def cdr_listen(folder: Path, **settings: str) -> subprocess.Popen[str]:
    """`cdr listen` as a user starts it, on any port."""
    own = {"CDR_DATA_DIR": str(folder / "data"), "HOME": str(folder), "PATH": os.environ["PATH"]}
    command = [str(Path(sys.executable).with_name("cdr")), "listen", "--port", "0"]
    return subprocess.Popen(
        command, env={**own, **settings}, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
