import json
import socket
import traceback
from collections.abc import Callable

import pytest
import requests

from pipeline.addresses import same_origin, shown
from pipeline.errors import PermanentError, TransientError
from pipeline.export.http import call, session

KEY = "k-4711-secret"
Reply = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str], Reply]], tuple[str, list[tuple[str, str, dict[str, str]]]]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://api.didww.com/v3/exports", "https://api.didww.com/v3", True),
        ("https://api.didww.com:443/x", "https://api.didww.com/v3", True),
        ("https://API.DIDWW.com/x", "https://api.didww.com/v3", True),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/v3", True),
        ("https://user:secret@api.didww.com/x", "https://api.didww.com/v3", False),
        ("http://api.didww.com/x", "https://api.didww.com/v3", False),
        ("http://api.didww.com:443/x", "https://api.didww.com/v3", False),
        ("https://api.didww.com:8443/x", "https://api.didww.com/v3", False),
        ("https://api.didww.com.evil.org/x", "https://api.didww.com/v3", False),
        ("https://api.didww.com@evil.org/x", "https://api.didww.com/v3", False),
        ("https://evil.org/https://api.didww.com/x", "https://api.didww.com/v3", False),
        ("https://evil.org#@api.didww.com/x", "https://api.didww.com/v3", False),
        ("https://cdn.didww.com/x", "https://api.didww.com/v3", False),
        ("//api.didww.com/x", "https://api.didww.com/v3", False),
        ("/x", "https://api.didww.com/v3", False),
        ("", "https://api.didww.com/v3", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert same_origin(one, other) == same


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://h/v3/exports?signature=s#f", "https://h/v3/exports"),
        ("https://user:secret@h:8443/f.csv.gz?x", "https://h:8443/f.csv.gz"),
        ("https://h", "https://h"),
    ],
)
def test_a_url_is_shown_without_what_could_be_secret_in_it(url: str, text: str) -> None:
    assert shown(url) == text


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 416])
def test_what_may_succeed_later_is_transient(serve: Serve, status: int) -> None:
    origin, _ = serve(lambda path: (status, {}, b"<html>"))
    with pytest.raises(TransientError, match=rf"^GET {origin}/x was answered with HTTP {status}; try again later\.$"):
        call(session(0.0, repeats=0), "GET", f"{origin}/x?secret=1")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 415, 422, 451, 501])
def test_what_would_be_refused_again_is_permanent(serve: Serve, status: int) -> None:
    origin, seen = serve(lambda path: (status, {}, b""))
    with pytest.raises(PermanentError, match=rf"^GET {origin}/x was refused \(HTTP {status}\): [^\n]+\.$"):
        call(session(0.0), "GET", f"{origin}/x?secret=1")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"errors": [{"detail": "filters - from not valid"}]}, "filters - from not valid"),
        ({"errors": [{"detail": "one"}, {"detail": "two"}]}, "one; two"),
        ({"errors": [{"title": "only a title"}]}, "no reason that can be read"),
        ({"errors": "odd"}, "no reason that can be read"),
        ({"errors": None}, "no reason that can be read"),
        ({"error": "invalid_client"}, "no reason that can be read"),
        ([], "no reason that can be read"),
    ],
)
def test_a_refusal_tells_the_reason_that_the_vendor_gives(serve: Serve, body: object, reason: str) -> None:
    origin, _ = serve(lambda path: (422, {}, json.dumps(body).encode()))
    with pytest.raises(PermanentError, match=f"{reason}\\.$"):
        call(session(0.0), "POST", origin)


def test_a_refusal_tells_no_more_of_a_body_than_fits_a_line(serve: Serve) -> None:
    origin, _ = serve(lambda path: (422, {}, json.dumps({"errors": [{"detail": "x" * 10_000}]}).encode()))
    with pytest.raises(PermanentError) as refused:
        call(session(0.0), "POST", origin)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("body", [b'{"errors": [{"det', b"<html>4711-in-the-body</html>", b"\xff\xfe\x00"])
@pytest.mark.parametrize("length", ["5000", None])
def test_a_refusal_whose_streamed_body_is_cut_or_no_json_is_still_told(
    serve: Serve, body: bytes, length: str | None
) -> None:
    origin, _ = serve(lambda path: (404, {"Content-Length": length} if length else {}, body))
    with pytest.raises(PermanentError, match="HTTP 404") as refused:
        call(session(0.0), "GET", origin, stream=True)
    assert "4711" not in str(refused.value)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_host_that_does_not_listen_is_transient(method: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with pytest.raises(TransientError, match=rf"^{method} {url} was not answered \(ConnectionError\); [^\n]+\.$"):
            call(session(0.0), method, f"{url}?secret=1", headers={"Api-Key": KEY})


def test_the_chain_behind_an_error_does_not_hold_the_headers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with pytest.raises(TransientError) as told:
            call(session(0.0), "GET", url, headers={"Api-Key": KEY})
    assert isinstance(told.value.__cause__, requests.ConnectionError)
    assert KEY not in "".join(traceback.format_exception(told.value))


def test_a_redirect_is_handed_back_and_not_followed(serve: Serve) -> None:
    origin, seen = serve(lambda path: (302, {"Location": "/elsewhere"}, b""))
    response = call(session(0.0), "GET", f"{origin}/x", redirects=True)
    assert response.is_redirect
    assert [path for _, path, _ in seen] == ["/x"]


@pytest.mark.parametrize(("method", "times"), [("GET", 5), ("POST", 1), ("PATCH", 1), ("DELETE", 1)])
def test_only_a_get_is_repeated(serve: Serve, method: str, times: int) -> None:
    origin, seen = serve(lambda path: (503, {}, b""))
    with pytest.raises(TransientError, match="HTTP 503"):
        call(session(0.0), method, origin)
    assert len(seen) == times


def test_without_repeats_not_even_a_get_is_repeated(serve: Serve) -> None:
    origin, seen = serve(lambda path: (503, {}, b""))
    with pytest.raises(TransientError, match="HTTP 503"):
        call(session(0.0, repeats=0), "GET", origin)
    assert len(seen) == 1
