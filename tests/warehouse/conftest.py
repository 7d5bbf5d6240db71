from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.normalise.schema import RECORD_TYPES, REJECTED, in_file, schema_of
from pipeline.warehouse import marts
from pipeline.warehouse.builder import Builder
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.publish import PublishSpec
from pipeline.warehouse.queries import Query, models, views
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, as_table

Row = dict[str, Any]
PutCalls = Callable[..., Path]

CALLS = {record_type: schema_of(columns) for record_type, columns in RECORD_TYPES.items()}
COST = {"cdr_in": "total_usd", "cdr_out": "charged_usd"}


def build(lake: Lake, query: Query, month: str, base: Mapping[str, pa.Schema]) -> bool:
    """Bring one month of a mart up to date, in a session of its own."""
    with Builder(lake, base) as builder:
        return marts.build(builder, query, month)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def call() -> Callable[..., Row]:
    """A call of one cent, answered after two seconds, with cells changed by name."""

    def made(record_type: str, started_at: str, **cells: object) -> Row:
        start = datetime.fromisoformat(started_at).replace(tzinfo=UTC)
        row: Row = {
            "started_at": start,
            "connected_at": start.replace(second=2),
            "status": "Completed",
            "duration_seconds": 60,
            "disconnect_code": "200",
            "trunk_name": "Trunk",
            "call_id": f"id-{started_at}",
            "export_id": "e-1",
            "row_number": 1,
            COST[record_type]: Decimal("0.01"),
        }
        typed: dict[str, Row] = {"cdr_in": {"attempt": 1, "did_number": "4420"}, "cdr_out": {"billing_seconds": 60}}
        return row | typed[record_type] | cells

    return made


@pytest.fixture
def put(lake: Lake) -> PutCalls:
    """Write calls and commit them as a month of the lake, as a load does."""

    def replace(record_type: str, month: str, rows: Iterable[Row], export: str = "e-1") -> Path:
        file = lake.new_file(record_type, month, export)
        pq.write_table(pa.Table.from_pylist(list(rows), schema=in_file(CALLS[record_type])), file, store_schema=False)
        lake.replace_month(record_type, month, [file], CALLS[record_type], {"export_id": export})
        return file

    return replace


@pytest.fixture(scope="session")
def publish_spec() -> Callable[..., PublishSpec]:
    """What a publish shows: everything, with the exports and coverage that are given."""

    def made(exports: Iterable[KnownExport] = (), covered: Iterable[Coverage] = ()) -> PublishSpec:
        records: Mapping[str, pa.Table] = {
            "exports": as_table(list(exports), KnownExport),
            "coverage": as_table(list(covered), Coverage),
            "control_totals": as_table([], ControlTotal),
        }
        return PublishSpec(CALLS, REJECTED, [*models(), *views()], records)

    return made
