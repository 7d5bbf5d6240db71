"""Landing as a whole: the operations's step, from the local vendor's exports to files with their manifests."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from pipeline.errors import PermanentError, TransientError, UnreadableError
from pipeline.export.protocol import Export
from pipeline.landing.manifests import Manifest
from pipeline.landing.survey import survey
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock, Sandbox
from pipeline.settings import Settings
from tests.didww import client
from tests.landing.test_packed import forged

KEY = "k-4711-secret"
MONTH = Month(2026, 10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(
        calls_per_day=20, clock=clock, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as running:
        yield running


@pytest.fixture
def operations(tmp_path: Path, sandbox: Sandbox, clock: ManualClock) -> Operations:
    vendor = client(sandbox.url, KEY)
    return Operations(Settings(_env_file=None, cdr_data_dir=tmp_path), {"didww": vendor}, clock)


@pytest.fixture
def export(operations: Operations) -> Export:
    """Our export of the month, ready."""
    operations.requester.request("cdr_in", [MONTH]).all()
    (ready,) = operations.listings.ours("cdr_in", MONTH, operations.listings.read("didww"))
    return ready


@pytest.fixture
def served(export: Export) -> bytes:
    """The bytes that the vendor serves, fetched with nothing of ours."""
    with requests.get(export.url or "", headers={"Api-Key": KEY}, stream=True, timeout=5) as response:
        content = response.raw.read(decode_content=False)
    assert isinstance(content, bytes)
    return content


@pytest.fixture
def elsewhere() -> Iterator[Callable[[bytes], str]]:
    """Serves a file, and returns its address."""
    content = [b""]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content[0])))
            self.end_headers()
            self.wfile.write(content[0])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Nothing is logged."""

    def serve(file: bytes) -> str:
        content[0] = file
        return f"http://127.0.0.1:{server.server_address[1]}/f"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield serve
        server.shutdown()
        thread.join()


def land(operations: Operations, export: Export) -> Manifest:
    return operations.lander.land("cdr_in", MONTH, export)


def file_of(operations: Operations, export: Export) -> Path:
    return operations.place.archive.file("didww", "cdr_in", MONTH, export.id)


def parts(operations: Operations) -> list[Path]:
    return list(operations.settings.cdr_data_dir.rglob("*.part"))


@pytest.mark.parametrize("fault", [None, Fault.CONTENT_ENCODING, Fault.CUT_BODY, Fault.CUT_CHUNKED, Fault.SLOW_BODY])
def test_a_file_lands_with_a_manifest_of_exactly_what_was_served(
    operations: Operations, sandbox: Sandbox, export: Export, served: bytes, clock: ManualClock, fault: Fault | None
) -> None:
    if fault:
        sandbox.faults.inject(fault, value=0.001 if fault is Fault.SLOW_BODY else None)
    manifest = land(operations, export)
    text = gzip.decompress(served)
    assert file_of(operations, export).read_bytes() == served
    assert manifest == Manifest(
        vendor="didww",
        record_type="cdr_in",
        month="2026-10",
        export_id=export.id,
        reference="cdr/main/cdr_in/2026-10/day19",
        window_start=MONTH.start,
        window_end=MONTH.end,
        created_at=clock(),
        filters={"from": "2026-10-01 00:00:00", "to": "2026-11-01 00:00:00"},
        api_version="2026-04-16",
        landed_at=clock(),
        url=export.url or "",
        bytes=len(served),
        text_bytes=len(text),
        sha256=hashlib.sha256(served).hexdigest(),
        header=text.decode().splitlines()[0],
    )
    assert list(operations.place.archive.landed()) == [manifest]
    assert parts(operations) == []


def test_a_cut_download_is_resumed_with_the_etag_of_what_is_there(
    operations: Operations, sandbox: Sandbox, export: Export, served: bytes
) -> None:
    sandbox.faults.inject(Fault.CUT_BODY)
    land(operations, export)
    resumed = sandbox.requests[-1]
    assert resumed.status == 206
    assert resumed.headers["Range"] == f"bytes={len(served) // 2}-"
    assert resumed.headers["If-Range"].strip('"')


