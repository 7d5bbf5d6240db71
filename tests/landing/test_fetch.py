import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.errors import PermanentError, TransientError
from pipeline.export.protocol import Export, Status
from pipeline.landing.download import MAX_RESUMES, Limits
from pipeline.landing.fetch import Fetched, fetch, verify
from pipeline.months import Month
from tests.didww import client

HEADER = "Date/Time Start (UTC),Source,Call ID"
TEXT = f"{HEADER}\n".encode() + b"".join(b"%s\n" % hashlib.sha256(b"%d" % i).hexdigest().encode() for i in range(900))
FILE = gzip.compress(TEXT, mtime=0)
OTHER = gzip.compress(TEXT[: TEXT.rindex(b"\n", 0, len(TEXT) // 2) + 1], mtime=0)
HALF = len(FILE) // 2
LIMITS = Limits(text_bytes=1 << 30)


@dataclass(frozen=True)
class Step:
    """How one request is answered; ``cut`` says after how many bytes the connection ends."""

    body: bytes = FILE
    etag: str | None = '"v1"'
    cut: int | None = None
    sized: bool = True
    chunked: bool = False
    ranges: bool = True
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    literal: bool = False
    """Whether status, headers and body are sent as they are, whatever was asked for."""
    pause: float = 0.0
    """Seconds before each byte of the body."""


GIVEN_UP = threading.Event()
"""Ends whatever is still being served slowly."""

Seen = list[dict[str, str]]
Script = Callable[..., tuple[Callable[[Path], Fetched], Seen]]


@pytest.fixture
def script() -> Iterator[Script]:
    """Answers the requests step by step, the last step for ever.

    Returns what fetches the file to a path, with the real client, and the headers of all requests that came.
    """
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(*steps: Step, limits: Limits = LIMITS) -> tuple[Callable[[Path], Fetched], Seen]:
        seen: Seen = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Scripted", (Answers,), {"steps": steps, "seen": seen}))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        origin = f"http://127.0.0.1:{server.server_address[1]}"
        vendor = client(f"{origin}/v3", "k")
        export = Export("6e1f", "cdr_in", Status.COMPLETED, Month(2026, 10).end, f"{origin}/v3/exports/f.csv.gz")
        return lambda target: fetch(partial(vendor.open, export), target, limits), seen

    GIVEN_UP.clear()
    yield start
    GIVEN_UP.set()
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


class Answers(BaseHTTPRequestHandler):
    """Answers each request by the step that is its turn."""

    steps: tuple[Step, ...]
    seen: Seen

    def do_GET(self) -> None:
        step = self.steps[min(len(self.seen), len(self.steps) - 1)]
        self.seen.append(dict(self.headers.items()))
        told = {**step.headers, "ETag": step.etag}
        if step.literal:
            self._send(step, step.status, told, step.body)
            return
        wanted = self.headers.get("Range") if self.headers.get("If-Range") == step.etag and step.ranges else None
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        status = 416 if start and start >= len(step.body) else 206 if wanted else step.status
        if status == 206:
            told["Content-Range"] = f"bytes {start}-{len(step.body) - 1}/{len(step.body)}"
        self._send(step, status, told, step.body[start:] if status < 400 else b"")

    def _send(self, step: Step, status: int, told: dict[str, str | None], body: bytes) -> None:
        chunked = step.chunked and status != 416
        length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        self.send_response(status)
        for name, value in {**told, **(length if step.sized or chunked else {})}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        part = body[: step.cut]
        if chunked and part:
            part = b"%x\r\n%s\r\n" % (len(part), part) + (b"0\r\n\r\n" if step.cut is None else b"")
        for piece in (part[i : i + 1] for i in range(len(part))) if step.pause else [part]:
            if GIVEN_UP.wait(step.pause) or not self._write(piece):
                return

    def _write(self, piece: bytes) -> bool:
        try:
            self.wfile.write(piece)
        except OSError:  # the client has left
            return False
        return True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """``seen`` is the log."""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the file shall land; an older one of the month lies beside it."""
    folder = tmp_path / "didww" / "cdr_in" / "2026-10"
    folder.mkdir(parents=True)
    (folder / "older.csv.gz").write_bytes(b"older")
    return folder / "6e1f.csv.gz"


def assert_landed(target: Path, fetched: Fetched, content: bytes = FILE) -> None:
    assert target.read_bytes() == content
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()
    assert fetched.size == len(content)
    assert fetched.contents.text_bytes == len(gzip.decompress(content))
    assert fetched.contents.header == HEADER
    assert {path.name for path in target.parent.iterdir()} == {"older.csv.gz", "6e1f.csv.gz"}


def assert_nothing_changed(target: Path) -> None:
    assert {path.name: path.read_bytes() for path in target.parent.iterdir()} == {"older.csv.gz": b"older"}


class TestWhatLands:
    @pytest.mark.parametrize(
        "content",
        [
            FILE,
            gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:]),
            FILE + b"\0" * 512,
            gzip.compress(f"{HEADER}\n".encode()),
            gzip.compress(HEADER.encode()),
            gzip.compress(f"\ufeff{HEADER}\r\n".encode()),
        ],
        ids=["plain", "two members", "trailing zeros", "header only", "header without newline", "BOM and CRLF"],
    )
    @pytest.mark.parametrize(
        "step",
        [Step(), Step(chunked=True), Step(sized=False), Step(etag=None)],
        ids=["sized", "chunked", "unsized", "no etag"],
    )
    def test_is_exactly_what_was_served(self, script: Script, target: Path, content: bytes, step: Step) -> None:
        step = Step(content, step.etag, chunked=step.chunked, sized=step.sized)
        run, seen = script(step)
        assert_landed(target, run(target), content)
        assert len(seen) == 1
        assert "Range" not in seen[0]

    def test_was_not_gunzipped_where_something_declared_a_content_encoding(self, script: Script, target: Path) -> None:
        run, seen = script(Step(headers={"Content-Encoding": "gzip"}))
        assert_landed(target, run(target))
        assert seen[0]["Accept-Encoding"] == "identity"

    def test_replaces_the_file_that_was_left_without_a_manifest(self, script: Script, target: Path) -> None:
        target.write_bytes(b"left by a crash")
        run, _ = script(Step())
        assert_landed(target, run(target))

    def test_makes_the_folders_that_it_needs(self, script: Script, tmp_path: Path) -> None:
        run, _ = script(Step())
        run(tmp_path / "a" / "b" / "6e1f.csv.gz")
        assert (tmp_path / "a" / "b" / "6e1f.csv.gz").read_bytes() == FILE

    def test_verifies_again_as_it_did(self, script: Script, target: Path) -> None:
        run, _ = script(Step())
        fetched = run(target)
        assert verify(target) == fetched


class TestAfterACut:
    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("cut", [1, 17, HALF, len(FILE) - 1])
    def test_the_rest_is_asked_for_if_the_file_is_still_the_same(
        self, script: Script, target: Path, cut: int, chunked: bool
    ) -> None:
        run, seen = script(Step(cut=cut, chunked=chunked), Step())
        assert_landed(target, run(target))
        assert [(s.get("Range"), s.get("If-Range")) for s in seen] == [(None, None), (f"bytes={cut}-", '"v1"')]

    def test_before_the_first_byte_the_whole_is_asked_for_again(self, script: Script, target: Path) -> None:
        run, seen = script(Step(cut=0), Step())
        assert_landed(target, run(target))
        assert "Range" not in seen[1]

    def test_the_resumed_answer_may_be_cut_as_well(self, script: Script, target: Path) -> None:
        run, seen = script(Step(cut=100), Step(cut=50), Step(cut=25), Step())
        assert_landed(target, run(target))
        assert [s.get("Range") for s in seen] == [None, "bytes=100-", "bytes=150-", "bytes=175-"]

    def test_a_file_that_changed_meanwhile_is_begun_anew(self, script: Script, target: Path) -> None:
        run, seen = script(Step(OTHER, '"v1"', cut=100), Step(FILE, '"v2"', cut=HALF), Step(FILE, '"v2"'))
        assert_landed(target, run(target))
        assert [s.get("If-Range") for s in seen] == [None, '"v1"', '"v2"']

    def test_a_shorter_file_that_replaced_it_leaves_no_bytes_of_the_longer(self, script: Script, target: Path) -> None:
        run, _ = script(Step(FILE, '"v1"', cut=len(FILE) - 1), Step(OTHER, '"v2"'))
        assert_landed(target, run(target), OTHER)

    def test_a_server_without_ranges_is_begun_anew(self, script: Script, target: Path) -> None:
        run, seen = script(Step(cut=HALF, ranges=False), Step(ranges=False))
        assert_landed(target, run(target))
        assert seen[1]["Range"] == f"bytes={HALF}-"

    def test_a_server_without_etags_is_begun_anew_without_a_range(self, script: Script, target: Path) -> None:
        run, seen = script(Step(cut=HALF, etag=None), Step(etag=None))
        assert_landed(target, run(target))
        assert "Range" not in seen[1]

    def test_it_is_taken_up_so_often_and_no_more(self, script: Script, target: Path) -> None:
        cuts = [Step(cut=10)] * MAX_RESUMES
        run, seen = script(*cuts, Step())
        assert_landed(target, run(target))
        assert len(seen) == MAX_RESUMES + 1

    def test_after_too_many_it_is_given_back(self, script: Script, target: Path) -> None:
        run, seen = script(Step(cut=10))
        with pytest.raises(TransientError, match=r"^The download of 6e1f broke off too often; try again later\.$"):
            run(target)
        assert len(seen) == MAX_RESUMES + 1
        assert_nothing_changed(target)

    def test_without_any_length_it_is_found_by_the_gzip(self, script: Script, target: Path) -> None:
        run, _ = script(Step(cut=HALF, sized=False))
        with pytest.raises(TransientError, match="ends in the middle of its gzip"):
            run(target)
        assert_nothing_changed(target)

    def test_just_before_the_last_chunk_the_whole_is_asked_for_again(self, script: Script, target: Path) -> None:
        run, seen = script(Step(cut=len(FILE), chunked=True), Step())
        assert_landed(target, run(target))
        assert [s.get("Range") for s in seen] == [None, f"bytes={len(FILE)}-", None]

    @pytest.mark.parametrize(("status", "error"), [(404, PermanentError), (401, PermanentError), (500, TransientError)])
    def test_a_server_that_then_refuses_leaves_nothing(
        self, script: Script, target: Path, status: int, error: type[Exception]
    ) -> None:
        run, _ = script(Step(cut=HALF), Step(b"", status=status, ranges=False))
        with pytest.raises(error, match=f"HTTP {status}"):
            run(target)
        assert_nothing_changed(target)

    def test_the_wrong_rest_is_found(self, script: Script, target: Path) -> None:
        swapped = FILE[:HALF] + FILE[HALF:][::-1]
        run, _ = script(Step(cut=HALF), Step(swapped))
        with pytest.raises(TransientError, match="it will be fetched again"):
            run(target)
        assert_nothing_changed(target)


def rest(start: int, end: int, length: object = len(FILE), etag: str | None = '"v1"', **headers: str) -> Step:
    """A 206 that says that it holds these bytes of the file, and does."""
    told = {"Content-Range": f"bytes {start}-{end - 1}/{length}", **headers}
    return Step(FILE[start:end], etag, status=206, headers=told, literal=True)


MIXED = {
    "a rest that begins too early": rest(HALF - 7, len(FILE)),
    "a rest that begins too late": rest(HALF + 7, len(FILE)),
    "a rest of a longer file": rest(HALF, len(FILE), len(FILE) + 1),
    "a rest of a file of unknown length": rest(HALF, len(FILE), "*"),
    "a rest that ends before it begins": Step(
        FILE[HALF:], status=206, headers={"Content-Range": f"bytes {HALF}-0/{len(FILE)}"}, literal=True
    ),
    "a rest that does not say what it is": Step(FILE[HALF:], status=206, literal=True),
    "a rest in other units": Step(FILE[HALF:], status=206, headers={"Content-Range": f"rows {HALF}-1/2"}, literal=True),
    "a rest with more bytes than it says": Step(
        FILE[HALF:] + b"x",
        status=206,
        headers={"Content-Range": f"bytes {HALF}-{len(FILE) - 1}/{len(FILE)}"},
        literal=True,
    ),
    "a piece with more bytes than it says": Step(
        FILE[HALF:], status=206, headers={"Content-Range": f"bytes {HALF}-{HALF + 9}/{len(FILE)}"}, literal=True
    ),
    "a rest of another file": rest(HALF, len(FILE), etag='"v2"'),
    "a rest under a weak ETag": rest(HALF, len(FILE), etag='W/"v1"'),
    "a rest without an ETag": rest(HALF, len(FILE), etag=None),
    "several rests": rest(HALF, len(FILE), **{"Content-Type": "multipart/byteranges; boundary=x"}),
    "a refusal": Step(b"", status=416, literal=True),
}


class TestARestThatIsNone:
    @pytest.mark.parametrize("wrong", MIXED.values(), ids=MIXED)
    def test_is_dropped_also_where_no_length_was_told_before(self, script: Script, target: Path, wrong: Step) -> None:
        run, _ = script(Step(cut=HALF, chunked=True), wrong, Step())
        assert_landed(target, run(target))

    @pytest.mark.parametrize("wrong", MIXED.values(), ids=MIXED)
    def test_starts_the_download_again(self, script: Script, target: Path, wrong: Step) -> None:
        run, seen = script(Step(cut=HALF), wrong, Step())
        assert_landed(target, run(target))
        assert [s.get("Range") for s in seen] == [None, f"bytes={HALF}-", None]

    @pytest.mark.parametrize("wrong", MIXED.values(), ids=MIXED)
    def test_is_no_reason_to_ask_without_end(self, script: Script, target: Path, wrong: Step) -> None:
        run, seen = script(*[Step(cut=HALF), wrong] * 9)
        with pytest.raises(TransientError, match="broke off too often"):
            run(target)
        assert len(seen) == (4 if wrong is MIXED["a refusal"] else MAX_RESUMES + 1)
        assert_nothing_changed(target)

    def test_a_piece_of_the_rest_is_followed_by_the_next(self, script: Script, target: Path) -> None:
        run, seen = script(Step(cut=HALF), rest(HALF, HALF + 99), rest(HALF + 99, len(FILE)))
        assert_landed(target, run(target))
        assert [s.get("Range") for s in seen] == [None, f"bytes={HALF}-", f"bytes={HALF + 99}-"]

    def test_a_weak_etag_is_never_sent_with_a_range(self, script: Script, target: Path) -> None:
        run, seen = script(Step(etag='W/"v1"', cut=HALF), Step(etag='W/"v1"'))
        assert_landed(target, run(target))
        assert "Range" not in seen[1]

    def test_the_whole_file_as_a_part_is_taken_for_what_it_says(self, script: Script, target: Path) -> None:
        for steps in (
            [rest(0, len(FILE))],
            [Step(cut=HALF), rest(0, len(FILE))],
            [Step(cut=HALF), rest(0, len(FILE), etag='"v2"')],
        ):
            run, seen = script(*steps)
            assert_landed(target, run(target))
            assert len(seen) == len(steps)

    def test_a_rest_in_many_pieces_is_one_file(self, script: Script, target: Path) -> None:
        size = max(1, (len(FILE) - HALF) // 20)
        pieces = [rest(at, min(at + size, len(FILE))) for at in range(HALF, len(FILE), size)]
        assert len(pieces) > MAX_RESUMES + 1
        run, seen = script(Step(cut=HALF), *pieces)
        assert_landed(target, run(target))
        assert len(seen) == len(pieces) + 1

    def test_pieces_without_end_are_not_asked_for(self, script: Script, target: Path) -> None:
        large = FILE * 9
        head = Step(large, cut=HALF)
        told = [{"Content-Range": f"bytes {at}-{at}/{len(large)}"} for at in range(HALF, HALF + 9)]
        run, seen = script(
            head,
            *(
                Step(large[HALF + n : HALF + n + 1], status=206, headers=one, literal=True)
                for n, one in enumerate(told)
            ),
        )
        with pytest.raises(TransientError, match="broke off too often"):
            run(target)
        assert len(seen) == MAX_RESUMES + 1

    def test_a_part_that_was_not_asked_for_is_not_the_file(self, script: Script, target: Path) -> None:
        run, seen = script(rest(1, len(FILE)))
        with pytest.raises(TransientError, match="broke off too often"):
            run(target)
        assert not any("Range" in s for s in seen)
        assert_nothing_changed(target)

    @pytest.mark.parametrize("status", [202, 203, 204, 304])
    def test_an_answer_that_is_no_file_is_not_kept(self, script: Script, target: Path, status: int) -> None:
        run, _ = script(Step(b"" if status in (204, 304) else FILE, status=status, literal=True, sized=status < 204))
        with pytest.raises(TransientError, match=f"was answered with HTTP {status}; try again later\\.$"):
            run(target)
        assert_nothing_changed(target)

    @pytest.mark.parametrize("kind", ["whole", "aligned", "short"])
    def test_a_plain_text_is_never_mixed(self, script: Script, target: Path, kind: str) -> None:
        """Of a file without a checksum only the answers tell that its bytes are those of one file."""
        half = TEXT.index(b"\n", len(TEXT) // 2) + 1
        end = TEXT.index(b"\n", half + 900) + 1 if kind == "short" else len(TEXT)
        start = {"whole": 0, "aligned": half - half % 512, "short": half}[kind]
        told = {"Content-Range": f"bytes {start}-{end - 1}/{len(TEXT)}"}
        wrong = Step(TEXT[start:end], status=206, headers=told, literal=True)
        run, _ = script(Step(TEXT, cut=half), wrong, Step(TEXT))
        run(target)
        assert target.with_name("6e1f.csv").read_bytes() == TEXT


class TestBounds:
    @pytest.mark.parametrize("step", [Step(), Step(sized=False), Step(chunked=True)], ids=["sized", "open", "chunked"])
    def test_a_file_that_is_too_large_is_refused(self, script: Script, target: Path, step: Step) -> None:
        run, seen = script(step, limits=Limits(file_bytes=len(FILE) - 1))
        with pytest.raises(
            PermanentError, match=r"^The file of export 6e1f has more than [^\n]+ GB, [^\n]+_GB [^\n]+\.$"
        ):
            run(target)
        assert len(seen) == 1
        assert_nothing_changed(target)

    def test_a_file_that_just_fits_lands(self, script: Script, target: Path) -> None:
        run, _ = script(Step(), limits=Limits(file_bytes=len(FILE)))
        assert_landed(target, run(target))

    def test_a_download_without_end_is_given_up(self, script: Script, target: Path) -> None:
        run, seen = script(Step(pause=0.01, literal=True), limits=Limits(seconds=0.3))
        with pytest.raises(TransientError, match=r"^The download of 6e1f took more than [^\n]+_HOURS\.$"):
            run(target)
        assert len(seen) == 1
        assert_nothing_changed(target)

    def test_a_server_that_brings_next_to_nothing_is_left_and_asked_again(self, script: Script, target: Path) -> None:
        run, seen = script(Step(pause=0.01, literal=True), Step(), limits=Limits(window_seconds=0.2))
        assert_landed(target, run(target))
        assert len(seen) == 2
        assert seen[1]["If-Range"] == '"v1"'

    def test_a_server_that_never_hurries_gives_the_month_back(self, script: Script, target: Path) -> None:
        run, seen = script(Step(pause=0.01, literal=True), limits=Limits(window_seconds=0.05))
        with pytest.raises(TransientError, match="broke off too often"):
            run(target)
        assert len(seen) == MAX_RESUMES + 1
        assert_nothing_changed(target)


BAD_FILES = {
    "cut gzip": (FILE[:HALF], TransientError, "ends in the middle of its gzip"),
    "cut trailer": (FILE[:-1], TransientError, "ends in the middle of its gzip"),
    "cut second member": (FILE + OTHER[:HALF], TransientError, "ends in the middle of its gzip"),
    "wrong checksum": (FILE[:-8] + b"\0\0\0\0" + FILE[-4:], TransientError, "is damaged"),
    "garbage behind": (FILE + b"garbage behind the end", TransientError, "is damaged"),
    "page of a login": (b"<html><body>Please sign in, a,b</body></html>", PermanentError, "does not begin with a CSV"),
    "JSON": (b'[{"id": 1, "amount": 2}]', PermanentError, "does not begin with a CSV header"),
    "nothing": (b"", PermanentError, "does not begin with a CSV header"),
    "cut ZIP": (b"PK\x03\x04 and no more", TransientError, "is damaged"),
    "page in gzip": (gzip.compress(b"<html>a,b</html>"), PermanentError, "does not begin with a CSV header"),
    "nothing in gzip": (gzip.compress(b""), PermanentError, "does not begin with a CSV header"),
    "cut line in gzip": (gzip.compress(TEXT[:-20]), TransientError, "ends in the middle of a line"),
    "bomb": (gzip.compress(TEXT * 100), PermanentError, "holds more than"),
}


class TestWhatDoesNotLand:
    @pytest.mark.parametrize("name", BAD_FILES)
    def test_is_told_in_one_sentence_and_leaves_nothing(self, script: Script, target: Path, name: str) -> None:
        content, family, reason = BAD_FILES[name]
        run, _ = script(Step(content), limits=Limits(text_bytes=len(TEXT) * 2))
        with pytest.raises(family, match=rf"^The file of export 6e1f [^\n]*{reason}[^\n]*\.$"):
            run(target)
        assert_nothing_changed(target)

    @pytest.mark.parametrize("name", BAD_FILES)
    def test_does_not_touch_what_landed_before(self, script: Script, target: Path, name: str) -> None:
        target.write_bytes(FILE)
        content, family, _ = BAD_FILES[name]
        run, _ = script(Step(content), limits=Limits(text_bytes=len(TEXT) * 2))
        with pytest.raises(family):
            run(target)
        assert target.read_bytes() == FILE
        assert len(list(target.parent.iterdir())) == 2

    def test_is_not_even_begun_where_it_cannot_be_opened(self, script: Script, target: Path) -> None:
        run, _ = script(Step(b"", status=404, ranges=False))
        with pytest.raises(PermanentError, match="HTTP 404"):
            run(target)
        assert_nothing_changed(target)

    def test_never_has_the_files_name_while_it_is_read(
        self, script: Script, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names: list[set[str]] = []
        replace = Path.replace

        def look(part: Path, name: Path) -> Path:
            names.append({path.name for path in target.parent.iterdir()})
            assert part.read_bytes() == FILE
            return replace(part, name)

        monkeypatch.setattr(Path, "replace", look)
        run, _ = script(Step())
        assert_landed(target, run(target))
        assert len(names) == 1
        assert target.name not in names[0]
