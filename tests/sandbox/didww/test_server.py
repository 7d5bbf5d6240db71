import http.client
import signal
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest
import requests

from pipeline.sandbox import Sandbox

UNAUTHORIZED = {"errors": [{"title": "Unauthorized", "detail": "Authorization failed", "code": "401", "status": "401"}]}


@pytest.mark.parametrize("key", [None, "", "K-7F3"])
def test_without_the_key_nothing_is_answered(sandbox: Sandbox, session: requests.Session, key: str | None) -> None:
    answer = session.get(f"{sandbox.url}/exports", headers={"Api-Key": key})
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/balance"), ("GET", "/exports/a/b"), ("DELETE", "/exports"), ("DELETE", "/exports/x")],
)
def test_what_the_vendor_has_not_is_not_found(
    sandbox: Sandbox, session: requests.Session, method: str, path: str
) -> None:
    answer = session.request(method, f"{sandbox.url}{path}")
    assert (answer.status_code, answer.json()["errors"][0]["status"]) == (404, "404")


def test_more_than_twenty_requests_a_second_are_too_many(session: requests.Session) -> None:
    with Sandbox(api_key="k-7f3", calls_per_day=0) as limited:
        answers = [session.get(f"{limited.url}/exports?page[size]=1") for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers[:20]} == {200}
    assert refused[0].json() == {"errors": [{"status": "429", "detail": "Too Many Requests"}]}


def test_every_request_is_recorded_without_the_key(sandbox: Sandbox, session: requests.Session) -> None:
    session.get(f"{sandbox.url}/exports?page[size]=2")
    session.post(f"{sandbox.url}/exports", data=b"{}")
    first, second = sandbox.requests
    assert (first.method, first.path, first.status) == ("GET", "/v3/exports?page%5Bsize%5D=2", 200)
    assert (second.method, second.path, second.status, second.body) == ("POST", "/v3/exports", 415, b"{}")
    assert first.headers["Api-Key"] == "[hidden]"
    assert sandbox.api_key not in repr(sandbox.requests)


def test_a_connection_is_kept_for_many_requests(sandbox: Sandbox) -> None:
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc)
    headers = {"Api-Key": sandbox.api_key}
    connection.request("GET", "/v3/exports?bogus=1", headers=headers)
    connection.getresponse().read()
    used = connection.sock
    connection.request("HEAD", "/v3/exports", headers=headers)
    assert connection.getresponse().read() == b""
    connection.request("GET", "/v3/exports", headers=headers)
    assert connection.getresponse().status == 200
    assert connection.sock is used
    connection.close()


def test_closing_ends_idle_connections_and_threads_and_removes_the_files(session: requests.Session) -> None:
    before = threading.active_count()
    with Sandbox(api_key="k-7f3", calls_per_day=0) as short_lived:
        url, folder = f"{short_lived.url}/exports", short_lived.folder
        assert session.get(url).ok
        assert threading.active_count() > before
        assert folder.exists()
    assert threading.active_count() == before
    assert not folder.exists()
    with pytest.raises(requests.ConnectionError):
        session.get(url)


def command(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_listens_and_ends_cleanly(session: requests.Session, ending: signal.Signals) -> None:
    with command("--port", "0", "--api-key", "mine", "--calls-per-day", "5") as process:
        assert process.stdout
        assert process.stderr
        line = process.stdout.readline()
        url = line.removeprefix("sandbox: ").removesuffix(" (Api-Key: mine)\n")
        assert session.get(f"{url}/exports", headers={"Api-Key": "mine"}).ok
        process.send_signal(ending)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_a_port_in_use_is_one_sentence(sandbox: Sandbox) -> None:
    with command("--port", str(urlsplit(sandbox.url).port)) as process:
        _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said.startswith("sandbox: cannot listen on 127.0.0.1:")
    assert said.count("\n") == 1
