"""Publish a new read-only ``warehouse.duckdb``: built beside the old one, then moved to its name.

No reader waits, and no analyst opens a file that the pipeline writes. Each publish is a snapshot: calls are views over
the lake's files, marts are tables. Paths are absolute, so that the views work from any folder. A session that has the
file open keeps the snapshot that it opened.
"""

import glob
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
from filelock import FileLock

from pipeline.errors import writing
from pipeline.storage import whole
from pipeline.warehouse.lake import rejected_table
from pipeline.warehouse.queries import Query, anchored, metrics, seeds
from pipeline.warehouse.relations import comment, create, create_record, create_seeds, disk, literal, types
from pipeline.warehouse.sentences import DECLARED, SEED_COLUMNS, SENTENCES, TABLES

STORAGE_VERSION = "v1.0.0"
"""The oldest format that can hold what is published: every DuckDB since 1.0 opens it."""

_FINGERPRINT = "published_fingerprint"
"""A macro of the published file that returns the fingerprint of its inputs."""

_AGING = {"days_left"}
"""Columns of records that change every day without a new fact."""


@dataclass(frozen=True)
class PublishSpec:
    """What a publish shows.

    Attributes:
        calls: The schema of each table of records.
        rejected: The schema of the records that were not loaded.
        models: Staging, marts and trends.
        records: The pipeline's own records: exports, coverage, differences, control totals.
        retained: Mart mart files by table and month, for months deleted from the lake.
    """

    calls: Mapping[str, pa.Schema]
    rejected: pa.Schema
    models: Iterable[Query]
    records: Mapping[str, pa.Table]
    retained: Mapping[str, Mapping[str, list[Path]]] = field(default_factory=dict)


class Snapshot(Protocol):
    """The newest files of each table, by month, and the version key of each month."""

    def files(self, table: str) -> dict[str, list[Path]]:
        """Return the files of a table, by month."""

    def version_keys(self, table: str) -> dict[str, str]:
        """Return the version keys of a table, by month."""


def publish(target: Path, lake: Snapshot, spec: PublishSpec) -> None:
    """Make ``target`` show the newest snapshot of every table, whole or not at all.

    Args:
        target: The path of the published file.
        lake: The files to show.
        spec: What to show of them.
    """
    with writing(target.name, target.parent), disk(), FileLock(target.with_name(f".{target.name}.lock")):
        _sweep(target)
        try:
            with whole(target) as part:
                _write(part, lake, spec)
                part.chmod(0o444)
                _wal(target).unlink(missing_ok=True)  # DuckDB would replay an old one into the new file
            _wal(target).unlink(missing_ok=True)
        finally:
            _sweep(target)


def published_fingerprint(warehouse: Path) -> str | None:
    """Return the fingerprint of what the published file shows; None if it is missing or unreadable."""
    if not warehouse.exists():
        return None
    try:
        with duckdb.connect(str(warehouse), read_only=True) as db:
            return str(db.execute(f"SELECT {_FINGERPRINT}()").fetchall()[0][0])
    except duckdb.Error:
        return None


def fingerprint(lake: Snapshot, spec: PublishSpec) -> str:
    """Return the fingerprint of what a publish would show now: files, SQL and records, whatever the clock says.

    Files count by name, because no file is rewritten.
    """
    models = sorted(spec.models, key=lambda query: query.name)  # the order of two equals differs between processes
    tables = [*spec.calls, *map(rejected_table, spec.calls), *(query.name for query in models)]
    inputs: list[object] = [STORAGE_VERSION, *((name, lake.files(name)) for name in tables)]
    inputs += [(schema.to_string(), _descriptions(schema)) for schema in spec.calls.values()]
    inputs += [(query.name, query.sql, _retained(spec, query)) for query in models]
    inputs += sorted((metric.name, metric.body) for metric in metrics().values())
    inputs += [(name, path.read_bytes()) for name, path in seeds().items()]
    for name, table in spec.records.items():
        inputs.append((name, table.drop_columns(list(_AGING.intersection(table.column_names))).to_pylist()))
    return hashlib.sha256(repr(inputs).encode()).hexdigest()


