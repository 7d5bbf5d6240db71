"""What lies between us and the vendor: proxies, certificates, addresses that moved, and answers that are none."""

import gc
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from pydantic import SecretStr

from pipeline.errors import PermanentError, TransientError
from pipeline.export.connection import Connection
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Credentials
from tests.export.dialects import connectif, didww, packagex, rebilly
from tests.export.test_didww import WANTED

KEY = "k-4711-secret"
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
CLIENTS = {one.__name__.rpartition(".")[2]: one.client for one in (connectif, didww, packagex, rebilly)}

Reply = tuple[int, dict[str, str], bytes]
Serve = Callable[..., tuple[str, list[tuple[str, str, dict[str, str]]]]]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def connection(base: str) -> Connection:
    credentials = Credentials(base, SecretStr(f"{KEY}"), "DIDWW_API_KEY")
    return Connection(credentials, lambda key: {"Api-Key": key}, backoff=0.0)


@pytest.fixture
def raw() -> Iterator[Callable[[bytes], str]]:
    """Starts a server that answers each request with these very bytes, and tells its origin."""
    with ExitStack() as running:
        yield lambda answer: running.enter_context(_answering(answer))


@contextmanager
def _answering(answer: bytes) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


class TestAProxy:
    def test_is_never_taken_to_this_very_machine(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        proxy, seen = serve(lambda path: (403, {}, b"denied"))
        for name in PROXIES[:6]:
            monkeypatch.setenv(name, proxy)
        origin, asked = serve(lambda path: (200, {}, b"{}"))
        for base in (origin, origin.replace("127.0.0.1", "localhost")):
            assert connection(base).get("x").status_code == 200
        assert (len(asked), seen) == (2, [])

    @pytest.mark.parametrize(
        ("status", "says"),
        [
            (
                403,
                r"refused \(HTTP 403\): the vendor or the proxy .* check DIDWW_API_KEY .* and check HTTPS_PROXY, HTTP_",
            ),
            (407, r"refused by the proxy \(HTTP 407\); check HTTPS_PROXY, HTTP_PROXY and NO_PROXY\.$"),
        ],
    )
    def test_that_refuses_is_named(self, serve: Serve, monkeypatch: pytest.MonkeyPatch, status: int, says: str) -> None:
        proxy, _ = serve(lambda path: (status, {}, b"<html>denied</html>"))
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("//", "//user:secret@"))
        host = proxy.removeprefix("http://")
        with pytest.raises(
            PermanentError, match=rf"^GET http://api.example/x through the proxy {host} was {says}"
        ) as told:
            connection("http://api.example").get("x")
        assert "secret" not in str(told.value)

    @pytest.mark.parametrize(
        ("status", "family", "says"),
        [
            (403, PermanentError, "was stopped by the proxy \\(HTTP 403\\); check HTTPS_PROXY"),
            (407, PermanentError, "was stopped by the proxy \\(HTTP 407\\); check HTTPS_PROXY"),
            (502, TransientError, r"was not answered \(ProxyError\); try again later\.$"),
        ],
    )
    def test_that_makes_no_tunnel_is_named(
        self,
        raw: Callable[[bytes], str],
        monkeypatch: pytest.MonkeyPatch,
        status: int,
        family: type[Exception],
        says: str,
    ) -> None:
        proxy = raw(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        host = proxy.removeprefix("http://")
        with pytest.raises(family, match=rf"^GET https://api.example/x through the proxy {host} {says}"):
            connection("https://api.example").get("x")

    @pytest.mark.parametrize("odd", ["http://[::1", "socks5://127.0.0.1:1", "http://", "nonsense://x:y"])
    def test_that_is_none_is_told_in_a_sentence(self, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
        monkeypatch.setenv("HTTPS_PROXY", odd)
        with pytest.raises((PermanentError, TransientError), match=r"^GET https://api.example/x [^\n]+\.$"):
            connection("https://api.example").get("x")


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_are_not_there_are_told_by_the_variable_that_names_them(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/nowhere/ca.pem")
    with pytest.raises(PermanentError, match=rf"{name}.* names a missing file, /nowhere/ca\.pem; correct it\.$"):
        connection("https://127.0.0.1:1").get("x")
    with pytest.raises(TransientError, match="was not answered"):  # which needs no certificates
        connection("http://127.0.0.1:1").get("x")


@pytest.mark.parametrize("vendor", list(CLIENTS))
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/login?next=1", "https://new.example/v4/exports"])
def test_a_vendor_that_moved_is_told_with_the_setting_to_correct(
    serve: Serve, vendor: str, status: int, to: str
) -> None:
    origin, seen = serve(lambda path: (status, {"Location": to}, b"<html>moved</html>"))
    place = (origin if to.startswith("/") else "") + to.partition("?")[0]
    setting = f"{vendor.upper()}_API_URL"
    says = rf"^GET {origin}/\S+ was redirected \(HTTP {status}\) to {place}, .* has moved; correct {setting}\.$"
    with pytest.raises(PermanentError, match=says):
        CLIENTS[vendor](f"{origin}/v3", "key").exports()
    assert len(seen) == 1


@pytest.mark.parametrize(("status", "heard"), [(301, False), (302, True), (303, True), (307, False), (308, False)])
def test_a_post_that_was_redirected_may_have_been_heard_where_the_answer_may_mean_that(
    serve: Serve, status: int, heard: bool
) -> None:
    reply: Callable[[str], Reply] = lambda path: (status, {"Location": "/elsewhere"}, b"")  # noqa: E731
    origin, _ = serve(reply)
    with pytest.raises(TransientError if heard else PermanentError, match=r"correct DIDWW_API_URL"):
        didww.client(f"{origin}/v3", KEY).request(WANTED)


NESTED = b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def sized(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body])


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 No\r\nX-RateLimit-Reset: " + b"9" * 5000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 No\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 No\r\nLocation: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 No\r\nLocation: \r\nContent-Length: 0\r\n\r\n",
        sized(b"{}", b"Content-Encoding: gzip"),
        sized(b'{"data": [], "meta": {"total_records": 1e999}}'),
        sized(b'{"data": [], "meta": {"total_records": NaN}}'),
        sized(b'{"data": [], "meta": {"total_records": ' + b"9" * 5000 + b"}}"),
        sized(b"[" + b"9" * 5000 + b"]", b"Pagination-Total: 1"),
        sized(b"[]", b"Pagination-Total: " + b"9" * 5000),
        sized(NESTED),
        sized(b"\xff\xfe{}"),
        sized(b'{"data": [{"id": "a"}], "results": [7]}', b"Content-Type: application/json; charset=nonsense"),
        b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n" % len(NESTED) + NESTED,
        b"HTTP/1.1 401 No\r\nContent-Length: 10\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[:60]),
)
@pytest.mark.parametrize("vendor", list(CLIENTS))
def test_an_answer_that_is_none_is_told_in_a_sentence(raw: Callable[[bytes], str], vendor: str, answer: bytes) -> None:
    gc.collect()  # what is left of other tests must not be closed deep in a recursion, where that fails
    client = CLIENTS[vendor](f"{raw(answer)}/v3", "key")
    try:
        listed = client.exports()
    except (PermanentError, TransientError) as error:
        said = str(error)
    else:
        said = "" if isinstance(client, Vendor) and len(listed) <= 1 else "it was read."
    assert "\n" not in said
    assert said.endswith(".") or not said


@pytest.mark.parametrize(
    "member",
    [
        {"attributes": {"created_at": "9999-12-31T23:59:59.999Z", "filters": {"to": "9999-12-31"}}},
        {"createdTime": "9999-12-31T23:59:59Z", "dateRange": {"end": "9999-12-31T23:59:59Z"}},
        {"createdAt": "9999-12-31", "exportType": "data-explorer", "filters": {"toDate": "9999-12-31"}},
        {"created_at": 1e308},
        {"created_at": "0001-01-01T00:00:00+14:00"},
    ],
)
@pytest.mark.parametrize("vendor", list(CLIENTS))
def test_an_export_of_any_time_is_read(serve: Serve, vendor: str, member: dict[str, object]) -> None:
    items = [{"id": f"e{n}", **member} for n in range(3)]
    body = items if vendor == "rebilly" else {"data": items, "results": items}
    headers = {"Pagination-Total": "3"}
    origin, _ = serve(lambda path: (200, headers, json.dumps(body).encode()))
    assert [export.id for export in CLIENTS[vendor](f"{origin}/v3", "key").exports()] == ["e0", "e1", "e2"]
