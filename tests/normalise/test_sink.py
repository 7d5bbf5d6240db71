from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.normalise.sink import ROW_GROUP, ParquetOutput, ParquetSink


def numbered(rows: int) -> pa.Table:
    return pa.table({"row_number": pa.array(range(rows), pa.int64())})


@pytest.mark.parametrize("rows", [1, ROW_GROUP, ROW_GROUP + 1, 2 * ROW_GROUP - 1, 2 * ROW_GROUP, 700_000])
def test_row_groups_are_even_and_none_is_a_stub(tmp_path: Path, rows: int) -> None:
    table = numbered(rows)
    with ParquetSink(tmp_path / "rows.parquet", table.schema) as sink:
        sink.write(table)
    found = pq.read_metadata(tmp_path / "rows.parquet")
    groups = [found.row_group(at).num_rows for at in range(found.num_row_groups)]
    assert sum(groups) == rows
    assert max(groups) < 2 * ROW_GROUP
    assert max(groups) - min(groups) < len(groups)


def test_a_file_without_a_write_has_the_schema_and_no_row(tmp_path: Path) -> None:
    with ParquetSink(tmp_path / "rows.parquet", numbered(0).schema):
        pass
    assert pq.read_table(tmp_path / "rows.parquet").equals(numbered(0))


def test_all_rows_of_an_output_are_in_its_files_each_in_order(tmp_path: Path) -> None:
    table = numbered(9 * ROW_GROUP)
    with ThreadPoolExecutor(4) as pool, ParquetOutput(pool) as output:
        rows, empty = (
            output.table(tmp_path / "rows.parquet", table.schema, 3),
            output.table(tmp_path / "empty.parquet", table.schema),
        )
        for at in range(9):
            rows.write(table.slice(at * ROW_GROUP, ROW_GROUP))
    parts = [pq.read_table(sink.target)["row_number"].to_pylist() for sink in rows.sinks]
    assert all(part == sorted(part) for part in parts)
    assert sorted(chain.from_iterable(parts)) == list(range(9 * ROW_GROUP))
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
        sink.target.name for sink in (*rows.sinks, *empty.sinks)
    )


@pytest.mark.parametrize("failing", ["the block", "an encoding", "a name"])
def test_of_an_output_that_fails_no_file_is_left(tmp_path: Path, failing: str) -> None:
    table = numbered(ROW_GROUP)
    if failing == "a name":
        (tmp_path / "second.parquet" / "taken").mkdir(parents=True)

    def write() -> None:
        with ThreadPoolExecutor(2) as pool, ParquetOutput(pool) as output:
            output.table(tmp_path / "first.parquet", table.schema, 2).write(table)
            output.table(tmp_path / "second.parquet", table.schema).write(table)
            if failing == "an encoding":
                output.table(tmp_path / "third.parquet", pa.schema([("of_no_file", pa.month_day_nano_interval())]))
            if failing == "the block":
                raise RuntimeError

    with pytest.raises((RuntimeError, OSError)):
        write()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
