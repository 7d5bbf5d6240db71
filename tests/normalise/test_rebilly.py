"""From the local Rebilly's file to typed rows: in parts or not, and each row in the month of its own time only."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import requests

from pipeline.dataset import Dataset
from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.rebilly import table
from pipeline.sandbox import ManualClock
from pipeline.sandbox.rebilly import Sandbox
from pipeline.sandbox.traffic.rows import Row

SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
SALES = Dataset(
    "rebilly_sales",
    "rebilly",
    "transactions",
    fields={
        "id": "text",
        "processedTime": "timestamptz",
        "type": "text",
        "retryNumber": "integer",
        "amount": "money",
    },
    window="processedTime",
)
BUYERS = Dataset(
    "rebilly_buyers",
    "rebilly",
    "customers",
    fields={"id": "text", "createdTime": "timestamptz", "averageValue/amount": "money"},
    window="createdTime",
)

Loaded = tuple[Converted, pa.Table, str]


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Loaded]:
    """Ask the local vendor for a month, and type what it serves."""

    def run(sandbox: Sandbox, dataset: Dataset, month: Month) -> Loaded:
        window = {"start": month.start.isoformat(), "end": month.end.isoformat(), "field": dataset.window}
        body = {"name": "x", "resource": dataset.resource, "format": "csv", "dateRange": window}
        headers = {"REB-APIKEY": sandbox.api_key}
        place = f"{sandbox.url}/data-exports"
        made = requests.post(place, json={**body, "fields": [*dataset.fields]}, headers=headers, timeout=10).json()
        links = requests.get(f"{place}/{made['id']}", headers=headers, timeout=10).json()["_links"]
        (signed,) = [link["href"] for link in links if link["rel"] == "signedLink"]
        served, rows = tmp_path / "served", tmp_path / "rows.parquet"
        served.write_bytes(requests.get(signed, timeout=10).content)
        said = convert(
            served, Origin(dataset.name, month, made["id"]), table(dataset), rows, tmp_path / "rejected.parquet"
        )
        return said, pa.concat_tables(pq.read_table(file) for file in said.files), made["id"]

    return run


@pytest.fixture(params=[False, True], ids=["its end is outside", "its end is inside"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    clock = ManualClock(datetime(2026, 11, 21, 8, 0, tzinfo=UTC))
    made: dict[str, Any] = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None, "foreign": 0}
    with Sandbox(clock=clock, rows_per_day=20, part_records=150, inclusive_end=request.param, **made) as running:
        yield running


def test_a_row_at_the_edge_of_two_months_is_in_one_of_them(sandbox: Sandbox, load: Callable[..., Loaded]) -> None:
    row: Row = {"id": "t", "createdTime": OCTOBER.start, "type": "", "currency": "", "planName": ""}
    numbers: Row = {"retryNumber": 1, "amount": Decimal("0.1"), "purchaseAmount": None}
    edges = [SEPTEMBER.end - timedelta(milliseconds=1), SEPTEMBER.end]
    sandbox.add_records(
        "transactions", [{**row, **numbers, "id": f"edge{n}", "processedTime": at} for n, at in enumerate(edges)]
    )
    for month, there in ((SEPTEMBER, {"edge0"}), (OCTOBER, {"edge1"})):
        said, rows, export_id = load(sandbox, SALES, month)
        truth = sandbox.truth("transactions", month.start, month.end, "processedTime")
        assert {name for name in rows["id"].to_pylist() if name.startswith("edge")} == there
        assert said.loaded.rows == rows.num_rows == truth.rows
        assert said.left_out == sandbox.truth_of(export_id).rows - truth.rows
        assert (pc.sum(rows["amount"]).as_py(), pc.sum(rows["retryNumber"]).as_py()) == (
            truth.sums["amount"],
            truth.sums["retryNumber"],
        )


def test_a_path_becomes_a_column_that_sql_can_name(sandbox: Sandbox, load: Callable[..., Loaded]) -> None:
    said, rows, _ = load(sandbox, BUYERS, OCTOBER)
    assert rows.column_names[:3] == ["id", "createdTime", "averageValue_amount"]
    truth = sandbox.truth("customers", OCTOBER.start, OCTOBER.end)
    assert said.loaded.rows == truth.rows
    assert pc.sum(rows["averageValue_amount"]).as_py() == truth.sums["averageValue/amount"]
