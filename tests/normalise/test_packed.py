"""However a file is packed, cut and delimited, its rows are those that Python's csv module reads."""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.table import Table, declared_table

MONTH = Month(2026, 10)
FIELDS = {"id": "text", "at": "timestamptz", "amount": "money", "count": "integer"}
ORDERS = Dataset("shop_orders", "shop", "orders", FIELDS, window="at")
HEADER = [*FIELDS, "note"]

Row = tuple[str, str, str, str, str]
Load = Callable[..., tuple[Converted, list[dict[str, Any]]]]

text = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
timestamps = st.datetimes(MONTH.start.replace(tzinfo=None), MONTH.end.replace(tzinfo=None) - timedelta(seconds=1))
rows = st.tuples(
    text.filter(bool),
    st.builds(lambda at, form: f"{at:%Y-%m-%dT%H:%M:%S}{form}", timestamps, st.sampled_from(["Z", ".123Z", "+00:00"])),
    st.decimals(-1000, 1000, places=4).map(str),
    st.integers(-9, 9).map(str),
    text,
)


def written(content: list[Row], delimiter: str, end: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerows([HEADER, *content])
    return out.getvalue().encode()


def packed(parts: list[bytes], how: str, folder: Path) -> Path:
    if how == "zip":
        file = folder / "e-1.zip"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
            for number in range(len(parts), 0, -1):  # written in an order that is not theirs
                out.writestr(f"export-part{number}.csv", parts[number - 1])
        return file
    file = folder / {"gzip": "e-1.csv.gz", "plain": "e-1.csv"}[how]
    file.write_bytes(gzip.compress(parts[0]) if how == "gzip" else parts[0])
    return file


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Convert what is packed, in small blocks, and read it back in the order of the file."""
    names = count()

    def run(parts: list[bytes], how: str, table: Table, **options: Any) -> tuple[Converted, list[dict[str, Any]]]:
        folder = tmp_path_factory.mktemp(f"packed-{next(names)}")
        file = packed(parts, how, folder)
        said = convert(file, Origin("shop_orders", MONTH, "e-1"), table, folder / "r", folder / "j", **options)
        read = [row for one in said.files for row in pq.read_table(one, partitioning=None).to_pylist()]
        return said, sorted(read, key=lambda row: row["row_number"])

    return run


@settings(max_examples=60)
@given(
    st.lists(st.lists(rows, max_size=12), min_size=1, max_size=12),
    st.sampled_from(["zip", "gzip", "plain"]),
    st.sampled_from([",", ";"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.integers(40, 400),
)
def test_every_row_arrives_once_and_in_order(
    load: Load, parts: list[list[Row]], how: str, delimiter: str, end: str, mark: bytes, block: int
) -> None:
    if how != "zip":
        parts = [[row for part in parts for row in part]]
    content = [mark + written(part, delimiter, end) for part in parts]
    said, found = load(content, how, declared_table(ORDERS, delimiter), block_bytes=block)
    expected = [row for part in parts for row in part]
    assert [row["row_number"] for row in found] == list(range(1, len(expected) + 1))
    assert [(row["id"], row["amount"], row["count"]) for row in found] == [
        (row[0], Decimal(row[2]), int(row[3])) for row in expected
    ]
    assert [row["at"].astimezone(UTC) for row in found] == [datetime.fromisoformat(row[1]) for row in expected]
    assert [dict(row["extra"]).get("note", "") for row in found] == [row[4] for row in expected]
    assert said.text == said.loaded
    assert said.loaded.sums == {"amount": sum((Decimal(row[2]) for row in expected), Decimal(0))}


def test_a_part_with_other_columns_is_not_taken_for_one_of_the_file(load: Load) -> None:
    parts = [written([], ",", "\n"), b"id,at,count,amount,note\n"]
    with pytest.raises(PermanentError, match="has other columns"):
        load(parts, "zip", declared_table(ORDERS))


@pytest.mark.parametrize(
    "cell",
    [
        "2026-10-01",
        "2026-10-01T00:00:00",
        "2026-10-01 00:00",
        "yesterday",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",  # in UTC it lies in the year 0
    ],
)
def test_a_timestamp_that_names_no_zone_or_no_year_is_rejected_with_its_reason(load: Load, cell: str) -> None:
    good: Row = ("a", "2026-10-01T00:00:00Z", "1", "1", "")
    said, found = load([written([good, ("b", cell, "2", "1", "")], ",", "\n")], "plain", declared_table(ORDERS))
    assert [row["id"] for row in found] == ["a"]
    assert said.rejected.rows == 1
    assert said.rejected.sums == {"amount": Decimal(2)}


def test_rows_of_other_months_are_left_out_where_their_own_export_holds_them(load: Load) -> None:
    times = ["2026-09-30T23:59:59.999Z", "2026-10-01T00:00:00Z", "2026-11-01T00:59:59+01:00", "2026-11-01T00:00:00Z"]
    content: list[Row] = [(str(n), at, str(10**n), "1", "") for n, at in enumerate(times)]
    said, found = load([written(content, ",", "\n")], "gzip", declared_table(ORDERS, inside_only=True))
    assert [row["id"] for row in found] == ["1", "2"]
    assert [row["row_number"] for row in found] == [2, 3]
    assert (said.left_out, said.outside_month) == (2, 0)
    assert said.text == said.loaded
    assert said.loaded.sums == {"amount": Decimal(110)}
    said, found = load([written(content, ",", "\n")], "gzip", declared_table(ORDERS))
    assert (len(found), said.left_out, said.outside_month) == (4, 0, 2)
