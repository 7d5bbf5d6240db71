"""One record, with the two times that decide which exports hold it."""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple, Protocol

from pipeline.sandbox.traffic.columns import COLUMNS

Cells = tuple[str, ...]
Row = Mapping[str, str] | Sequence[str]
MOMENT_FORMAT = "%Y-%m-%d %H:%M:%S"


class Record(NamedTuple):
    """A record: ``start`` decides its window, the vendor has it from ``written`` on, both in epoch seconds."""

    start: int
    written: int
    cells: Cells


class CallSource(Protocol):
    """A source of records, by day."""

    def day(self, day: date) -> list[Record]:
        """Return the records that start on ``day``, ordered by start, the same each time."""
        ...


def epoch(day: date) -> int:
    """Return the first second of ``day`` in UTC, in epoch seconds."""
    return calendar.timegm(day.timetuple())


def usd(micros: int, decimals: int) -> str:
    """Return millionths of a dollar as text; ``micros`` must fit into ``decimals`` decimals."""
    return f"{micros / 1_000_000:.{decimals}f}"


def handwritten(export_type: str, rows: Iterable[Row]) -> list[Record]:
    """Return records of rows by column name, where missing cells are empty, or by position."""
    return [_record(export_type, row) for row in rows]


def _record(export_type: str, row: Row) -> Record:
    names = COLUMNS[export_type]
    if isinstance(row, Mapping):
        if unknown := set(row) - set(names):
            raise ValueError(f"{export_type} has no column {', '.join(sorted(unknown))}.")
        row = [row.get(name, "") for name in names]
    if len(row) != len(names):
        raise ValueError(f"A row of {export_type} has {len(names)} cells, not {len(row)}.")
    start = datetime.strptime(row[0], MOMENT_FORMAT).replace(tzinfo=UTC)
    return Record(int(start.timestamp()), 0, tuple(row))