def _write(part: Path, lake: Snapshot, spec: PublishSpec) -> None:
    with duckdb.connect() as db:
        _show_rejected(db, lake, spec)
        db.execute(f"ATTACH {literal(str(part))} AS warehouse (STORAGE_VERSION '{STORAGE_VERSION}')")
        db.execute("USE warehouse")
        db.execute(f"CREATE MACRO {_FINGERPRINT}() AS {literal(fingerprint(lake, spec))}")
        db.execute("BEGIN TRANSACTION")  # otherwise each statement waits for the disk
        for schema in ("staging", "marts", "seeds", "trends"):
            db.execute(f"CREATE SCHEMA {schema}")
        for metric in metrics().values():
            db.execute(f"CREATE MACRO {metric.name}({', '.join(metric.parameters)}) AS {metric.body}")
            db.execute(f"COMMENT ON MACRO {metric.name} IS {literal(metric.about)}")
        for name, schema in spec.calls.items():
            made = create(db, name, _flat(lake.files(name)), schema)
            comment(db, made or "VIEW", name, _descriptions(schema), TABLES.get(name, DECLARED))
        _create_rejected(db, spec)
        create_seeds(db, seeds())
        for name in seeds():
            comment(db, "TABLE", name, {column: SEED_COLUMNS.get(column, "") for column in types(db, f"FROM {name}")})
        for name, table in spec.records.items():
            create_record(db, name, table)
            comment(db, "TABLE", name, _descriptions(table.schema), TABLES[name])
        for query in spec.models:
            _create_model(db, query, _flat({**_retained(spec, query), **lake.files(query.name)}))
        db.execute("COMMIT")
        db.execute("USE memory")
        db.execute("DETACH warehouse")


def _create_model(db: duckdb.DuckDBPyConnection, query: Query, files: list[Path]) -> None:
    """Create a mart as a table and staging as a view over files; a model that was never built runs its own query."""
    made = create(db, query.name, files, None, "TABLE" if query.schema == "marts" else "VIEW")
    if made and query.columns.keys() - types(db, f"FROM {query.name}").keys():  # files of another version of its SQL
        db.execute(f"DROP {made} {query.name}")
        create(db, query.name, files, None, made, types(db, anchored(query)))
    if made is None:
        db.execute(f"CREATE VIEW {query.name} AS {anchored(query)}")
    comment(db, made or "VIEW", query.name, query.columns, query.about)


def _show_rejected(db: duckdb.DuckDBPyConnection, lake: Snapshot, spec: PublishSpec) -> None:
    """Show the rejected records of the loaded exports, in memory beside the file that is written."""
    for name in spec.calls:
        loaded, table = lake.version_keys(name), rejected_table(name)
        keys, files = lake.version_keys(table), lake.files(table)
        current = [file for month in files if keys[month] == loaded.get(month) for file in files[month]]
        create(db, f"memory.main.{table}", current, spec.rejected)


def _create_rejected(db: duckdb.DuckDBPyConnection, spec: PublishSpec) -> None:
    parts = [
        f"SELECT '{name}' AS record_type, * FROM memory.main.{rejected_table(name)}"  # noqa: S608
        for name in spec.calls
    ]
    db.execute(f"CREATE TABLE rejected_rows AS {' UNION ALL BY NAME '.join(parts)}")
    sentences = {"record_type": SENTENCES["record_type"], **_descriptions(spec.rejected)}
    comment(db, "TABLE", "rejected_rows", sentences, TABLES["rejected_rows"])


def _retained(spec: PublishSpec, query: Query) -> Mapping[str, list[Path]]:
    """Return the retained files of a mart by month, also those under its former name."""
    return {**spec.retained.get(query.formerly, {}), **spec.retained.get(query.name, {})}


def _flat(files: Mapping[str, list[Path]]) -> list[Path]:
    return [file for month in files.values() for file in month]


def _descriptions(schema: pa.Schema) -> dict[str, str]:
    return {field.name: (field.metadata or {}).get(b"about", b"").decode() for field in schema}


def _sweep(target: Path) -> None:
    """Remove the files of publishes that were killed or failed; the caller holds the lock."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*"):
        if not left.name.endswith(".lock"):
            left.unlink(missing_ok=True)


def _wal(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")
