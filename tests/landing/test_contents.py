import gzip
import hashlib
import io
import re
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PermanentError, TransientError
from pipeline.landing.contents import Contents, read_through

TEXT = b"Date/Time Start (UTC),Source,Call ID\n" + b"".join(
    b"2026-10-01 00:00:%02d,%d,%s\n" % (i % 60, i * 7919, hashlib.sha256(b"%d" % i).hexdigest().encode())
    for i in range(3000)
)
HEADER = "Date/Time Start (UTC),Source,Call ID"
GZIP = gzip.compress(TEXT, mtime=0)
HALF = len(TEXT) // 2
TRAILER = 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, content: bytes, limit: int = 1 << 30) -> Contents:
    path = folder / "6e1f.csv.gz.123.part"
    path.write_bytes(content)
    return read_through(path, limit)


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize(
    "content",
    [
        GZIP,
        gzip.compress(TEXT, compresslevel=0),
        gzip.compress(TEXT[:HALF]) + gzip.compress(TEXT[HALF:]),
        gzip.compress(TEXT) + gzip.compress(b""),
        gzip.compress(b"") + gzip.compress(TEXT),
        b"".join(gzip.compress(TEXT[i : i + 10_000]) for i in range(0, len(TEXT), 10_000)),
        GZIP + b"\0",
        GZIP + b"\0" * 512,
    ],
    ids=["plain", "stored", "two members", "empty last", "empty first", "many members", "one zero", "tape block"],
)
def test_a_whole_gzip_is_read_to_its_end(folder: Path, content: bytes) -> None:
    assert read(folder, content) == Contents(len(TEXT), HEADER)


@settings(max_examples=60)
@given(cut=st.integers(2, len(GZIP) - 1))
def test_a_gzip_that_is_cut_anywhere_is_found(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(TransientError, match=r"^The file of export 6e1f [^\n]+; it will be fetched again\.$"):
        read(tmp_path_factory.getbasetemp(), GZIP[:cut])


@settings(max_examples=60)
@given(cut=st.integers(1, len(GZIP) - 1))
def test_a_second_member_that_is_cut_anywhere_is_found(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(TransientError, match=r"it will be fetched again\.$"):
        read(tmp_path_factory.getbasetemp(), GZIP + GZIP[:cut])


@settings(max_examples=60)
@given(at=st.integers(10, len(GZIP) - 1))
def test_a_byte_that_is_damaged_anywhere_behind_the_head_is_found(
    tmp_path_factory: pytest.TempPathFactory, at: int
) -> None:
    with pytest.raises(TransientError, match=r"^The file of export 6e1f [^\n]+; it will be fetched again\.$"):
        read(tmp_path_factory.getbasetemp(), flipped(GZIP, at))


@pytest.mark.parametrize("at", [-TRAILER, -1], ids=["checksum", "length"])
def test_a_wrong_trailer_is_damage(folder: Path, at: int) -> None:
    with pytest.raises(TransientError, match="is damaged"):
        read(folder, flipped(GZIP, len(GZIP) + at))


@pytest.mark.parametrize("rest", [b"garbage after the end", b"x", b"\0\0garbage", b"<html>"])
def test_bytes_behind_the_last_member_are_damage(folder: Path, rest: bytes) -> None:
    with pytest.raises(TransientError):
        read(folder, GZIP + rest)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f",
        b"<!DOCTYPE html><html>Please sign in</html>",
        b"\0",
    ],
)
def test_what_is_no_csv_is_refused_with_a_glimpse_of_its_beginning(folder: Path, content: bytes) -> None:
    with pytest.raises(
        PermanentError, match=r"^The file of export 6e1f does not begin with a CSV header \(but [^\n]+\.$"
    ) as refused:
        read(folder, content)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"\n" + TEXT,
        b"no comma in here\n",
        b"<html>a,b</html>",
        b'\n<?xml version="1.0"?>',
        b'{"errors":[]}',
    ],
)
def test_a_gzip_without_a_csv_header_is_refused(folder: Path, text: bytes) -> None:
    with pytest.raises(
        PermanentError, match=r"does not begin with a CSV header \(but [^\n]+\), so it was not kept; tell the vendor\.$"
    ):
        read(folder, gzip.compress(text))


@pytest.mark.parametrize("text", [b"\xff\xfeD\0a\0,\0", b"\x89PNG\r\n\x1a\n,\xff", b"Source,Caf\xe9\n"])
def test_a_gzip_that_begins_in_another_encoding_is_whole_and_unread(folder: Path, text: bytes) -> None:
    found = read(folder, gzip.compress(text))
    assert (found.text_bytes, found.header) == (0, "")
    assert re.fullmatch(r"The file of export 6e1f does not begin with a line of UTF-8; [^\n]+\.", found.unread)


