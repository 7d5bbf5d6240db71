"""Tokens: made of the key when they are wanted, shared, renewed in time, and shown to nobody."""

import json
import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from pipeline.errors import PermanentError, TransientError
from pipeline.export.didww import URL, Vendor
from pipeline.export.didww_auth import Tokens
from pipeline.export.protocol import Credentials, Request
from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox
from tests.export.conftest import KEY
from tests.export.dialects import didww

NEWEST = "2026-11-19"
OCTOBER = Month(2026, 10)
WANTED = Request(didww.CALLS_IN, OCTOBER, OCTOBER.start, OCTOBER.end, "cdr/main/cdr_in/2026-10/day0")

Reply = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str], Reply]], tuple[str, list[tuple[str, str, dict[str, str]]]]]


@pytest.fixture
def sandbox(start: Callable[[str], Sandbox]) -> Sandbox:
    return start(NEWEST)


@pytest.fixture
def vendor(sandbox: Sandbox) -> Vendor:
    return didww.client(sandbox.url, KEY, NEWEST)


def paths(sandbox: Sandbox) -> list[tuple[str, int | None]]:
    return [(urlsplit(request.path).path, request.status) for request in sandbox.requests]


def token_in(vendor: Vendor) -> str:
    return vendor._connection._authenticator._tokens._token.get_secret_value()


def tokens_of(url: str, clock: Callable[[], float], key: str = KEY) -> Tokens:
    return Tokens(Credentials("http://127.0.0.1/v3", SecretStr(key), "DIDWW_API_KEY", NEWEST, url), 0.0, clock=clock)


def test_the_key_goes_to_the_token_service_and_the_token_to_the_api(sandbox: Sandbox, vendor: Vendor) -> None:
    made = vendor.request(WANTED)
    vendor.open(next(export for export in vendor.exports() if export.id == made.id)).close()
    mint, *rest = sandbox.requests
    assert (mint.method, urlsplit(mint.path).path) == ("POST", "/token")
    assert json.loads(mint.body) == {"aud": "api.didww.com", "scope": "full", "api_version": NEWEST}
    assert "Api-Key" in mint.headers
    assert len(rest) == 3
    assert all("Authorization" in request.headers and "Api-Key" not in request.headers for request in rest)


def test_one_token_serves_every_thread(sandbox: Sandbox, vendor: Vendor) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert {len(listed) for listed in pool.map(lambda _: vendor.exports(), range(24))} == {24}
    assert [path for path, _ in paths(sandbox)].count("/token") == 1


@pytest.mark.parametrize("asked", ["2022-05-10", "2026-04-16", ""])
def test_a_key_that_is_refused_without_a_word_is_changed_for_a_token_once(
    start: Callable[[str], Sandbox], asked: str
) -> None:
    sandbox = start(NEWEST)
    vendor = didww.client(sandbox.url, KEY, asked)
    assert vendor.exports()
    assert paths(sandbox) == [("/v3/exports", 401), ("/token", 200), ("/v3/exports", 200)]
    vendor.exports()
    assert paths(sandbox)[3:] == [("/v3/exports", 200)]


def test_a_key_that_is_refused_with_a_word_is_a_wrong_one(start: Callable[[str], Sandbox]) -> None:
    sandbox = start("2026-04-16")
    with pytest.raises(PermanentError, match=r"HTTP 401.*check DIDWW_API_KEY"):
        didww.client(sandbox.url, "k-another").exports()
    assert paths(sandbox) == [("/v3/exports", 401)]


def test_a_post_with_a_wrong_key_is_told_at_once(start: Callable[[str], Sandbox]) -> None:
    sandbox = start("2026-04-16")
    with pytest.raises(PermanentError, match=r"^POST .*HTTP 401"):
        didww.client(sandbox.url, "k-another").request(WANTED)
    assert paths(sandbox) == [("/v3/exports", 401)]


@pytest.mark.parametrize("asked", ["", "no version", "2026"])
def test_who_asks_for_no_version_that_there_is_begins_with_the_key(start: Callable[[str], Sandbox], asked: str) -> None:
    sandbox = start("2026-04-16")
    vendor = didww.client(sandbox.url, KEY, asked)
    vendor.exports()
    assert paths(sandbox) == [("/v3/exports", 200)]
    assert vendor.reference_length == 100


