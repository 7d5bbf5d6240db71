"""Read one month of the published warehouse through one connection, so that a report shows one snapshot."""

import re
from collections.abc import Iterator, Mapping
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
from pipeline.warehouse.questions import question
from pipeline.warehouse.reading import opened
from pipeline.warehouse.records import Coverage

Row = Mapping[str, Any]

CALLS = ("cdr_in", "cdr_out")
"""The record types that are calls."""

_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Published:
    """The month to report on; ``at`` is the time of the publish, UTC."""

    db: duckdb.DuckDBPyConnection
    month: Month
    at: datetime

    def rows(self, name: str) -> list[Row]:
        """Return the rows of ``sql/report/<name>.sql``; no row where the file lacks a table that it reads."""
        sql = question(f"report.{name}").sql
        try:
            found = self.db.execute(sql, {key: self._parameter(key) for key in {*_PARAMETER.findall(sql)}})
        except duckdb.CatalogException:
            return []
        except duckdb.Error as error:
            raise PermanentError(
                f"The report of {self.month} could not read the published file ({str(error).splitlines()[0]}); "
                "write the file again with `cdr publish` and repeat the report."
            ) from error
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _parameter(self, name: str) -> str | int:
        """Return the value that a query of the report gets for ``$name``."""
        match name:
            case "month":
                return str(self.month)
            case "before":
                return str(self.month.shift(-1))
            case "whole_days":
                return self.whole_days
        raise PermanentError(f"A query of the report asks for ${name}, which no report knows; correct sql/report.")

    @cached_property
    def relations(self) -> frozenset[str]:
        """The marts and trends of the file, as ``<schema>.<name>``."""
        found = self.db.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
        return frozenset(".".join(name) for name in found)

    @cached_property
    def coverage(self) -> list[Coverage]:
        """Every known record type and month, months in order."""
        return [Coverage(**row) for row in self.rows("coverage")]

    @cached_property
    def covered(self) -> list[Coverage]:
        """The record types of the month."""
        return [row for row in self.coverage if row.month == str(self.month)]

    @cached_property
    def loaded(self) -> frozenset[str]:
        """The record types of the month that are loaded, though they may have no call."""
        return frozenset(row.record_type for row in self.covered if row.rows is not None)

    def empty(self, relation: str, otherwise: str, *record_types: str) -> str:
        """Say why a section is empty.

        Args:
            relation: The mart that the section shows; the file may lack it.
            otherwise: The sentence for a month that is loaded and has nothing to show.
            record_types: The record types that the mart is made of; by default both kinds of calls.
        """
        if relation not in self.relations:
            return f"The published file lacks {relation}."
        needed = record_types or CALLS
        if not self.loaded & {*needed}:
            return f"{' and '.join(needed)} of this month {'is' if len(needed) == 1 else 'are'} not loaded."
        return otherwise

    @cached_property
    def whole_days(self) -> int:
        """The number of days from the first of the month that are loaded to their end in every record type."""
        last = (self.month.end - self.month.start).days
        until = [row.loaded_until for row in self.covered if row.loaded_until and row.state == State.OPEN.value]
        return min([last, *((moment.replace(tzinfo=UTC) - self.month.start).days for moment in until)])

    @property
    def running(self) -> bool:
        """Whether the month was not over at its export."""
        return any(row.state == State.OPEN.value for row in self.covered)

    def whole(self, day: date) -> bool:
        """Return whether a day of the month is loaded to its end."""
        return day.day <= self.whole_days


@contextmanager
def month_of(warehouse: Path, month: Month) -> Iterator[Published]:
    """Open the published file for one month; raise ``PermanentError`` if nothing of the month is loaded."""
    with opened(warehouse) as db:
        at = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC)
        published = Published(db, month, at)
        if not published.loaded:
            raise PermanentError(
                f"Nothing of {month} is loaded, so there is nothing to report; "
                f"bring it in with `cdr backfill --from {month} --to {month}` first."
            )
        yield published


def reportable(warehouse: Path) -> list[Month]:
    """Return every month with a loaded record type; raise ``PermanentError`` before the first publish."""
    with opened(warehouse) as db:
        return [Month.parse(month) for (month,) in db.execute(question("report.months").sql).fetchall()]
