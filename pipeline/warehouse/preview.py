"""A glance at a relation: how many rows, what they add up to, the first of them without anyone's number or name."""

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
from pipeline.warehouse.reading import Answer, opened
from pipeline.warehouse.relations import create, types

ROWS = 10
_MEMORY_LIMIT = "512MB"
_SHOWN = "shown"
_SORTED = 100_000
"""Rows that are put in order before the first are taken; of more, they are those that were written first."""


@dataclass(frozen=True)
class Lens:
    """What to look at: ``totals`` are the columns that add up, ``masked`` hides who stands in the text of a column."""

    totals: frozenset[str]
    masked: Callable[[str, str], str]


@dataclass(frozen=True)
class Glance:
    """Rows, the exact sum of each column that adds up, and the first rows, masked."""

    rows: int
    sums: Mapping[str, Decimal]
    first: Answer


Days = Mapping[str, Mapping[date, int]]
"""Counts by day (UTC), under the name of what is counted."""


class Viewer:
    """Looks at months of the lake, over one connection for as long as it is open."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def __enter__(self) -> "Viewer":
        self._db = duckdb.connect()
        self._db.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()

    def glance(self, relation: str, month: str, lens: Lens, schema: pa.Schema | None = None) -> Glance | None:
        """A month of a relation; None where neither files nor ``schema`` tell its columns."""
        with self._shown(relation, month, schema) as there:
            return _glance(self._db, _SHOWN, lens) if there else None

    def days(self, record_type: str, month: str, schema: pa.Schema, instant: str) -> Days:
        """The rows of a month of records by the day of their ``instant``, and of call attempts those answered."""
        counted = {"attempts": "count(*)", "answered": "count(connected_at)"}
        shown = counted if "connected_at" in schema.names else {"rows": "count(*)"}
        query = f'SELECT CAST("{instant}" AS DATE), {", ".join(shown.values())} FROM {_SHOWN} GROUP BY 1 ORDER BY 1'  # noqa: S608
        with self._shown(record_type, month, schema) as there:
            rows = self._db.execute(query).fetchall() if there else []
        return {name: {row[0]: row[place] for row in rows} for place, name in enumerate(shown, 1)}

    def traffic(self, relation: str, month: str) -> Days:
        """The calls of a month by day, in and out, of a mart that tells direction, day and calls."""
        query = f"SELECT direction, day, sum(calls) FROM {_SHOWN} GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608
        found: dict[str, dict[date, int]] = {}
        with self._shown(relation, month, None) as there:
            for direction, day, calls in self._db.execute(query).fetchall() if there else []:
                found.setdefault(direction, {})[day] = int(calls)
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
    """The types that the columns of tables of the pipeline's own have where analysts read them."""
    with duckdb.connect() as db:
        for name, schema in schemas.items():
            create(db, name, [], schema)
        return {name: types(db, f"FROM {name}") for name in schemas}


def glances(warehouse: Path, lenses: Mapping[str, Lens]) -> dict[str, Glance]:
    """Relations of the published file, read as any analyst does."""
    with opened(warehouse) as db:
        return {relation: _glance(db, relation, lens) for relation, lens in lenses.items()}


def row_counts(warehouse: Path, relations: Iterable[str]) -> dict[str, int]:
    """The rows of relations of the published file."""
    with opened(warehouse) as db:
        return {name: db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in relations}  # noqa: S608


def _glance(db: duckdb.DuckDBPyConnection, relation: str, lens: Lens) -> Glance:
    kinds = types(db, f"FROM {relation}")
    columns = [name for name, kind in kinds.items() if name in lens.totals and kind != "DOUBLE"]
    sums = ", ".join(["count(*)", *(f'coalesce(sum("{name}"), 0)' for name in columns)])
    rows, *amounts = db.execute(f"SELECT {sums} FROM {relation}").fetchall()[0]  # noqa: S608
    order = "ORDER BY ALL" if rows <= _SORTED else ""
    found = db.execute(f"FROM {relation} {order} LIMIT {ROWS}").fetchall()
    first = [tuple(_cell(value, name, lens) for name, value in zip(kinds, row, strict=True)) for row in found]
    return Glance(rows, dict(zip(columns, map(Decimal, amounts), strict=True)), Answer([*kinds], first))


def _cell(value: object, column: str, lens: Lens) -> object:
    """The value as it is where it cannot hold a person's number or name, else its text, masked."""
    if value is None or isinstance(value, bool | int | float | Decimal | date | datetime):
        return value
    return lens.masked(str(value), column)
