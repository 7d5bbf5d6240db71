"""Every relation that is published, as Dagster shows it: its key, its columns, and a sentence for each of them."""

import csv
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import dagster as dg
import pyarrow as pa

from pipeline.normalise.schema import RECORD_TYPES, REJECTED, schema_of
from pipeline.normalise.table import Table
from pipeline.warehouse.marts import column_types
from pipeline.warehouse.preview import shown_types
from pipeline.warehouse.queries import Query, models, seeds, views
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, Revision, as_table
from pipeline.warehouse.sentences import SEED_COLUMNS, SENTENCES

OWNERS = ["team:call-records"]

_KNOWN = {"exports": KnownExport, "control_totals": ControlTotal, "coverage": Coverage, "differences": Revision}
_ASKED = ("record_type", "month", "export_id", "reference", "window_start", "window_end", "created_at", "api_version")
"""What of an export is known from asking on."""


@cache
def records() -> Mapping[str, pa.Schema]:
    """The tables of what the pipeline knows of itself, each column with its sentence."""
    told = {name: as_table([], kind).schema for name, kind in _KNOWN.items()}
    record_type = pa.field("record_type", pa.string(), metadata={"about": SENTENCES["record_type"]})
    return {**told, "rejected_rows": REJECTED.insert(0, record_type)}


def key_of(relation: str) -> dg.AssetKey:
    """The asset of a relation: ``marts.daily_traffic`` is ``marts/daily_traffic``."""
    return dg.AssetKey(relation.split("."))


@cache
def query_types() -> Mapping[str, Mapping[str, str]]:
    """The types of the columns of staging, marts and trends."""
    base = {record_type: schema_of(columns) for record_type, columns in RECORD_TYPES.items()}
    return column_types({**base, **records()}, (*models(), *views()))


def of_query(query: Query) -> dg.TableSchema:
    """The columns of what a query makes, with the sentences of its SQL."""
    kinds = query_types()[query.name]
    return dg.TableSchema([dg.TableColumn(name, kind, query.columns.get(name)) for name, kind in kinds.items()])


def of_schema(schema: pa.Schema) -> dg.TableSchema:
    """The columns of an Arrow schema, with the sentences that its fields carry."""
    return dg.TableSchema(
        [
            dg.TableColumn(field.name, str(field.type), (field.metadata or {}).get(b"about", b"").decode())
            for field in schema
        ]
    )


def of_record(name: str) -> dg.TableSchema:
    """The columns of a table of what the pipeline knows of itself, as it is published."""
    about = {column.name: column.description for column in of_schema(records()[name]).columns}
    return dg.TableSchema(
        [dg.TableColumn(column, kind, about[column]) for column, kind in _record_types()[name].items()]
    )


@cache
def _record_types() -> Mapping[str, Mapping[str, str]]:
    return shown_types(records())


def of_export() -> dg.TableSchema:
    """What is known of an export from asking on: these columns of ``exports``."""
    return dg.TableSchema([column for column in of_record("exports").columns if column.name in _ASKED])


def of_file(table: Table, cells: Collection[str] | None = None) -> dg.TableSchema:
    """The columns of a vendor's file, all of them text, each with the sentence of the column that it becomes."""
    about = {column.name: column.description for column in of_schema(table.schema).columns}
    known = headers(table)
    return dg.TableSchema(
        [dg.TableColumn(cell, "text", about.get(known.get(cell, "extra"))) for cell in cells or known]
    )


def headers(table: Table) -> dict[str, str]:
    """The column that each header of any generation of the vendor's files becomes."""
    return {cell: column for version in table.header_versions for cell, column in version.required.items()}


def seed_assets() -> list[dg.AssetSpec]:
    """The CSV files that analysts may edit, as external assets: columns of marts come from them too."""
    return [
        dg.AssetSpec(
            key_of(name),
            group_name="seeds",
            kinds={"csv"},
            owners=OWNERS,
            description=f"A table that you may edit: sql/seeds/{path.name}. What is built from it follows by itself.",
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    [dg.TableColumn(column, "VARCHAR", SEED_COLUMNS.get(column)) for column in seed_columns(path)]
                ),
                "dagster/table_name": name,
            },
        )
        for name, path in seeds().items()
    ]


def seed_columns(path: Path) -> list[str]:
    """The header of a seed."""
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


_MONTH_BEFORE = dg.TimeWindowPartitionMapping(
    start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
)


def upstream(query: Query, kept: Collection[str]) -> list[dg.AssetDep]:
    """The assets that a query is made of: staging, marts, seeds, and of the other tables those that are ``kept``."""
    return [
        dg.AssetDep(key_of(name), partition_mapping=_MONTH_BEFORE if name in query.before else None)
        for name in sorted(query.reads)
        if name in kept or "." in name
    ]


@cache
def columns() -> Mapping[str, Collection[str]]:
    """Every relation that a query may read, with its columns."""
    return {
        **{record_type: schema_of(known).names for record_type, known in RECORD_TYPES.items()},
        **{name: schema.names for name, schema in records().items()},
        **{name: seed_columns(path) for name, path in seeds().items()},
        **{name: list(kinds) for name, kinds in query_types().items()},
    }