def test_a_file_is_opened_by_the_key_in_every_version(start: Callable[[str], Sandbox]) -> None:
    sandbox = start("2026-04-16")
    vendor = didww.client(sandbox.url, KEY)
    made = vendor.request(WANTED)
    ready = next(export for export in vendor.exports() if export.id == made.id)
    sandbox.upgrade(NEWEST)
    vendor.open(ready).close()
    assert sandbox.requests[-1].status == 200
    assert "Api-Key" in sandbox.requests[-1].headers
    with pytest.raises(PermanentError, match="HTTP 401"):
        didww.client(sandbox.url, "k-another").open(ready)
    assert "/token" not in dict(paths(sandbox))


@pytest.mark.parametrize(("lasts", "renewed_after"), [(900, 840), (3600, 3540), (120, 90), (60, 45), (4, 3), (0, 0)])
def test_a_token_is_renewed_before_it_runs_out(serve: Serve, lasts: int, renewed_after: int) -> None:
    made = iter(range(9))
    url, seen = serve(
        lambda path: (200, {}, json.dumps({"access_token": f"t{next(made)}", "expires_in": lasts}).encode())
    )
    now = [0.0]
    tokens = tokens_of(f"{url}/token", lambda: now[0])
    assert tokens.current(KEY) == "t0"
    if renewed_after:
        now[0] = renewed_after - 0.1
        assert tokens.current(KEY) == "t0"
    now[0] = renewed_after
    assert tokens.current(KEY) == "t1"
    assert [headers["api-key"] for _, _, headers in seen] == [KEY, KEY]


def test_a_token_that_runs_out_or_is_revoked_early_is_made_anew_once(
    sandbox: Sandbox, vendor: Vendor, clock: ManualClock
) -> None:
    vendor.exports()
    clock.advance(timedelta(minutes=15))
    vendor.request(WANTED)
    sandbox.tokens.revoke()
    (made,) = [export for export in vendor.exports() if export.reference == WANTED.reference]
    sandbox.tokens.revoke()
    vendor.open(made).close()
    again = [("/v3/exports", 401), ("/token", 200)]
    assert paths(sandbox)[2:5] == [*again, ("/v3/exports", 201)]
    assert paths(sandbox)[5:8] == [*again, ("/v3/exports", 200)]
    assert [status for _, status in paths(sandbox)[8:]] == [401, 200, 200]
    assert len(sandbox.exports) == 1


def test_many_threads_whose_token_is_refused_make_one_new_one(sandbox: Sandbox, vendor: Vendor) -> None:
    vendor.exports()
    sandbox.tokens.revoke()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: vendor.exports(), range(8)))
    assert [path for path, _ in paths(sandbox)].count("/token") == 2


def test_a_new_token_that_is_refused_too_ends_it(serve: Serve) -> None:
    def reply(path: str) -> Reply:
        if path == "/token":
            return 200, {}, b'{"access_token": "t", "expires_in": 900}'
        return 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b'{"errors":[{"title":"No"}]}'

    url, seen = serve(reply)
    with pytest.raises(PermanentError, match=r"^GET .*HTTP 401.*DIDWW_API_KEY"):
        didww.client(f"{url}/v3", KEY, NEWEST).exports()
    assert [path for _, path, _ in seen].count("/token") <= 2
    assert len(seen) <= 4


def test_a_token_that_may_only_read_is_told_and_not_repeated(serve: Serve) -> None:
    def reply(path: str) -> Reply:
        if path == "/token":
            return 200, {}, b'{"access_token": "t", "expires_in": 900}'
        return 403, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}, b"{}"

    url, seen = serve(reply)
    with pytest.raises(PermanentError, match="HTTP 403"):
        didww.client(f"{url}/v3", KEY, NEWEST).exports()
    assert len(seen) == 2


def test_a_token_service_that_is_asked_too_often_is_waited_for(
    sandbox: Sandbox, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, times=2, on=Operation.MINT, value=7)
    assert len(vendor.exports()) == 24
    assert [seconds for seconds in slept if seconds] == [7, 7]
    assert [status for path, status in paths(sandbox) if path == "/token"] == [429, 429, 200]


