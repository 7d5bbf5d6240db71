"""What a re-export changed, day by day: knowledge that nobody has about this vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from pipeline.warehouse.relations import parquet, types

_PROVENANCE = {"export_id", "row_number", "month"}

# Rows are compared by a print of all their cells. A row that is gone and one that is new are one changed row where
# they have the same identity.
_COMPARISON = """
WITH both_sides AS (
    SELECT day, identity, print, -1 AS side, seconds, cost FROM earlier
    UNION ALL
    SELECT day, identity, print, 1 AS side, seconds, cost FROM later
),
differing_days AS (
    SELECT day
    FROM both_sides
    GROUP BY day
    HAVING sum(side) <> 0 OR sum(side * CAST(print AS HUGEINT)) <> 0
),
prints AS (
    SELECT
        day,
        identity,
        count(*) FILTER (WHERE side = -1) AS before,
        count(*) FILTER (WHERE side = 1) AS after,
        sum(side * seconds) AS seconds,
        sum(side * cost) AS cost
    FROM both_sides
    WHERE day IN (SELECT day FROM differing_days)
    GROUP BY day, identity, print
),
identities AS (
    SELECT
        day,
        sum(before) AS before,
        sum(after) AS after,
        sum(greatest(after - before, 0)) AS added,
        sum(greatest(before - after, 0)) AS gone,
        sum(seconds) AS seconds,
        sum(cost) AS cost
    FROM prints
    GROUP BY day, identity
)
SELECT
    day,
    CAST(sum(before) AS BIGINT),
    CAST(sum(after) AS BIGINT),
    CAST(sum(added - least(added, gone)) AS BIGINT),
    CAST(sum(gone - least(added, gone)) AS BIGINT),
    CAST(sum(least(added, gone)) AS BIGINT),
    CAST(coalesce(sum(seconds), 0) AS BIGINT),
    CAST(coalesce(sum(cost), 0) AS DECIMAL(38, 6))
FROM identities
GROUP BY day
ORDER BY day
"""


@dataclass(frozen=True)
class Difference:
    """One day of a month on which two exports differ: rows, and what changed by how many seconds and US dollars."""

    day: date
    rows_before: int
    rows_after: int
    rows_added: int
    rows_gone: int
    rows_changed: int
    seconds_more: int
    usd_more: Decimal


@dataclass(frozen=True)
class ComparisonColumns:
    """The columns by which two exports of a month are compared.

    ``timestamp`` decides the day of a row. The ``natural_key`` identifies it, or the ``fallback_key`` where the first
    column of the natural key is empty; without either no row is identified. ``seconds`` and ``cost`` (US dollars) are
    added up, where there are such columns.
    """

    timestamp: str
    natural_key: tuple[str, ...] = ()
    fallback_key: tuple[str, ...] = ()
    seconds: str | None = None
    cost: str | None = None


def compare(earlier: Sequence[Path], later: Sequence[Path], by: ComparisonColumns, spill: Path) -> list[Difference]:
    """The days on which the files of two exports differ, in bounded memory."""
    with duckdb.connect() as db:
        db.execute("SET memory_limit = '1GB'")
        db.execute("SET temp_directory = ?", [str(spill)])
        columns = types(db, f"FROM {parquet(later)}")
        for name, files in (("earlier", earlier), ("later", later)):
            db.execute(_side(name, files, columns, by))
        return [Difference(*row) for row in db.execute(_COMPARISON).fetchall()]


def rows_lost(differences: Sequence[Difference]) -> int:
    """How many rows fewer there are on the days that differ; negative where there are more."""
    return sum(one.rows_before - one.rows_after for one in differences)


def _side(name: str, files: Sequence[Path], columns: Mapping[str, str], by: ComparisonColumns) -> str:
    cells = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in columns if column not in _PROVENANCE)
    return f"""
        CREATE VIEW {name} AS
        SELECT
            CAST(make_timestamp(epoch_us("{by.timestamp}")) AS DATE) AS day,
            hash({cells}) AS print,
            hash({_identity(by) or cells}) AS identity,
            {by.seconds or "0"} AS seconds,
            {by.cost or "0"} AS cost
        FROM {parquet(files, by_name=True)}
    """  # noqa: S608


def _identity(by: ComparisonColumns) -> str:
    if not by.natural_key:
        return ""
    first, *rest = (f'"{column}"' for column in by.natural_key)
    otherwise = "".join(
        f', epoch_us("{column}")' if column == by.timestamp else f', "{column}"' for column in by.fallback_key
    )
    known = f"coalesce({first}, concat_ws('|'{otherwise}))" if otherwise else first
    return ", ".join([known, *rest])
