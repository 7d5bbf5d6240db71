"""The files of completed exports, with the columns of the version that made them."""

from email.utils import format_datetime
from pathlib import Path

from pipeline.sandbox.didww import header_versions
from pipeline.sandbox.didww.exports import Export
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.files.csvfile import Shape, write_gzip
from pipeline.sandbox.files.downloads import File, Files, instead, misshapen, ranged, spoilt
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response
from pipeline.sandbox.traffic.record import Cells


class Downloads:
    """Makes and serves the files in ``folder``.

    Args:
        folder: Where the files are written.
        faults: The faults to inject.
        crlf: Whether lines end with CR LF.
    """

    def __init__(self, folder: Path, faults: Faults, *, crlf: bool) -> None:
        self._files = Files(folder)
        self._faults = faults
        self._shape = Shape(crlf=crlf)

    def answer(self, request: Request, export: Export) -> Response:
        """Return the file of a completed export, limited by the request's Range and changed by faults."""
        return instead(request, self._faults, export, _gone) or self._served(request, export)

    def _served(self, request: Request, export: Export) -> Response:
        columns = header_versions.header(export.export_type, export.version)
        file = self._file(export, columns, misshapen(self._shape, self._faults, export, columns[-1]))
        full = {
            "Content-Type": "application/octet-stream",
            "Content-Transfer-Encoding": "binary",
            "Content-Disposition": f'attachment; filename="{export.file_name}"',
            "Cache-Control": "no-cache",
            "Last-Modified": format_datetime(export.completed_at or export.created_at, usegmt=True),
            "ETag": file.etag,
            "Accept-Ranges": "bytes",
        }
        return spoilt(ranged(file, full, request.headers), self._faults, export)

    def _file(self, export: Export, columns: Cells, shape: Shape) -> File:
        def write(path: Path) -> None:
            lines = header_versions.lines(export.export_type, export.version, export.snapshot.rows())
            write_gzip(path, columns, lines, shape)

        return self._files.get((export.file_name, shape), export.file_name, write)


def _gone(kind: Fault) -> Response:
    return Response(404 if kind is Fault.FILE_GONE else 403)
