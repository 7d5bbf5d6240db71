"""Compare two exports of a month, day by day: what the later one added, removed and changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from pipeline.warehouse.questions import question
from pipeline.warehouse.relations import parquet, types

_PROVENANCE = {"export_id", "row_number", "month"}


@dataclass(frozen=True)
class Difference:
    """One day of a month on which two exports differ, in rows, connected seconds and US dollars."""

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
    """The columns that say when a row happened, which row it is, and what it comes to.

    ``natural_key`` identifies a row. If its first column is empty, ``fallback_key`` stands in for that column.
    Without a natural key, no row counts as changed. ``seconds`` and ``cost`` (US dollars) are optional.
    """

    timestamp: str
    natural_key: tuple[str, ...] = ()
    fallback_key: tuple[str, ...] = ()
    seconds: str | None = None
    cost: str | None = None


def compare(
    earlier: Sequence[Path], later: Sequence[Path], columns: ComparisonColumns, spill: Path
) -> list[Difference]:
    """Return the days on which the files of two exports differ.

    Args:
        earlier: The Parquet files of the export that was loaded before.
        later: The Parquet files of the new export; their columns are compared.
        columns: The columns that have a meaning here.
        spill: A folder for what does not fit in memory.
    """
    with duckdb.connect() as db:
        db.execute("SET memory_limit = '1GB'")
        db.execute("SET temp_directory = ?", [str(spill)])
        cells = [name for name in types(db, f"FROM {parquet(later)}") if name not in _PROVENANCE]
        for name, files in (("earlier", earlier), ("later", later)):
            db.execute(_side(name, files, cells, columns))
        return [Difference(*row) for row in db.execute(question("lake.export_differences").sql).fetchall()]


def rows_lost(differences: Sequence[Difference]) -> int:
    """Return how many rows fewer the later export has; a negative number means more rows."""
    return sum(one.rows_before - one.rows_after for one in differences)


def _side(name: str, files: Sequence[Path], cells: Sequence[str], columns: ComparisonColumns) -> str:
    row = ", ".join(f'CAST("{cell}" AS VARCHAR)' for cell in cells)
    return f"""
        CREATE VIEW {name} AS
        SELECT
            CAST(make_timestamp(epoch_us("{columns.timestamp}")) AS DATE) AS day,
            hash({row}) AS fingerprint,
            hash({_key(columns) or row}) AS natural_key,
            {columns.seconds or "0"} AS seconds,
            {columns.cost or "0"} AS cost
        FROM {parquet(files, by_name=True)}
    """  # noqa: S608


def _key(columns: ComparisonColumns) -> str:
    if not columns.natural_key:
        return ""
    first, *rest = (f'"{name}"' for name in columns.natural_key)
    fallback = "".join(
        f', epoch_us("{name}")' if name == columns.timestamp else f', "{name}"' for name in columns.fallback_key
    )
    return ", ".join([f"coalesce({first}, concat_ws('|'{fallback}))" if fallback else first, *rest])
