"""Every mart and trend against an independent recomputation out of the archived files: every row, every value."""

import math
import re
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.warehouse.queries import Query, models, views
from tests.audit import callers, channels, money, traffic, trends, watch, what_if  # noqa: F401  # they register
from tests.audit.books import RECOMPUTED, Books, Row

SQL = Path(__file__).parents[2] / "sql"
NAMES = sorted(f"{folder}.{path.stem}" for folder in ("marts", "trends") for path in (SQL / folder).glob("*.sql"))
NOT_YET: dict[str, str] = {}
"""Marts that nothing recomputes, and why."""


def test_every_mart_and_trend_is_recomputed() -> None:
    assert set(NAMES) - RECOMPUTED.keys() == NOT_YET.keys()
    assert RECOMPUTED.keys() >= set(NAMES) - NOT_YET.keys()


def _indexed(rows: list[Row], key: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    found = {tuple(row[name] for name in key): row for row in rows}
    assert len(found) == len(rows), f"rows share their {key}"
    return found


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, tuple):  # the numbers of a sentence
        numbers = re.findall(r"\d+(?:\.\d+)?", got)
        return len(numbers) == len(expected) and all(map(_same, map(float, expected), map(float, numbers)))
    if isinstance(expected, float) and isinstance(got, Decimal):  # made by a division, kept in six decimals
        return math.isclose(expected, got, rel_tol=1e-9, abs_tol=6e-7)
    if isinstance(expected, float) and got is not None:
        return math.isclose(expected, float(got), rel_tol=1e-9, abs_tol=1e-15)
    return bool(expected == got)


@pytest.mark.parametrize("name", sorted(RECOMPUTED))
def test_a_mart_equals_its_recomputation(name: str, books: Books, published: duckdb.DuckDBPyConnection) -> None:
    key, recompute = RECOMPUTED[name]
    cursor = published.execute(f"SELECT * FROM {name}")
    columns = [column[0] for column in cursor.description or ()]
    got = _indexed([dict(zip(columns, row, strict=True)) for row in cursor.fetchall()], key)
    expected = _indexed(list(recompute(books)), key)
    assert expected, "nothing to compare"
    named = set().union(*(row.keys() for row in expected.values()))
    assert set(columns) <= named
    assert named <= set(columns)
    assert got.keys() - expected.keys() == set(), "rows that should not be"
    assert expected.keys() - got.keys() == set(), "rows that are missing"
    differ = {
        (*at, column): (row[column], got[at][column])
        for at, row in expected.items()
        for column in columns
        if not _same(row[column], got[at][column])
    }
    assert not differ, (
        f"{len(differ)} values differ, (recomputed, published): {dict(islice(sorted(differ.items(), key=repr), 8))}"
    )


@pytest.mark.parametrize("query", [pytest.param(one, id=one.name) for one in (*models(), *views()) if one.grain])
def test_the_grain_of_a_relation_is_its_key(query: Query, published: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(query.grain)
    [(rows, twice)] = published.execute(
        f"SELECT sum(n), count(*) FILTER (WHERE n > 1) FROM (SELECT count(*) AS n FROM {query.name} GROUP BY {columns})"
    ).fetchall()
    assert rows, "nothing to compare"
    assert twice == 0
    assert query.name not in RECOMPUTED or set(RECOMPUTED[query.name][0]) <= {*query.grain, "month", "direction"}
