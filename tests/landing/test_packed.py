"""Files that are whole, and packed in odd ways: read where that can be, else kept as they were served."""

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.containers import parts
from pipeline.errors import PermanentError, TransientError, UnreadableError
from pipeline.landing.download import Limits
from pipeline.landing.fetch import Fetched, fetch

HEADER = "id,processedTime,amount"
TEXT = f"{HEADER}\n".encode() + b"".join(b"tx-%05d,2026-10-05T10:00:00Z,1.00\n" % i for i in range(900))
A_PNG = b"\x89PNG\r\n\x1a\n" + hashlib.shake_256(b"pixels").digest(99)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return out.getvalue()


def forged(method: int | None = None, flags: int = 0, version: int | None = None) -> bytes:
    """A ZIP that says of itself what Python cannot unpack."""
    raw = bytearray(zipped(("export.csv", TEXT)))
    for magic, at_flags, at_method in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
        at = raw.index(magic)
        raw[at + at_flags] |= flags
        if method is not None:
            raw[at + at_method : at + at_method + 2] = struct.pack("<H", method)
        if version is not None:
            raw[at + at_flags - 2 : at + at_flags] = struct.pack("<H", version)
    return bytes(raw)


def land(folder: Path, content: bytes, *, sized: bool = True, limits: Limits | None = None) -> tuple[Path, Fetched]:
    """Fetch what is served, and where it came to lie."""

    def served(offset: int, etag: str) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response.headers.update({"Content-Length": str(len(content))} if sized else {})
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(content), preload_content=False)
        return response

    fetched = fetch(served, folder / "6e1f.csv.gz", limits or Limits(text_bytes=1 << 30))
    (file,) = folder.iterdir()
    return file, fetched


def texts(file: Path) -> Iterator[bytes]:
    for part in parts(file):
        yield part.read()


