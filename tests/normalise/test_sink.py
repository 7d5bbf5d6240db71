from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.normalise.sink import ROW_GROUP, ParquetSink


@pytest.mark.parametrize("rows", [1, ROW_GROUP, ROW_GROUP + 1, 2 * ROW_GROUP - 1, 2 * ROW_GROUP, 700_000])
def test_row_groups_are_even_and_none_is_a_stub(tmp_path: Path, rows: int) -> None:
    table = pa.table({"row_number": pa.array(range(rows), pa.int64())})
    with ParquetSink(tmp_path / "rows.parquet", table.schema) as sink:
        sink.write(table)
    found = pq.read_metadata(tmp_path / "rows.parquet")
    groups = [found.row_group(at).num_rows for at in range(found.num_row_groups)]
    assert sum(groups) == rows
    assert max(groups) < 2 * ROW_GROUP
    assert max(groups) - min(groups) < len(groups)
