"""All records, generated and late ones, and totals made of them without a file."""

import heapq
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from pipeline.sandbox.didww.filters import RowFilters, row_predicate
from pipeline.sandbox.traffic.columns import COLUMNS, DURATION, MONEY
from pipeline.sandbox.traffic.record import CallSource, Cells, Record, Row, handwritten

_START = attrgetter("start")


@dataclass(frozen=True)
class Totals:
    """What a correct load must equal to the last digit; ``money`` is by column name, as in ``COLUMNS``."""

    rows: int
    seconds: int
    money: dict[str, Decimal]


@dataclass(frozen=True)
class Book:
    """All records of one type at one time; additions make a new book."""

    source: CallSource | None
    added: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The records of an export, fixed when it is created: starts in [from_, to), written by ``as_of``."""

    export_type: str
    from_: datetime
    to: datetime
    as_of: datetime
    book: Book
    row_filters: RowFilters = field(default_factory=dict)

    def rows(self) -> Iterator[Cells]:
        """Return the cells of each record, ordered by start."""
        rows = (record.cells for record in self._records())
        return filter(row_predicate(self.export_type, self.row_filters), rows) if self.row_filters else rows

    def totals(self, held: Container[str] | None = None) -> Totals:
        """Return rows, seconds and money; with ``held``, the money of these columns only."""
        columns = COLUMNS[self.export_type]
        seconds_at = columns.index(DURATION[self.export_type]) if self.export_type in DURATION else None
        names = MONEY[self.export_type]
        money_at = {name: columns.index(name) for name in names if held is None or name in held}
        rows = seconds = 0
        money = dict.fromkeys(names, Decimal(0))
        for row in self.rows():
            rows += 1
            seconds += 0 if seconds_at is None else int(row[seconds_at] or 0)
            for name, at in money_at.items():
                money[name] += Decimal(row[at] or 0)
        return Totals(rows, seconds, money)

    def _records(self) -> Iterator[Record]:
        from_, to = self.from_.timestamp(), self.to.timestamp()
        added = [record for record in self.book.added if from_ <= record.start < to]
        generated = self._generated(from_, to)
        return heapq.merge(generated, added, key=_START) if added else generated

    def _generated(self, from_: float, to: float) -> Iterator[Record]:
        if self.book.source is None:
            return
        written_by = self.as_of.timestamp()
        day = self.from_.astimezone(UTC).date()
        last = (self.to.astimezone(UTC) - timedelta(microseconds=1)).date()
        while day <= last:
            for record in self.book.source.day(day):
                if from_ <= record.start < to and record.written <= written_by:
                    yield record
            day += timedelta(days=1)


@dataclass
class Ledger:
    """The current book of each record type."""

    sources: Mapping[str, CallSource]
    _books: dict[str, Book] = field(init=False)

    def __post_init__(self) -> None:
        self._books = {export_type: Book(source) for export_type, source in self.sources.items()}

    def add(self, export_type: str, rows: Iterable[Row]) -> None:
        """Add late records: exports created from now on hold them."""
        book = self._books[export_type]
        added = sorted([*book.added, *handwritten(export_type, rows)], key=_START)
        self._books[export_type] = Book(book.source, tuple(added))

    def replace(self, export_type: str, rows: Iterable[Row]) -> None:
        """Make ``rows`` the only records of this type, generated ones included."""
        self._books[export_type] = Book(None, tuple(sorted(handwritten(export_type, rows), key=_START)))

    def snapshot(
        self, export_type: str, from_: datetime, to: datetime, as_of: datetime, row_filters: RowFilters
    ) -> Snapshot:
        """Return the records of an export that is created now.

        Args:
            export_type: ``cdr_in``, ``cdr_out``, ``sms_in`` or ``sms_out``.
            from_: The first time of the window, with a zone.
            to: The first time after the window, with a zone.
            as_of: Now; later records are not in the export.
            row_filters: The other filters of the export.
        """
        return Snapshot(export_type, from_, to, as_of, self._books[export_type], row_filters)
