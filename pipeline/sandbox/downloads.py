"""The files of completed exports: built once, when first asked for, and served whole or in ranges."""

import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from pathlib import Path

from pipeline.sandbox.answers import Answer, FilePart, Wire
from pipeline.sandbox.columns import COLUMNS
from pipeline.sandbox.csvfile import Shape, write_gzip
from pipeline.sandbox.exports import Export
from pipeline.sandbox.faults import SHAPE_FAULTS, Fault, Faults, Injection, Operation

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_TRAILER = 8
_PIECES_OF_A_PAGE = b"<html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
_WIRES = {
    Fault.CUT_BODY: Wire.CUT,
    Fault.CUT_UNSIZED: Wire.CUT_UNSIZED,
    Fault.CUT_CHUNKED: Wire.CUT_CHUNKED,
    Fault.SLOW_BODY: Wire.SLOW,
}
_BYTE_FAULTS = (Fault.CUT_GZIP, Fault.CORRUPT_CRC, Fault.CONTENT_ENCODING)
_DEFAULT_PAUSE = 0.05


@dataclass(frozen=True)
class _File:
    path: Path
    size: int
    etag: str


class Downloads:
    """Builds and serves the files in ``folder``, which belongs to it."""

    def __init__(self, folder: Path, faults: Faults, *, crlf: bool) -> None:
        self._folder = folder
        self._faults = faults
        self._shape = Shape(crlf=crlf)
        self._files: dict[tuple[str, Shape], _File] = {}
        self._lock = threading.Lock()

    def answer(self, export: Export, headers: Mapping[str, str]) -> Answer:
        """The file of a completed export, as far as the request's Range and the faults want it."""
        file = self._file(export, self._wanted_shape(export))
        full = {
            "Content-Type": "application/octet-stream",
            "Content-Transfer-Encoding": "binary",
            "Content-Disposition": f'attachment; filename="{export.file_name}"',
            "Cache-Control": "no-cache",
            "Last-Modified": format_datetime(export.completed_at or export.created_at, usegmt=True),
            "ETag": file.etag,
            "Accept-Ranges": "bytes",
        }
        answer = _ranged(file, full, headers)
        if injection := self._take(_BYTE_FAULTS, export):
            _spoil(answer, injection)
        if injection := self._take(tuple(_WIRES), export):
            answer.wire = _WIRES[injection.kind]
            answer.pause = float(injection.text(str(_DEFAULT_PAUSE)))
        return answer

    def _take(self, kinds: tuple[Fault, ...], export: Export) -> Injection | None:
        return self._faults.take(kinds, Operation.DOWNLOAD, export)

    def _wanted_shape(self, export: Export) -> Shape:
        shape = self._shape
        for kind in SHAPE_FAULTS:
            if injection := self._take((kind,), export):
                shape = _misshapen(shape, injection)
        return shape

    def _file(self, export: Export, shape: Shape) -> _File:
        # One lock for all: two downloads of one export must not write one file.
        with self._lock:
            key = (export.file_name, shape)
            if key not in self._files:
                path = self._folder / f"{len(self._files)}-{export.file_name}"
                write_gzip(path, COLUMNS[export.export_type], export.snapshot.rows(), shape)
                with path.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                self._files[key] = _File(path, path.stat().st_size, f'"{digest[:16]}"')
            return self._files[key]


def html_page() -> Answer:
    """Status 200 with a page: what a captive portal or a login wall answers."""
    return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, _PIECES_OF_A_PAGE)


def _misshapen(shape: Shape, injection: Injection) -> Shape:
    match injection.kind:
        case Fault.MISSING_COLUMN:
            return replace(shape, without_column=injection.text("Call ID"))
        case Fault.EXTRA_COLUMN:
            return replace(shape, extra_column=injection.text("New Column"))
        case Fault.RAGGED_ROW:
            return replace(shape, ragged=True)
        case Fault.NO_FINAL_NEWLINE:
            return replace(shape, final_newline=False)
        case Fault.HEADER_ONLY:
            return replace(shape, header_only=True)
        case Fault.BOM:
            return replace(shape, bom=True)
        case _:
            return replace(shape, crlf=True)


def _ranged(file: _File, full: dict[str, str], headers: Mapping[str, str]) -> Answer:
    found = _RANGE.fullmatch(headers.get("range", ""))
    unchanged = headers.get("if-range") in (None, file.etag, full["Last-Modified"])
    if not found or not unchanged or not (found[1] or found[2]):
        return Answer(200, full, FilePart(file.path, 0, file.size))
    start, stop = _bounds(found[1], found[2], file.size)
    if start >= stop:
        return Answer(416, {"Content-Range": f"bytes */{file.size}"})
    part = {**full, "Content-Range": f"bytes {start}-{stop - 1}/{file.size}"}
    return Answer(206, part, FilePart(file.path, start, stop))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _spoil(answer: Answer, injection: Injection) -> None:
    if injection.kind is Fault.CONTENT_ENCODING:
        answer.headers["Content-Encoding"] = "gzip"
        return
    if not isinstance(answer.body, FilePart):
        return
    with answer.body.path.open("rb") as file:
        file.seek(answer.body.start)
        content = bytearray(file.read(answer.size))
    if injection.kind is Fault.CUT_GZIP:
        del content[len(content) * 2 // 3 :]
    else:
        content[-_TRAILER] ^= 0xFF
    answer.body = bytes(content)
