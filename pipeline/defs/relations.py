"""Describe published relations for Dagster: the key, the columns, and a sentence for each column."""

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
"""The columns of ``exports`` that are known as soon as an export is requested."""


@cache
def records() -> Mapping[str, pa.Schema]:
    """Return the schemas of the pipeline's own records, each column with its sentence."""
    told = {name: as_table([], kind).schema for name, kind in _KNOWN.items()}
    record_type = pa.field("record_type", pa.string(), metadata={"about": SENTENCES["record_type"]})
    return {**told, "rejected_rows": REJECTED.insert(0, record_type)}


def key_of(relation: str) -> dg.AssetKey:
    """Return the asset key of a relation: ``marts.daily_traffic`` is ``marts/daily_traffic``."""
    return dg.AssetKey(relation.split("."))


@cache
def query_types() -> Mapping[str, Mapping[str, str]]:
    """Return the types of the columns of staging, marts and trends."""
    base = {record_type: schema_of(columns) for record_type, columns in RECORD_TYPES.items()}
    return column_types({**base, **records()}, (*models(), *views()))


def of_query(query: Query) -> dg.TableSchema:
    """Return the columns of a query's result, with the sentences of its SQL."""
    kinds = query_types()[query.name]
    return dg.TableSchema([dg.TableColumn(name, kind, query.columns.get(name)) for name, kind in kinds.items()])


def of_schema(schema: pa.Schema) -> dg.TableSchema:
    """Return the columns of an Arrow schema, with the sentences in the metadata of its fields."""
    return dg.TableSchema(
        [
            dg.TableColumn(field.name, str(field.type), (field.metadata or {}).get(b"about", b"").decode())
            for field in schema
        ]
    )


def of_record(name: str) -> dg.TableSchema:
    """Return the columns of a published table of the pipeline's own records."""
    about = {column.name: column.description for column in of_schema(records()[name]).columns}
    return dg.TableSchema(
        [dg.TableColumn(column, kind, about[column]) for column, kind in _record_types()[name].items()]
    )


@cache
def _record_types() -> Mapping[str, Mapping[str, str]]:
    return shown_types(records())


def of_export() -> dg.TableSchema:
    """Return the columns of ``exports`` that are known as soon as an export is requested."""
    return dg.TableSchema([column for column in of_record("exports").columns if column.name in _ASKED])


def of_file(table: Table, cells: Collection[str] | None = None) -> dg.TableSchema:
    """Return the columns of a vendor's file, all of them text, each with the sentence of its column in the lake."""
    about = {column.name: column.description for column in of_schema(table.schema).columns}
    known = headers(table)
    return dg.TableSchema(
        [dg.TableColumn(cell, "text", about.get(known.get(cell, "extra"))) for cell in cells or known]
    )


def headers(table: Table) -> dict[str, str]:
    """Return the column of the lake for each header, in any version of the vendor's files."""
    return {cell: column for version in table.header_versions for cell, column in version.required.items()}


def seed_assets() -> list[dg.AssetSpec]:
    """Return external assets for the CSV files that analysts may edit: marts are built from them too."""
    return [
        dg.AssetSpec(
            key_of(name),
            group_name="seeds",
            kinds={"csv"},
            owners=OWNERS,
            description=f"A table that you may edit: sql/seeds/{path.name}. Marts that read it are then built again.",
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
    """Return the header of a seed."""
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


_MONTH_BEFORE = dg.TimeWindowPartitionMapping(
    start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
)


def upstream(query: Query, kept: Collection[str]) -> list[dg.AssetDep]:
    """Return the assets that a query reads: staging, marts, seeds, and other tables if they are ``kept``."""
    return [
        dg.AssetDep(key_of(name), partition_mapping=_MONTH_BEFORE if name in query.before else None)
        for name in sorted(query.reads)
        if name in kept or "." in name
    ]


@cache
def columns() -> Mapping[str, Collection[str]]:
    """Return every relation that a query may read, with its columns."""
    return {
        **{record_type: schema_of(known).names for record_type, known in RECORD_TYPES.items()},
        **{name: schema.names for name, schema in records().items()},
        **{name: seed_columns(path) for name, path in seeds().items()},
        **{name: list(kinds) for name, kinds in query_types().items()},
    }
