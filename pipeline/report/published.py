"""One month of the published warehouse, read through one connection: a report shows one snapshot."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.warehouse.coverage import State
from pipeline.warehouse.reading import opened
from pipeline.warehouse.records import Coverage

Row = Mapping[str, Any]

CALLS = ("cdr_in", "cdr_out")
"""The record types that are calls."""


@dataclass(frozen=True)
class Published:
    """The month to report on; ``at`` is when the file was published, UTC."""

    db: duckdb.DuckDBPyConnection
    month: Month
    at: datetime

    def rows(self, query: str) -> list[Row]:
        """The rows of a query over ``$month`` and ``$before``; none where a table that it reads is not there."""
        months = {"month": str(self.month), "before": str(self.month.shift(-1))}
        try:
            found = self.db.execute(query, {name: month for name, month in months.items() if f"${name}" in query})
        except duckdb.CatalogException:
            return []
        except duckdb.Error as error:
            raise PermanentError(
                f"The report of {self.month} could not read the published file ({str(error).splitlines()[0]}); "
                "write it anew with `cdr publish` and run it again."
            ) from error
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    @cached_property
    def relations(self) -> frozenset[str]:
        """The marts that the file has, by schema and name."""
        query = "SELECT concat_ws('.', table_schema, table_name) AS name FROM information_schema.tables"
        return frozenset(row["name"] for row in self.rows(query))

    @cached_property
    def coverage(self) -> list[Coverage]:
        """Every record type and month that is known, months in order."""
        rows = self.rows("SELECT * FROM coverage ORDER BY month, record_type")
        return [Coverage(**row) for row in rows]

    @cached_property
    def covered(self) -> list[Coverage]:
        """The record types of the month."""
        return [row for row in self.coverage if row.month == str(self.month)]

    @cached_property
    def loaded(self) -> frozenset[str]:
        """The record types of which the month is loaded, though it may have no call."""
        return loaded(self.covered)

    def empty(self, relation: str, said: str, *record_types: str) -> str:
        """Why nothing stands here: the file lacks the table, nothing it is made of is loaded, or it is as ``said``."""
        if relation not in self.relations:
            return f"The published file lacks {relation}."
        needed = record_types or CALLS
        if not self.loaded & {*needed}:
            return f"{' and '.join(needed)} of this month {'is' if len(needed) == 1 else 'are'} not loaded."
        return said

    @cached_property
    def whole_days(self) -> int:
        """How many days of the month, from the first, are loaded to their end in every record type."""
        last = (self.month.end - self.month.start).days
        until = [row.loaded_until for row in self.covered if row.loaded_until and row.state == State.OPEN.value]
        return min([last, *((moment.replace(tzinfo=UTC) - self.month.start).days for moment in until)])

    @property
    def running(self) -> bool:
        """Whether the month was not over when it was asked for."""
        return any(row.state == State.OPEN.value for row in self.covered)

    def whole(self, day: date) -> bool:
        """Whether a day of the month is loaded to its end."""
        return day.day <= self.whole_days


def loaded(rows: Iterable[Coverage]) -> frozenset[str]:
    """The record types that are loaded."""
    return frozenset(row.record_type for row in rows if row.rows is not None)


@contextmanager
def month_of(warehouse: Path, month: Month) -> Iterator[Published]:
    """Open the published file for one month; raises ``PermanentError`` where nothing of it is loaded."""
    with opened(warehouse) as db:
        at = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC)
        published = Published(db, month, at)
        if not any(row.rows is not None for row in published.covered):
            raise PermanentError(
                f"Nothing of {month} is loaded, so there is nothing to report; "
                f"bring it in with `cdr backfill --from {month} --to {month}` first."
            )
        yield published


def reportable(warehouse: Path) -> list[Month]:
    """Every month of which the published file shows calls; raises ``PermanentError`` where there is none yet."""
    with opened(warehouse) as db:
        found = db.execute("SELECT DISTINCT month FROM coverage WHERE rows IS NOT NULL ORDER BY month").fetchall()
    return [Month.parse(month) for (month,) in found]
