"""Read files back before their commit, with another reader than their writer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from pipeline.errors import PermanentError
from pipeline.warehouse.relations import parquet


@dataclass(frozen=True)
class Expected:
    """What files must hold to be committed: their rows, and the exact sum of each control column."""

    rows: int
    sums: Mapping[str, Decimal]


def verify(files: Sequence[Path], expected: Expected) -> None:
    """Compare the files with the control totals of their source; raise ``PermanentError`` if they differ."""
    columns = ["count(*)", *(f'CAST(coalesce(sum("{name}"), 0) AS DECIMAL(38, 6))' for name in expected.sums)]
    with duckdb.connect() as db:
        found = db.execute(f"SELECT {', '.join(columns)} FROM {parquet(files)}").fetchone() or ()  # noqa: S608
    if list(found) != [expected.rows, *expected.sums.values()]:
        raise PermanentError(
            f"{files[0].name} does not hold the control totals of its export, so it was not committed; "
            "check the disk and load the month again."
        )
