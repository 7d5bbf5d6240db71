"""Files of one table that were written by different versions of its SQL."""

from decimal import Decimal
from pathlib import Path

import duckdb

from pipeline.warehouse.relations import create


def test_a_sum_that_outgrew_the_type_of_an_older_file_is_shown_whole(tmp_path: Path) -> None:
    files = []
    with duckdb.connect() as db:
        for month, kind, amount in (
            ("2026-09", "DECIMAL(18, 6)", "0.1"),
            ("2026-10", "DECIMAL(38, 6)", "'1' || repeat('0', 20)"),
        ):
            files.append(tmp_path / f"month={month}" / "0.parquet")
            files[-1].parent.mkdir()
            db.execute(f"COPY (SELECT CAST({amount} AS {kind}) AS cost_usd) TO '{files[-1]}' (FORMAT parquet)")
        assert create(db, "sums", files, None) == "VIEW"
        assert db.execute("FROM sums ORDER BY month").fetchall() == [
            ("2026-09", Decimal("0.1")),
            ("2026-10", Decimal(10) ** 20),
        ]
