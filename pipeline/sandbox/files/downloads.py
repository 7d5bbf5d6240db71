"""Serve files, whole or in ranges, with faults; each file is written when it is first requested."""

import hashlib
import re
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.sandbox.faults import FILE_FAULTS, SHAPE_FAULTS, Fault, Faults, Injection, Operation, Target
from pipeline.sandbox.files.csvfile import Shape
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import FilePart, Response, Wire

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_TRAILER = 8
# What a captive portal or a login wall answers.
_SIGN_IN = b"<html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
_WIRES = {
    Fault.CUT_BODY: Wire.CUT,
    Fault.CUT_UNSIZED: Wire.CUT_UNSIZED,
    Fault.CUT_CHUNKED: Wire.CUT_CHUNKED,
    Fault.SLOW_BODY: Wire.SLOW,
}
_BYTE_FAULTS = (Fault.CUT_GZIP, Fault.CORRUPT_CRC, Fault.CONTENT_ENCODING)
_DEFAULT_PAUSE = 0.05


@dataclass(frozen=True)
class File:
    """A file that can be served, and the ETag of its bytes."""

    path: Path
    size: int
    etag: str

    @classmethod
    def of(cls, path: Path) -> "File":
        """Return the file as it is now."""
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return cls(path, path.stat().st_size, f'"{digest[:16]}"')


class Files:
    """The files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Hashable, File] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, name: str, write: Callable[[Path], object]) -> File:
        """Return the file of that key.

        Args:
            key: What makes a file another one.
            name: How its path ends.
            write: Writes the file to a path.
        """
        # One lock for all: two downloads of one export must not write one file.
        with self._lock:
            if key not in self._files:
                path = self._folder / f"{len(self._files)}-{name}"
                write(path)
                self._files[key] = File.of(path)
            return self._files[key]


def instead(request: Request, faults: Faults, export: Target, refused: Callable[[Fault], Response]) -> Response | None:
    """Return the response of a fault instead of the file; None without a fault.

    Args:
        request: The request for the file.
        faults: The faults.
        export: The export of the file.
        refused: Makes the vendor's response for a missing file or an expired address.
    """
    injection = faults.take(FILE_FAULTS, Operation.DOWNLOAD, export)
    if injection is None:
        return None
    if injection.kind is Fault.HTML_PAGE:
        return Response(200, {"Content-Type": "text/html; charset=utf-8"}, _SIGN_IN)
    if injection.kind is Fault.REDIRECT:
        same = f"http://localhost:{urlsplit(request.origin).port}{request.target}"
        return Response(302, {"Location": injection.text(same)})
    return refused(injection.kind)


def spoilt(answer: Response, faults: Faults, export: Target) -> Response:
    """Return the response after the faults of its bytes and of their transport.

    Args:
        answer: The response without faults.
        faults: The faults.
        export: The export of the file.
    """
    if injection := faults.take(_BYTE_FAULTS, Operation.DOWNLOAD, export):
        _spoil(answer, injection)
    if injection := faults.take(tuple(_WIRES), Operation.DOWNLOAD, export):
        answer.wire = _WIRES[injection.kind]
        answer.pause = float(injection.text(str(_DEFAULT_PAUSE)))
    return answer


def misshapen(shape: Shape, faults: Faults, export: Target, column: str) -> Shape:
    """Return the shape of the file after its faults.

    Args:
        shape: The shape without faults.
        faults: The faults.
        export: The export of the file.
        column: The column to leave out by default.
    """
    for kind in SHAPE_FAULTS:
        if injection := faults.take((kind,), Operation.DOWNLOAD, export):
            shape = _misshapen(shape, injection, column)
    return shape


def _misshapen(shape: Shape, injection: Injection, column: str) -> Shape:
    match injection.kind:
        case Fault.MISSING_COLUMN:
            return replace(shape, without_column=injection.text(column))
        case Fault.EXTRA_COLUMN:
            return replace(shape, extra_column=injection.text("New Column"))
        case Fault.RAGGED_ROW:
            return replace(shape, ragged=True)
        case Fault.FEWER_RECORDS:
            return replace(shape, lacking=int(injection.text("1")))
        case Fault.NO_FINAL_NEWLINE:
            return replace(shape, final_newline=False)
        case Fault.HEADER_ONLY:
            return replace(shape, header_only=True)
        case Fault.BOM:
            return replace(shape, bom=True)
        case _:
            return replace(shape, crlf=True)


def ranged(file: File, full: dict[str, str], headers: Mapping[str, str]) -> Response:
    """Return the file, or the part that the request's Range wants.

    Args:
        file: The file.
        full: The headers of the whole file.
        headers: The headers of the request.
    """
    found = _RANGE.fullmatch(headers.get("range", ""))
    unchanged = headers.get("if-range") in (None, file.etag, full["Last-Modified"])
    if not found or not unchanged or not (found[1] or found[2]):
        return Response(200, full, FilePart(file.path, 0, file.size))
    start, stop = _bounds(found[1], found[2], file.size)
    if start >= stop:
        return Response(416, {"Content-Range": f"bytes */{file.size}"})
    part = {**full, "Content-Range": f"bytes {start}-{stop - 1}/{file.size}"}
    return Response(206, part, FilePart(file.path, start, stop))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _spoil(answer: Response, injection: Injection) -> None:
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