@pytest.mark.parametrize(
    "text",
    [b"a,b", b"a,b\n", b"a,b\r\n1,2\r\n", b"\xef\xbb\xbfa,b\r\n", b"a,b\n\xff\xff not UTF-8 further down\n"],
    ids=["no newline", "header only", "CRLF", "BOM", "garbage below"],
)
def test_the_header_is_the_first_line_without_its_frame(folder: Path, text: bytes) -> None:
    assert read(folder, gzip.compress(text)) == Contents(len(text), "a,b")


@settings(max_examples=60)
@given(st.text(st.characters(blacklist_characters="\n\r<\ufeff", blacklist_categories=["Cs"]), max_size=80))
def test_any_header_with_a_comma_is_kept_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    header = f"A,{text}é"
    found = read(tmp_path_factory.getbasetemp(), gzip.compress(f"{header}\n1,2\n".encode()))
    assert found.header == header


def test_the_limit_is_the_size_that_is_still_kept(folder: Path) -> None:
    assert read(folder, GZIP, limit=len(TEXT)).text_bytes == len(TEXT)
    with pytest.raises(
        PermanentError, match=rf"holds more than {len(TEXT) - 1} bytes, so it was not kept; tell the vendor\.$"
    ):
        read(folder, GZIP, limit=len(TEXT) - 1)


def test_a_decompression_bomb_is_refused_before_it_swells(folder: Path) -> None:
    bomb = gzip.compress(b"\0" * (1 << 24)) * 16
    tracemalloc.start()
    try:
        with pytest.raises(PermanentError, match="holds more than"):
            read(folder, bomb, limit=1 << 22)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 25


def test_a_zip_whose_last_part_is_empty_is_whole(folder: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("export-part1.csv", TEXT)
        out.writestr("export-part2.csv", b"")
    assert read(folder, packed.getvalue()) == Contents(len(TEXT), HEADER)


def test_a_last_record_whose_cell_has_a_line_break_is_not_taken_for_a_cut_one(folder: Path) -> None:
    text = TEXT + b'2026-10-01 00:00:00,4711,"two\nlines"'
    assert read(folder, gzip.compress(text)) == Contents(len(text), HEADER)


ROWS = [b"2026-10-01 00:00:00,1,a", b"2026-10-01 00:00:01,2,b"]
HEAD = HEADER.encode()


@pytest.mark.parametrize(
    "text",
    [
        b"\r".join([HEAD, *ROWS]),
        b"\r".join([HEAD, *ROWS, b""]),
        b"\r\n".join([HEAD, *ROWS]),
        b"\n".join([HEAD, *ROWS, b"2026-10-01 00:00:02,3\r,c"]),
        HEAD + b"\n" + b"\r".join(ROWS),
        HEAD + b"\r" + b"\n".join(ROWS),
        b"\n".join([HEAD, *ROWS, b"\r\r,\r,"]),
    ],
)
def test_lines_of_a_whole_file_may_end_in_cr(folder: Path, text: bytes) -> None:
    assert read(folder, gzip.compress(text)) == Contents(len(text), HEADER)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_text_that_ends_in_the_middle_of_a_line_is_cut_however_lines_end(folder: Path, end: bytes) -> None:
    with pytest.raises(TransientError, match="ends in the middle of a line"):
        read(folder, gzip.compress(end.join([HEAD, *ROWS, b"2026-10-01 00:00:02,3"])))


@pytest.mark.parametrize("text", [b"id\n1\n2", b"id\r\n", b'"call_id"\n1\n', b"\xef\xbb\xbfid\r1\r2\r"])
def test_an_export_of_one_column_is_a_csv(folder: Path, text: bytes) -> None:
    assert read(folder, gzip.compress(text)).header.strip('"') in ("id", "call_id")


@given(st.binary(max_size=60), st.binary(max_size=30))
def test_whatever_the_bytes_they_are_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, first: bytes, last: bytes
) -> None:
    for text in (first, HEAD + b"\n" + first, HEAD + b"\n" + b"x" * 200_000 + last, b"a" * 200_000 + b"," + first):
        try:
            read(tmp_path_factory.getbasetemp(), gzip.compress(text, 1))
        except (PermanentError, TransientError) as error:
            assert str(error).startswith("The file of export 6e1f ")  # noqa: PT017