@pytest.mark.parametrize(
    ("fault", "family"),
    [
        (Fault.CUT_UNSIZED, TransientError),
        (Fault.CUT_GZIP, TransientError),
        (Fault.CORRUPT_CRC, TransientError),
        (Fault.HTML_PAGE, PermanentError),
        (Fault.FILE_GONE, PermanentError),
    ],
)
def test_what_is_not_whole_leaves_nothing_and_lands_when_it_is(
    operations: Operations, sandbox: Sandbox, export: Export, served: bytes, fault: Fault, family: type[Exception]
) -> None:
    sandbox.faults.inject(fault)
    with pytest.raises(family):
        land(operations, export)
    assert not file_of(operations, export).exists()
    assert list(operations.place.archive.landed()) == []
    assert parts(operations) == []
    assert land(operations, export).sha256 == hashlib.sha256(served).hexdigest()


def test_a_file_that_landed_is_not_fetched_again(operations: Operations, sandbox: Sandbox, export: Export) -> None:
    first = land(operations, export)
    before = len(sandbox.requests)
    assert land(operations, export) == first
    assert len(sandbox.requests) == before


def test_a_file_without_manifest_after_a_crash_is_fetched_again(
    operations: Operations, export: Export, served: bytes
) -> None:
    manifest = land(operations, export)
    (note,) = operations.place.archive.root.rglob("*.landed.json")
    note.unlink()
    file_of(operations, export).write_bytes(b"what a crash left")
    assert land(operations, export) == manifest
    assert file_of(operations, export).read_bytes() == served


def test_a_second_export_of_the_month_is_a_second_file(
    operations: Operations, export: Export, served: bytes, clock: ManualClock
) -> None:
    land(operations, export)
    clock.advance(timedelta(days=2))
    operations.requester.request("cdr_in", [MONTH]).all()
    newer = operations.listings.ours("cdr_in", MONTH, operations.listings.read("didww"))[-1]
    land(operations, newer)
    assert newer.id != export.id
    assert file_of(operations, export).read_bytes() == served
    assert [manifest.export_id for manifest in operations.place.archive.landed()] == [export.id, newer.id]


def test_the_key_is_in_nothing_that_is_archived(operations: Operations, export: Export) -> None:
    land(operations, export)
    kept = [path for path in operations.settings.cdr_data_dir.rglob("*") if path.is_file()]
    assert len(kept) >= 3
    assert not any(KEY.encode() in path.read_bytes() for path in kept)


def test_the_settings_bound_what_one_download_may_take(
    tmp_path: Path, sandbox: Sandbox, clock: ManualClock, export: Export
) -> None:
    vendor = {"didww": client(sandbox.url, KEY)}
    small = Operations(Settings(_env_file=None, cdr_data_dir=tmp_path, cdr_max_download_gb=1e-7), vendor, clock)
    with pytest.raises(PermanentError, match=r"has more than 1e-07 GB, [^\n]+ CDR_MAX_DOWNLOAD_GB"):
        land(small, export)
    short = Operations(Settings(_env_file=None, cdr_data_dir=tmp_path, cdr_max_download_hours=1e-9), vendor, clock)
    with pytest.raises(TransientError, match=r"took more than 1e-09 hours; [^\n]+ CDR_MAX_DOWNLOAD_HOURS\.$"):
        land(short, export)
    assert parts(small) == []
    assert list(small.place.archive.landed()) == []


def test_a_file_of_a_kind_that_cannot_be_read_is_archived_and_then_told_of(
    operations: Operations, sandbox: Sandbox, export: Export, elsewhere: Callable[[bytes], str], served: bytes
) -> None:
    content = forged(method=9)
    odd = replace(export, url=elsewhere(content))
    manifest = land(operations, odd)
    assert manifest.unread.startswith(f"The file of export {export.id} is a ZIP that is compressed by method 9, ")
    assert (manifest.bytes, manifest.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert operations.place.archive.file_of(manifest).read_bytes() == content
    assert list(operations.place.archive.landed()) == [manifest]
    elsewhere(served)  # it landed: it is not fetched again
    assert land(operations, odd) == manifest
    with pytest.raises(UnreadableError, match=f"^{manifest.unread}$"):
        operations.loader.load("cdr_in", MONTH)
    assert operations.ledger.loaded("cdr_in") == {}
    assert list(survey(operations.place.archive)) == []


def test_gzip_in_gzip_is_loaded_as_gzip_is(
    operations: Operations, export: Export, elsewhere: Callable[[bytes], str], served: bytes
) -> None:
    manifest = land(operations, replace(export, url=elsewhere(gzip.compress(served))))
    assert (manifest.unread, manifest.text_bytes) == ("", len(gzip.decompress(served)))
    loaded = operations.loader.load("cdr_in", MONTH)
    assert loaded.converted
    assert loaded.converted.loaded.rows == gzip.decompress(served).count(b"\n") - 1
