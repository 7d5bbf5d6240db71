"""The token service, and what its tokens open."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox

KEY = "k-7f3"
BODY = {"aud": "api.didww.com"}


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(calls_per_day=3, clock=clock, api_key=KEY, version="2026-11-19", rate_limit=None) as running:
        yield running


@pytest.fixture
def mint(sandbox: Sandbox) -> Callable[..., requests.Response]:
    def asked(body: object = BODY, key: str | None = KEY) -> requests.Response:
        return requests.post(sandbox.token_url, json=body, headers={"Api-Key": key} if key else {}, timeout=10)

    return asked


def listed(sandbox: Sandbox, token: str, method: str = "GET") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, f"{sandbox.url}/exports", headers=headers, timeout=10)


def test_a_token_is_answered_as_documented(mint: Callable[..., requests.Response]) -> None:
    answer = mint({"aud": ["api.didww.com", "api-sms.didww.com"], "scope": "read", "api_version": "2026-11-19"})
    assert answer.status_code == 200
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    said = answer.json()
    assert len(said.pop("access_token").split(".")) == 3
    assert said == {
        "token_type": "Bearer",
        "expires_in": 900,
        "aud": ["api.didww.com", "api-sms.didww.com"],
        "scope": "read",
        "api_version": "2026-11-19",
    }


@pytest.mark.parametrize(("wanted", "given"), [(1, 60), (60, 60), (900, 900), (86_400, 3600)])
def test_a_token_lasts_between_a_minute_and_an_hour(
    sandbox: Sandbox, clock: ManualClock, mint: Callable[..., requests.Response], wanted: int, given: int
) -> None:
    said = mint({**BODY, "expires_in": wanted}).json()
    assert said["expires_in"] == given
    clock.advance(timedelta(seconds=given - 1))
    assert listed(sandbox, said["access_token"]).status_code == 200
    clock.advance(timedelta(seconds=1))
    answer = listed(sandbox, said["access_token"])
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert answer.json()["errors"][0]["code"] == "401"


@pytest.mark.parametrize(
    ("body", "key", "status", "error"),
    [
        ({}, KEY, 400, "invalid_request"),
        ({"aud": "auth.example.com"}, KEY, 400, "invalid_request"),
        ({"aud": []}, KEY, 400, "invalid_request"),
        ([], KEY, 400, "invalid_request"),
        ({**BODY, "expires_in": "long"}, KEY, 400, "invalid_request"),
        ({**BODY, "scope": "write"}, KEY, 400, "invalid_scope"),
        (BODY, "K-7F3", 401, "invalid_client"),
        (BODY, None, 401, "invalid_client"),
    ],
)
def test_a_refusal_has_the_words_of_oauth(
    mint: Callable[..., requests.Response], body: Any, key: str | None, status: int, error: str
) -> None:
    answer = mint(body, key)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}


def test_too_many_tokens_are_told_when_to_come_again(sandbox: Sandbox, mint: Callable[..., requests.Response]) -> None:
    sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, on=Operation.MINT, value=7)
    answer = mint()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["error"] == "rate_limit_exceeded"
    assert mint().ok


def test_the_service_has_a_limit_of_its_own() -> None:
    with Sandbox(calls_per_day=0, api_key=KEY, rate_limit=2) as limited:
        answers = [requests.post(limited.token_url, json=BODY, headers={"Api-Key": KEY}, timeout=10) for _ in range(12)]
        token = answers[0].json()["access_token"]
        assert listed(limited, token).status_code == 200
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)


def test_a_token_that_may_only_read_creates_nothing(sandbox: Sandbox, mint: Callable[..., requests.Response]) -> None:
    token = mint({**BODY, "scope": "read"}).json()["access_token"]
    assert listed(sandbox, token).status_code == 200
    answer = listed(sandbox, token, "POST")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (403, 'Bearer error="insufficient_scope"')
    assert sandbox.exports == []


@pytest.mark.parametrize("token", ["", "another", "a.b.c"])
def test_what_is_no_token_opens_nothing(sandbox: Sandbox, token: str) -> None:
    assert listed(sandbox, token).status_code == 401


def test_without_a_token_there_is_not_a_word(sandbox: Sandbox) -> None:
    for headers in ({}, {"Api-Key": KEY}, {"Api-Key": "another"}):
        answer = requests.get(f"{sandbox.url}/exports", headers=headers, timeout=10)
        assert (answer.status_code, answer.content) == (401, b"")


def test_a_file_takes_the_key_and_the_token(
    sandbox: Sandbox, clock: ManualClock, mint: Callable[..., requests.Response]
) -> None:
    token = {"Authorization": f"Bearer {mint().json()['access_token']}"}
    attributes = {
        "export_type": "sms_in",
        "filters": {"from": "2026-09-01 00:00:00", "to": "2026-10-01 00:00:00"},
    }
    made = requests.post(
        f"{sandbox.url}/exports",
        json={"data": {"type": "exports", "attributes": attributes}},
        headers={**token, "Content-Type": "application/vnd.api+json"},
        timeout=10,
    )
    assert made.json()["meta"] == {"api_version": "2026-11-19"}
    clock.advance(timedelta(seconds=3))
    url = f"{sandbox.url}/exports/{sandbox.exports[0].file_name}"
    for headers in (token, {"Api-Key": KEY}):
        assert requests.get(url, headers=headers, timeout=10).content[:2] == b"\x1f\x8b"
    refused = requests.get(url, headers={"Api-Key": "another"}, timeout=10)
    assert (refused.status_code, refused.content) == (401, b"")


def test_neither_key_nor_token_is_recorded(sandbox: Sandbox, mint: Callable[..., requests.Response]) -> None:
    token = mint().json()["access_token"]
    listed(sandbox, token)
    assert token not in repr(sandbox.requests)
    assert KEY not in repr(sandbox.requests)
