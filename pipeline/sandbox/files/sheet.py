"""Write the file of an export: CSV, plain, in a gzip or in a ZIP of parts, or JSON."""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Literal

from pipeline.sandbox.files.csvfile import Shape, write_csv, write_gzip
from pipeline.sandbox.traffic.record import Cells
from pipeline.sandbox.traffic.rows import Row, Value

_HEALTHY = Shape()
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def iso(moment: datetime) -> str:
    """``2026-10-31T23:59:59.123Z``."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class Sheet:
    """The format of an export's file.

    Args:
        shape: How the CSV is written.
        timestamp: Writes a time.
        container: What the CSV is in.
        part_records: The most records of a part of a ZIP, each with the header; None for one part.
    """

    shape: Shape = _HEALTHY
    timestamp: Callable[[datetime], str] = iso
    container: Literal["", "gzip", "zip", "json"] = ""
    part_records: int | None = None

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return {"": ".csv", "gzip": ".csv.gz", "zip": ".zip", "json": ".json"}[self.container]

    def shaped(self, shape: Shape) -> "Sheet":
        """Return the same format with another shape."""
        return replace(self, shape=shape)

    def write(self, path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Write the file; the same records make the same bytes.

        Args:
            path: The file.
            columns: The columns, in their order.
            rows: The records.
        """
        cells = (tuple(self._cell(row[name]) for name in columns) for row in rows)
        if self.container == "gzip":
            write_gzip(path, tuple(columns), cells, self.shape)
        elif self.container == "zip":
            self._write_zip(path, tuple(columns), cells)
        elif self.container == "json":
            path.write_text(json.dumps([dict(zip(columns, row, strict=True)) for row in cells]), "utf-8")
        else:
            with path.open("wb") as file:
                write_csv(file, tuple(columns), cells, self.shape)

    def _write_zip(self, path: Path, columns: Cells, rows: Iterator[Cells]) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, part in enumerate(_parts(rows, self.part_records), 1):
                name = f"{path.stem}-part{number}.csv" if self.part_records else f"{path.stem}.csv"
                member = zipfile.ZipInfo(name, _LONG_AGO)
                member.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(member, "w") as file:
                    write_csv(file, columns, part, self.shape)

    def _cell(self, value: Value) -> str:
        if isinstance(value, datetime):
            return self.timestamp(value)
        if isinstance(value, Decimal):
            return f"{value:f}"
        return "" if value is None else str(value)


def _parts(rows: Iterator[Cells], size: int | None) -> Iterator[Sequence[Cells]]:
    """Yield groups of ``size`` rows; one empty group where there are no rows."""
    part = list(islice(rows, size))
    yield part
    while size and len(part) == size and (part := list(islice(rows, size))):
        yield part