@pytest.mark.parametrize("kind", [Fault.BAD_GATEWAY, Fault.DROPPED, Fault.UNANSWERED, Fault.TOO_MANY_REQUESTS])
def test_without_a_token_nothing_is_asked_and_everything_is_tried_later(
    sandbox: Sandbox, vendor: Vendor, monkeypatch: pytest.MonkeyPatch, kind: Fault
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    sandbox.faults.inject(kind, times=None, on=Operation.MINT)
    for attempt in (vendor.exports, lambda: vendor.request(WANTED)):
        with pytest.raises(TransientError, match=r"^POST \S+/token .* try again later\.$"):
            attempt()
    assert {path for path, _ in paths(sandbox)} == {"/token"}


@pytest.mark.parametrize(
    ("answer", "family", "says"),
    [
        ((401, b'{"error":"invalid_client","error_description":"No."}'), PermanentError, "check DIDWW_API_KEY"),
        ((401, b""), PermanentError, "check DIDWW_API_KEY"),
        ((400, b'{"error":"invalid_scope","error_description":"No such."}'), PermanentError, "invalid_scope, No such"),
        ((200, b"{}"), TransientError, "without a token"),
        ((200, b'{"access_token": "t"}'), TransientError, "without a token"),
        ((200, b'{"access_token": 7, "expires_in": 900}'), TransientError, "without a token"),
        ((200, b'{"access_token": "t\\r\\nX: 1", "expires_in": 900}'), TransientError, "without a token"),
        ((200, b'{"access_token": "\\u2603", "expires_in": 900}'), TransientError, "without a token"),
        ((200, b'{"access_token": "", "expires_in": 900}'), TransientError, "without a token"),
        ((200, b"<html>"), TransientError, "did not answer in JSON"),
        ((302, b""), TransientError, "was redirected .* correct DIDWW_TOKEN_URL"),
        ((301, b""), PermanentError, "has moved; correct DIDWW_TOKEN_URL"),
    ],
)
def test_an_answer_without_a_token_is_told_once(
    serve: Serve, answer: tuple[int, bytes], family: type[Exception], says: str
) -> None:
    elsewhere, stolen = serve(lambda path: (200, {}, b'{"access_token": "t", "expires_in": 900}'))
    url, seen = serve(lambda path: (answer[0], {"Location": f"{elsewhere}/token"}, answer[1]))
    with pytest.raises(family, match=says):
        didww.client(f"{url}/v3", KEY, NEWEST).exports()
    assert [path for _, path, _ in seen] == ["/token"]
    assert stolen == []


@pytest.mark.parametrize(
    ("url", "service"),
    [
        (URL, "https://auth.didww.com/token"),
        ("https://sandbox-api.didww.com/v3", "https://auth-sandbox.didww.com/token"),
        ("https://api.didww.com.example.com/v3", ""),
        ("http://127.0.0.1:1/v3", ""),
    ],
)
def test_where_tokens_are_made_follows_the_api_unless_it_is_set(url: str, service: str) -> None:
    credentials = Credentials(url, SecretStr(KEY), "DIDWW_API_KEY", NEWEST)
    assert Tokens(credentials)._url == service
    elsewhere = "http://127.0.0.1:2/token"
    assert Tokens(replace(credentials, token_url=elsewhere))._url == elsewhere


def test_where_tokens_are_wanted_and_nobody_said_where_the_setting_is_named(sandbox: Sandbox) -> None:
    vendor = Vendor(Credentials(sandbox.url, SecretStr(KEY), "DIDWW_API_KEY", "2026-04-16"), backoff=0.0)
    with pytest.raises(PermanentError, match=r"set DIDWW_TOKEN_URL\.$"):
        vendor.exports()
    assert paths(sandbox) == [("/v3/exports", 401)]


def test_neither_key_nor_token_is_in_any_text(
    sandbox: Sandbox, vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = vendor.request(WANTED)
        token = token_in(vendor)
        sandbox.faults.inject(Fault.UNANSWERED, times=None)
        text = ""
        for attempt in (vendor.exports, lambda: vendor.request(WANTED), lambda: vendor.open(replace(made, url="x"))):
            with pytest.raises((PermanentError, TransientError)) as raised:
                attempt()
            text += "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    inner = [vendor, vendor._connection, vendor._connection._authenticator, vendor._connection._authenticator._tokens]
    text += "".join(f"{one!r} {one!s} {vars(one)!r}" for one in inner)
    assert len(token) > 40
    assert caplog.records
    assert token not in text + caplog.text + repr(sandbox.requests)
    assert KEY not in "".join(traceback.format_exception(raised.value)) + caplog.text + repr(sandbox.requests)