READ = {
    "gzip in gzip": gzip.compress(gzip.compress(TEXT)),
    "gzip in gzip, in members": gzip.compress(gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:])),
    "gzip in a ZIP": zipped(("export.csv.gz", gzip.compress(TEXT))),
    "a ZIP of a Mac": zipped(
        ("__MACOSX/._export.csv", b"\0\5\x16\7Mac OS X"),
        ("__MACOSX/export.csv", b"\0\5\x16\7Mac OS X"),
        (".DS_Store", b"\0\0\0\1Bud1"),
        ("export.csv", TEXT),
        ("._export.csv", b"\0\5\x16\7"),
    ),
    "a ZIP with folders": zipped(
        ("a/", b""), ("a/Thumbs.db", b"x"), ("a/desktop.ini", b"[x]"), ("a/.export.csv", TEXT)
    ),
    "a stored ZIP": zipped(("export.csv", TEXT), method=zipfile.ZIP_STORED),
    "a ZIP of LZMA": zipped(("export.csv", TEXT), method=zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_can_be_unpacked_is_read_to_its_last_byte(tmp_path: Path, content: bytes) -> None:
    file, fetched = land(tmp_path, content)
    assert file.read_bytes() == content
    assert b"".join(texts(file)) == TEXT
    assert (fetched.contents.text_bytes, fetched.contents.header, fetched.contents.unread) == (len(TEXT), HEADER, "")


UNREAD = {
    "Deflate64": (forged(method=9), ".zip", "is a ZIP that is compressed by method 9"),
    "encrypted": (forged(flags=1), ".zip", "is a ZIP that is encrypted"),
    "strongly encrypted": (forged(flags=0x41), ".zip", "is a ZIP that is encrypted"),
    "patched": (forged(flags=0x20), ".zip", "is a ZIP that is compressed by method 8"),
    "a later ZIP": (forged(version=990), ".zip", "is a ZIP of a later kind"),
    "a ZIP without members": (zipped(), ".zip", "does not begin with a CSV header"),
    "a ZIP of something else": (
        zipped(("[Content_Types].xml", b"<Types/>")),
        ".zip",
        "does not begin with a CSV header",
    ),
    "a ZIP in a ZIP": (zipped(("a.zip", zipped(("export.csv", TEXT)))), ".zip", "one packed file in another"),
    "a ZIP in gzip": (gzip.compress(zipped(("export.csv", TEXT))), ".csv.gz", "one packed file in another"),
    "gzip thrice": (gzip.compress(gzip.compress(gzip.compress(TEXT))), ".csv.gz", "one packed file in another"),
    "xz": (lzma.compress(TEXT), ".bin", "is packed as xz"),
    "bzip2": (bz2.compress(TEXT), ".bin", "is packed as bzip2"),
    "Parquet": (b"PAR1" + A_PNG, ".bin", "is packed as Parquet"),
    "a PDF": (b"%PDF-1.7\n" + A_PNG, ".bin", "is packed as PDF"),
    "an image": (A_PNG, ".csv", "does not begin with a line of UTF-8"),
    "UTF-16": (TEXT.decode().encode("utf-16"), ".csv", "does not begin with a line of UTF-8"),
    "UTF-16 in gzip": (gzip.compress(TEXT.decode().encode("utf-16")), ".csv.gz", "begin with a line of UTF-8"),
}


@pytest.mark.parametrize(("content", "suffix", "why"), UNREAD.values(), ids=UNREAD)
def test_what_cannot_be_read_is_kept_as_it_was_served(tmp_path: Path, content: bytes, suffix: str, why: str) -> None:
    file, fetched = land(tmp_path, content)
    assert (file.name, file.read_bytes()) == (f"6e1f{suffix}", content)
    assert (fetched.size, fetched.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert fetched.contents.unread.startswith("The file of export 6e1f ")
    assert why in fetched.contents.unread
    assert "\n" not in fetched.contents.unread
    assert (fetched.contents.text_bytes, fetched.contents.header) == (0, "")


@pytest.mark.parametrize("name", ["Deflate64", "encrypted", "a ZIP in gzip", "xz", "gzip thrice"])
def test_what_cannot_be_unpacked_is_told_to_all_who_read_it(tmp_path: Path, name: str) -> None:
    file, fetched = land(tmp_path, UNREAD[name][0])
    with pytest.raises(UnreadableError, match=r"^The file of export 6e1f [^\n]+\.$") as told:
        list(texts(file))
    assert str(told.value) == fetched.contents.unread


@pytest.mark.parametrize("name", ["xz", "Parquet", "an image", "UTF-16"])
def test_what_has_no_checksum_that_is_known_must_come_with_its_length(tmp_path: Path, name: str) -> None:
    with pytest.raises(TransientError, match="came without its length"):
        land(tmp_path, UNREAD[name][0], sized=False)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60)
@given(st.data())
def test_what_is_cut_is_never_taken_for_whole(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """The cut file comes with its own length: the rest was lost before it was served."""
    kinds = {**READ, **{name: UNREAD[name][0] for name in ("Deflate64", "encrypted", "a ZIP in gzip", "gzip thrice")}}
    content = data.draw(st.sampled_from(list(kinds.values())))
    cut = data.draw(st.integers(4, len(content) - 1))
    folder = tmp_path_factory.mktemp("cut")
    with pytest.raises(TransientError, match=r"it will be fetched again\.$"):
        land(folder, content[:cut])
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("end", [b"PK\x05\x06", b"PK\x01\x02"], ids=["directory", "member"])
def test_a_zip_whose_offsets_lead_nowhere_is_damaged(tmp_path: Path, end: bytes) -> None:
    """It was told as a disk that could not be written, and never fetched again."""
    content = bytearray(zipped(("export.csv", TEXT)))
    at = content.rindex(end) + (16 if end == b"PK\x05\x06" else 42)
    content[at : at + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(TransientError, match=r"^The file of export 6e1f is damaged [^\n]+ it will be fetched again\.$"):
        land(tmp_path, bytes(content))
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=200)
@given(st.data())
def test_a_file_with_a_wrong_byte_is_never_the_disks_fault(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(list(READ.values()))))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("wrong")
    try:
        _, fetched = land(folder, bytes(content))
    except (TransientError, PermanentError) as error:
        assert "could not be written" not in str(error)  # noqa: PT017 - of either kind
    else:
        assert fetched.contents.unread or fetched.contents.text_bytes == len(TEXT)


PAGES = [b"<html>Please sign in, a,b</html>", b'{"errors":[]}', b"", gzip.compress(b"<html>")]


@pytest.mark.parametrize("page", PAGES, ids=["html", "json", "nothing", "html in gzip"])
def test_a_page_is_no_export_and_is_not_kept(tmp_path: Path, page: bytes) -> None:
    with pytest.raises(PermanentError, match=r"it was not kept; tell the vendor\.$"):
        land(tmp_path, page)
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_in_two_layers_is_refused_before_it_swells(tmp_path: Path) -> None:
    bomb = gzip.compress(gzip.compress(b"a,b\n" + b"0,0\n" * (1 << 22)))
    assert len(bomb) < 10_000
    with pytest.raises(PermanentError, match=r"holds more than 1048576 bytes, so it was not kept; tell the vendor\.$"):
        land(tmp_path, bomb, limits=Limits(text_bytes=1 << 20))


def test_one_export_is_one_file_also_where_it_is_packed_in_another_way_the_second_time(tmp_path: Path) -> None:
    """Killed before the manifest was written, and served otherwise since."""
    land(tmp_path, gzip.compress(TEXT))
    file, _ = land(tmp_path, zipped(("export.csv", TEXT)))
    assert file.name == "6e1f.zip"
