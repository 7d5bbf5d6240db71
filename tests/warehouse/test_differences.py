"""What a re-export changed, against multisets counted by hand."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.normalise.schema import CDR_IN, in_file, schema_of
from pipeline.warehouse.differences import ComparisonColumns, Difference, compare, rows_lost

Row = tuple[int, str | None, int, int, str]
"""Day of October, call id, attempt, seconds, money."""

COLUMNS = ComparisonColumns(
    "started_at", ("call_id", "attempt"), ("started_at", "source_number"), seconds="duration_seconds", cost="total_usd"
)


def write(folder: Path, name: str, rows: list[Row]) -> Path:
    schema = in_file(schema_of(CDR_IN))
    cells = [
        {
            "started_at": dt.datetime(2026, 10, day, 12, tzinfo=dt.UTC),
            "call_id": call,
            "attempt": attempt,
            "duration_seconds": seconds,
            "total_usd": Decimal(money),
            "export_id": name,
            "row_number": number,
        }
        for number, (day, call, attempt, seconds, money) in enumerate(rows, 1)
    ]
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(cells, schema=schema), path)
    return path


def between(folder: Path, earlier: list[Row], later: list[Row]) -> list[Difference]:
    files = write(folder, "earlier", earlier), write(folder, "later", later)
    return compare([files[0]], [files[1]], COLUMNS, folder / "spill")


def test_equal_exports_differ_on_no_day_whatever_their_order_and_ids(tmp_path: Path) -> None:
    rows: list[Row] = [(1, "a", 1, 10, "0.1"), (1, "a", 1, 10, "0.1"), (2, None, 1, 0, "0")]
    assert between(tmp_path, rows, rows[::-1]) == []


def test_added_gone_and_changed_rows_are_counted_by_day(tmp_path: Path) -> None:
    earlier: list[Row] = [
        (1, "same", 1, 5, "0.1"),
        (2, "gone", 1, 7, "0.2"),
        (2, "changed", 1, 0, "0"),
        (3, "twice", 1, 1, "0"),
    ]
    later: list[Row] = [
        (1, "same", 1, 5, "0.1"),
        (2, "changed", 1, 60, "0.25"),
        (2, "changed", 2, 3, "0.01"),
        (3, "twice", 1, 1, "0"),
        (3, "twice", 1, 1, "0"),
    ]
    second, third = between(tmp_path, earlier, later)
    # 7 + 0 seconds and 0.2 + 0 dollars before; 60 + 3 seconds and 0.25 + 0.01 dollars after
    assert second == Difference(dt.date(2026, 10, 2), 2, 2, 1, 1, 1, 56, Decimal("0.06"))
    assert third == Difference(dt.date(2026, 10, 3), 1, 2, 1, 0, 0, 1, Decimal(0))
    assert rows_lost([second, third]) == -1


rows = st.tuples(
    st.integers(1, 3),
    st.sampled_from(["a", "b", None]),
    st.integers(1, 2),
    st.integers(0, 2),
    st.sampled_from(["0", "0.1"]),
)


@given(earlier=st.lists(rows, max_size=12), later=st.lists(rows, max_size=12))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_counts_are_those_of_multisets(tmp_path: Path, earlier: list[Row], later: list[Row]) -> None:
    found = {one.day.day: one for one in between(tmp_path, earlier, later)}
    for day in (1, 2, 3):
        before, after = (Counter(row for row in side if row[0] == day) for side in (earlier, later))
        if before == after:
            assert day not in found
            continue
        new, gone = (after - before).total(), (before - after).total()
        one = found[day]
        assert (one.rows_before, one.rows_after) == (before.total(), after.total())
        assert (one.rows_added + one.rows_changed, one.rows_gone + one.rows_changed) == (new, gone)
