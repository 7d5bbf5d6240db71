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
class Marks:
    """Which columns say when a row happened, who it is, and what it comes to.

    A row is known by ``identity``, or where the first of that is empty by ``otherwise`` instead of it; with neither no
    row is known again. ``seconds`` and ``cost`` (US dollars) may be of no column.
    """

    timestamp: str
    identity: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    seconds: str | None = None
    cost: str | None = None


def compare(earlier: Sequence[Path], later: Sequence[Path], marks: Marks, spill: Path) -> list[Difference]:
    """The days on which the files of two exports differ, in bounded memory."""
    with duckdb.connect() as db:
        db.execute("SET memory_limit = '1GB'")
        db.execute("SET temp_directory = ?", [str(spill)])
        columns = types(db, f"FROM {parquet(later)}")
        for name, files in (("earlier", earlier), ("later", later)):
            db.execute(_side(name, files, columns, marks))
        return [Difference(*row) for row in db.execute(_COMPARISON).fetchall()]


def rows_lost(differences: Sequence[Difference]) -> int:
    """How many rows fewer there are on the days that differ; negative where there are more."""
    return sum(one.rows_before - one.rows_after for one in differences)


def _side(name: str, files: Sequence[Path], columns: Mapping[str, str], marks: Marks) -> str:
    cells = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in columns if column not in _PROVENANCE)
    return f"""
        CREATE VIEW {name} AS
        SELECT
            CAST(make_timestamp(epoch_us("{marks.timestamp}")) AS DATE) AS day,
            hash({cells}) AS print,
            hash({_identity(marks) or cells}) AS identity,
            {marks.seconds or "0"} AS seconds,
            {marks.cost or "0"} AS cost
        FROM {parquet(files, by_name=True)}
    """  # noqa: S608


def _identity(marks: Marks) -> str:
    if not marks.identity:
        return ""
    first, *rest = (f'"{column}"' for column in marks.identity)
    otherwise = "".join(
        f', epoch_us("{column}")' if column == marks.timestamp else f', "{column}"' for column in marks.otherwise
    )
    known = f"coalesce({first}, concat_ws('|'{otherwise}))" if otherwise else first
    return ", ".join([known, *rest])
