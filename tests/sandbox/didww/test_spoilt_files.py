import gzip
import zlib
from typing import Any

import pytest
import requests

from pipeline.sandbox import Fault, Sandbox


@pytest.fixture
def url(create: Any) -> str:
    return str(create()["url"])


def lines(session: requests.Session, url: str) -> list[str]:
    return gzip.decompress(session.get(url).content).decode().split("\n")


@pytest.mark.parametrize("kind", [Fault.CUT_BODY, Fault.CUT_CHUNKED])
def test_a_body_cut_short_is_an_error_where_http_can_tell(
    sandbox: Sandbox, session: requests.Session, url: str, kind: Fault
) -> None:
    sandbox.faults.inject(kind)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(url)
    assert gzip.decompress(session.get(url).content)


def test_a_body_cut_short_without_a_length_looks_whole(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.CUT_UNSIZED)
    answer = session.get(url)
    assert "Content-Length" not in answer.headers
    with pytest.raises(EOFError):
        gzip.decompress(answer.content)


def test_a_gzip_stream_can_end_early_in_a_whole_answer(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.CUT_GZIP)
    answer = session.get(url)
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(EOFError):
        gzip.decompress(answer.content)


def test_a_gzip_checksum_can_be_wrong(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.CORRUPT_CRC)
    content = session.get(url).content
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(content)
    assert zlib.decompressobj(wbits=-15).decompress(content[10:])


def test_an_intermediary_can_add_a_content_encoding(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.CONTENT_ENCODING)
    with session.get(url, stream=True) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.raw.read(decode_content=False)).startswith(b"Date/Time Start")


def test_a_page_can_come_in_place_of_the_file(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.HTML_PAGE)
    answer = session.get(url)
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")


def test_a_download_can_be_sent_elsewhere(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.REDIRECT, times=2)
    sandbox.faults.inject(Fault.REDIRECT, value="http://127.0.0.1:9/elsewhere")
    answer = session.get(url, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, url.replace("127.0.0.1", "localhost"))
    session.get(url, allow_redirects=False)
    answer = session.get(url, allow_redirects=False)
    assert answer.headers["Location"] == "http://127.0.0.1:9/elsewhere"


def test_a_body_can_be_slow(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.SLOW_BODY, value=5)
    with pytest.raises(requests.ConnectionError, match="Read timed out"):
        session.get(url, timeout=0.1)
    sandbox.faults.inject(Fault.SLOW_BODY, value=0.002)
    assert gzip.decompress(session.get(url).content)


def test_a_file_can_be_gone_after_completion(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.FILE_GONE)
    assert [session.get(url).status_code for _ in range(2)] == [404, 200]


def test_a_file_can_lack_a_column_or_have_a_new_one(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    header = lines(session, url)[0].split(",")
    sandbox.faults.inject(Fault.MISSING_COLUMN, value="Attempt")
    assert lines(session, url)[0].split(",") == [name for name in header if name != "Attempt"]
    sandbox.faults.inject(Fault.EXTRA_COLUMN)
    spoilt = lines(session, url)
    assert spoilt[0].split(",") == [*header, "New Column"]
    assert spoilt[1].endswith(",new")
    assert lines(session, url)[0].split(",") == header


def test_a_row_can_be_ragged(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    healthy = lines(session, url)
    sandbox.faults.inject(Fault.RAGGED_ROW)
    spoilt = lines(session, url)
    assert healthy[1].startswith(spoilt[1])
    assert healthy[1].count(",") - spoilt[1].count(",") == 2
    assert spoilt[2:] == healthy[2:]


def test_a_file_can_lack_records(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    healthy = lines(session, url)
    sandbox.faults.inject(Fault.FEWER_RECORDS, value=3)
    spoilt = lines(session, url)
    assert (spoilt[0], len(spoilt)) == (healthy[0], len(healthy) - 3)


def test_a_file_can_end_without_a_newline(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    healthy = lines(session, url)
    sandbox.faults.inject(Fault.NO_FINAL_NEWLINE)
    assert lines(session, url) == healthy[:-1]


def test_a_month_can_be_empty(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    header = lines(session, url)[0]
    sandbox.faults.inject(Fault.HEADER_ONLY)
    assert lines(session, url) == [header, ""]


def test_a_file_can_start_with_a_byte_order_mark(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.BOM)
    assert gzip.decompress(session.get(url).content).startswith(b"\xef\xbb\xbfDate/Time")


def test_lines_can_end_as_windows_do(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.CRLF)
    assert all(line.endswith("\r") for line in lines(session, url)[:2])
