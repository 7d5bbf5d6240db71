"""Preview a relation: its number of rows, its totals, and its first rows with every person masked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa

from pipeline.warehouse.lake import Lake
from pipeline.warehouse.questions import question
from pipeline.warehouse.reading import Answer, opened
from pipeline.warehouse.relations import create, types

ROWS = 10
_MEMORY_LIMIT = "512MB"
_SHOWN = "shown"
_SORTED = 100_000
"""The most rows that are sorted before the first are taken; of a larger relation the first rows written are shown."""


@dataclass(frozen=True)
class PreviewSpec:
    """How to preview a relation: the columns that add up, and the mask for a text, given its column."""

    totals: frozenset[str]
    masked: Callable[[str, str], str]


@dataclass(frozen=True)
class Preview:
    """The number of rows, the exact sum of each column that adds up, and the first rows, masked."""

    rows: int
    sums: Mapping[str, Decimal]
    first: Answer


Days = Mapping[str, Mapping[date, int]]
"""Counts by day (UTC), under the name of what is counted."""


class Viewer:
    """Previews months of the lake over one connection; a context manager."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def __enter__(self) -> "Viewer":
        self._db = duckdb.connect()
        self._db.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()

    def preview(self, relation: str, month: str, spec: PreviewSpec, schema: pa.Schema | None = None) -> Preview | None:
        """Return the preview of a month; None if neither a file nor ``schema`` tells the columns.

        Args:
            relation: The table, such as ``cdr_in`` or ``marts.daily_traffic``.
            month: The month, as ``YYYY-MM``.
            spec: How to preview it.
            schema: The columns of a month without files.
        """
        with self._shown(relation, month, schema) as there:
            return _preview(self._db, _SHOWN, spec) if there else None

    def days(self, record_type: str, month: str, schema: pa.Schema, timestamp: str) -> Days:
        """Return the records of a month by day; of call attempts also those that were answered.

        Args:
            record_type: The table of the records.
            month: The month, as ``YYYY-MM``.
            schema: The columns of the records.
            timestamp: The column that says when a record happened.
        """
        counted = {"attempts": "count(*)", "answered": "count(connected_at)"}
        shown = counted if "connected_at" in schema.names else {"rows": "count(*)"}
        counts = ", ".join(shown.values())
        query = f'SELECT CAST("{timestamp}" AS DATE), {counts} FROM {_SHOWN} GROUP BY 1 ORDER BY 1'  # noqa: S608
        with self._shown(record_type, month, schema) as there:
            rows = self._db.execute(query).fetchall() if there else []
        return {name: {row[0]: row[position] for row in rows} for position, name in enumerate(shown, 1)}

    def traffic(self, relation: str, month: str) -> Days:
        """Return the calls of a month by day, for each direction, from a mart with direction, day and calls."""
        found: dict[str, dict[date, int]] = {}
        with self._shown(relation, month, None) as there:
            rows = self._db.execute(question("lake.traffic_by_day").sql).fetchall() if there else []
        for direction, day, calls in rows:
            found.setdefault(direction, {})[day] = calls
        return found

    @contextmanager
    def _shown(self, relation: str, month: str, schema: pa.Schema | None) -> Iterator[bool]:
        made = create(self._db, _SHOWN, self._lake.files(relation).get(month, []), schema)
        try:
            yield made is not None
        finally:
            if made:
                self._db.execute(f"DROP {made} {_SHOWN}")


def shown_types(schemas: Mapping[str, pa.Schema]) -> dict[str, dict[str, str]]:
    """Return the types that the columns of these tables have in the published file."""
    with duckdb.connect() as db:
        for name, schema in schemas.items():
            create(db, name, [], schema)
        return {name: types(db, f"FROM {name}") for name in schemas}


def published_previews(warehouse: Path, specs: Mapping[str, PreviewSpec]) -> dict[str, Preview]:
    """Return the previews of relations of the published file."""
    with opened(warehouse) as db:
        return {relation: _preview(db, relation, spec) for relation, spec in specs.items()}


def row_counts(warehouse: Path, relations: Iterable[str]) -> dict[str, int]:
    """Return the number of rows of relations of the published file."""
    with opened(warehouse) as db:
        return {name: db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in relations}  # noqa: S608


def _preview(db: duckdb.DuckDBPyConnection, relation: str, spec: PreviewSpec) -> Preview:
    kinds = types(db, f"FROM {relation}")
    columns = [name for name, kind in kinds.items() if name in spec.totals and kind != "DOUBLE"]
    sums = ", ".join(["count(*)", *(f'coalesce(sum("{name}"), 0)' for name in columns)])
    rows, *amounts = db.execute(f"SELECT {sums} FROM {relation}").fetchall()[0]  # noqa: S608
    order = "ORDER BY ALL" if rows <= _SORTED else ""
    found = db.execute(f"FROM {relation} {order} LIMIT {ROWS}").fetchall()
    first = [tuple(_cell(value, name, spec) for name, value in zip(kinds, row, strict=True)) for row in found]
    return Preview(rows, dict(zip(columns, map(Decimal, amounts), strict=True)), Answer([*kinds], first))


def _cell(value: object, column: str, spec: PreviewSpec) -> object:
    """Return a value that cannot hold a person's number or name as it is; mask the text of any other."""
    if value is None or isinstance(value, bool | int | float | Decimal | date | datetime):
        return value
    return spec.masked(str(value), column)
