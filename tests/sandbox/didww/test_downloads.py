import gzip
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from pipeline.sandbox import ManualClock, Sandbox


@pytest.fixture
def url(create: Any) -> str:
    return str(create()["url"])


def test_a_file_is_gzip_as_payload_and_not_as_encoding(session: requests.Session, url: str, clock: ManualClock) -> None:
    answer = session.get(url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{url.rpartition("/")[2]}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert parsedate_to_datetime(answer.headers["Last-Modified"]) == clock()
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert gzip.decompress(answer.content).startswith(b"Date/Time Start (UTC),")
    assert session.get(url).content == answer.content


def test_a_file_is_not_named_after_its_export(sandbox: Sandbox, create: Any) -> None:
    made = create()
    assert made["id"] not in made["url"]
    assert made["url"] == f"{sandbox.url}/exports/{sandbox.exports[0].file_name}"


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None)]
)
def test_a_range_is_served_alone(session: requests.Session, url: str, asked: str, start: int, stop: int | None) -> None:
    whole = session.get(url)
    part = session.get(url, headers={"Range": asked})
    assert part.status_code == 206
    assert part.content == whole.content[start:stop]
    first = start % len(whole.content)
    assert part.headers["Content-Range"] == (f"bytes {first}-{first + len(part.content) - 1}/{len(whole.content)}")
    assert part.headers["ETag"] == whole.headers["ETag"]


def test_a_range_beyond_the_end_cannot_be_satisfied(session: requests.Session, url: str) -> None:
    size = len(session.get(url).content)
    answer = session.get(url, headers={"Range": f"bytes={size}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
def test_a_range_of_the_same_file_is_resumed(session: requests.Session, url: str, validator: str) -> None:
    known = session.get(url).headers[validator]
    answer = session.get(url, headers={"Range": "bytes=100-", "If-Range": known})
    assert answer.status_code == 206


def test_a_range_of_another_file_gets_the_whole(session: requests.Session, url: str) -> None:
    whole = session.get(url).content
    answer = session.get(url, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert (answer.status_code, answer.content) == (200, whole)


def test_head_tells_the_size_and_sends_nothing(session: requests.Session, url: str) -> None:
    answer = session.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(session.get(url).content)


def test_a_file_needs_the_key_and_the_refusal_has_no_body(session: requests.Session, url: str) -> None:
    for headers in ({"Api-Key": "wrong"}, {"Api-Key": None}):
        answer = session.get(url, headers=headers)
        assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("name", ["{id}.csv.gz", "{id}", "a8bf7c0e-0c08-44ca-b0e2-db34a1d2006a.csv.gz"])
def test_an_unknown_file_is_not_found(sandbox: Sandbox, session: requests.Session, create: Any, name: str) -> None:
    made = create()["id"]
    wanted = 200 if name == "{id}" else 404
    assert session.get(f"{sandbox.url}/exports/{name.format(id=made)}").status_code == wanted


def test_other_peoples_files_can_be_read_too(sandbox: Sandbox, session: requests.Session) -> None:
    listed = session.get(f"{sandbox.url}/exports").json()["data"]
    url = next(export["attributes"]["url"] for export in listed if export["attributes"]["url"])
    assert gzip.decompress(session.get(url).content).startswith(b"Date/Time Start")
