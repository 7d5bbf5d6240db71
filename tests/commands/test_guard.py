"""The guard before Dagster's webserver: over real HTTP, in front of an application that says what reached it."""

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pipeline.commands.guard import Guard

GRAPHQL = "/graphql?query=mutation%7BstopRunningSchedule%7D"


async def reached(request: Request) -> PlainTextResponse:
    return PlainTextResponse("reached")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    routes = [Route("/{path:path}", reached, methods=["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])]
    listening = socket.create_server(("127.0.0.1", 0))
    guarded = Guard(Starlette(routes=routes), ["Calls.Example.com"])
    server = uvicorn.Server(uvicorn.Config(guarded, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()


def status(port: int, method: str, path: str, **headers: str) -> int:
    """The status of one request; ``Content_Type`` is the header Content-Type."""
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        asked.putheader(name.replace("_", "-"), value)
    asked.endheaders()
    answer = asked.getresponse()
    answer.read()
    asked.close()
    return answer.status


JSON = {"Content_Type": "application/json"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:3000"},
        {"Host": "[::1]:3000"},
        {"Host": "calls.example.com", "Origin": "https://calls.example.com"},
        {"Origin": "http://localhost:3000"},
    ],
)
def test_our_own_pages_reach_it(port: int, headers: dict[str, str]) -> None:
    assert status(port, "GET", "/", **headers) == 200
    assert status(port, "POST", "/graphql", **headers, **JSON) == 200
    assert status(port, "POST", "/graphql", **headers, Content_Type="application/json; charset=utf-8") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:3000"},
        {"Host": "localhost@evil.example"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://evil.example@localhost"},
        {"Origin": "file://localhost"},
        {"Origin": "http://[::1"},
    ],
)
def test_a_foreign_name_or_page_reaches_nothing(port: int, headers: dict[str, str]) -> None:
    assert status(port, "GET", "/", **headers) == 403
    assert status(port, "POST", "/graphql", **headers, **JSON) == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/graphql", ""],
)
def test_what_a_form_can_send_reaches_nothing(port: int, method: str, kind: str) -> None:
    assert status(port, method, "/report_asset_materialization/cdr_in/ready", Content_Type=kind) == 415
    assert status(port, method, "/graphql", Content_Type=kind) == 415
    # a second header, or a list in one, is no way around it
    assert status(port, method, "/graphql", Content_Type=f"{kind}, application/json") == 415


@pytest.mark.parametrize(
    "path", [GRAPHQL, GRAPHQL + "&x=1", "/graphql/?query=x", "/graphql?%71uery=x", "/%67raphql?query=x"]
)
def test_graphql_is_not_asked_by_get(port: int, path: str) -> None:
    assert status(port, "GET", path) == 405
    assert status(port, "HEAD", path) == 405


def test_the_page_with_the_graphql_editor_is_served(port: int) -> None:
    assert status(port, "GET", "/graphql", Accept="text/html") == 200
