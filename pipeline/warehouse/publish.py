"""Publish a new read-only ``warehouse.duckdb``: built aside, then moved into the name, so nobody ever waits.

Analysts never open a file that the pipeline writes. Each publish is a snapshot: calls as views over the lake's
files, marts as tables, paths absolute so that the views work from any folder. Whoever has the file open keeps
the snapshot that they opened.
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
"""The oldest format that holds what is published: any DuckDB since 1.0 opens it."""

_FINGERPRINT = "published_fingerprint"
"""A macro of the published file, which tells of what it was made."""

_AGING = {"days_left"}
"""Columns of records that change by themselves every day."""


@dataclass(frozen=True)
class Edition:
    """What a publish shows.

    ``calls`` are the tables of calls with their schemas, ``rejected`` the schema of the records that were not
    loaded, ``models`` the staging, marts and trends, ``records`` what the pipeline knows of itself: exports, coverage.
    ``kept`` are the files of marts, by month, whose months the lake has not any more.
    """

    calls: Mapping[str, pa.Schema]
    rejected: pa.Schema
    models: Iterable[Query]
    records: Mapping[str, pa.Table]
    kept: Mapping[str, Mapping[str, list[Path]]] = field(default_factory=dict)


class Snapshot(Protocol):
    """The newest files of each table to show, by month, and what each month's were written under."""

    def files(self, table: str) -> dict[str, list[Path]]:
        """The files of a table, by month."""

    def stems(self, table: str) -> dict[str, str]:
        """The stems of a table, by month."""


def publish(target: Path, lake: Snapshot, edition: Edition) -> None:
    """Make ``target`` show the newest snapshot of every table, whole or not at all."""
    with writing(target.name, target.parent), disk(), FileLock(target.with_name(f".{target.name}.lock")):
        _sweep(target)
        try:
            with whole(target) as part:
                _write(part, lake, edition)
                part.chmod(0o444)
                _wal(target).unlink(missing_ok=True)  # a forgotten one must not be replayed into the new file
            _wal(target).unlink(missing_ok=True)
        finally:
            _sweep(target)


def shown_in(warehouse: Path) -> str | None:
    """The fingerprint of what the published file shows; None where there is none, or it cannot be read."""
    if not warehouse.exists():
        return None
    try:
        with duckdb.connect(str(warehouse), read_only=True) as db:
            return str(db.execute(f"SELECT {_FINGERPRINT}()").fetchall()[0][0])
    except duckdb.Error:
        return None


def fingerprint(lake: Snapshot, edition: Edition) -> str:
    """What a publish would show now, whatever the clock says: files, which are never rewritten, SQL, and records."""
    models = sorted(edition.models, key=lambda query: query.name)  # which of two comes first differs between processes
    tables = [*edition.calls, *map(rejected_table, edition.calls), *(query.name for query in models)]
    said: list[object] = [STORAGE_VERSION, *((name, lake.files(name)) for name in tables)]
    said += [(schema.to_string(), _sentences(schema)) for schema in edition.calls.values()]
    said += [(query.name, query.sql, _kept(edition, query)) for query in models]
    said += [(metric.name, metric.body) for metric in metrics().values()]
    said += [(name, path.read_bytes()) for name, path in seeds().items()]
    for name, table in edition.records.items():
        said.append((name, table.drop_columns(list(_AGING.intersection(table.column_names))).to_pylist()))
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _write(part: Path, lake: Snapshot, edition: Edition) -> None:
    with duckdb.connect() as db:
        _show_rejected(db, lake, edition)
        db.execute(f"ATTACH {literal(str(part))} AS warehouse (STORAGE_VERSION '{STORAGE_VERSION}')")
        db.execute("USE warehouse")
        db.execute(f"CREATE MACRO {_FINGERPRINT}() AS {literal(fingerprint(lake, edition))}")
        db.execute("BEGIN TRANSACTION")  # each statement would wait for the disk on its own
        for schema in ("staging", "marts", "seeds", "trends"):
            db.execute(f"CREATE SCHEMA {schema}")
        for metric in metrics().values():
            db.execute(f"CREATE MACRO {metric.name}({', '.join(metric.parameters)}) AS {metric.body}")
            db.execute(f"COMMENT ON MACRO {metric.name} IS {literal(metric.about)}")
        for name, schema in edition.calls.items():
            made = create(db, name, _flat(lake.files(name)), schema)
            comment(db, made or "VIEW", name, _sentences(schema), TABLES.get(name, DECLARED))
        _create_rejected(db, edition)
        create_seeds(db, seeds())
        for name in seeds():
            comment(db, "TABLE", name, {column: SEED_COLUMNS.get(column, "") for column in types(db, f"FROM {name}")})
        for name, table in edition.records.items():
            create_record(db, name, table)
            comment(db, "TABLE", name, _sentences(table.schema), TABLES[name])
        for query in edition.models:
            _create_model(db, query, _flat({**_kept(edition, query), **lake.files(query.name)}))
        db.execute("COMMIT")
        db.execute("USE memory")
        db.execute("DETACH warehouse")


def _create_model(db: duckdb.DuckDBPyConnection, query: Query, files: list[Path]) -> None:
    """A mart as a table and staging as a view over files; what was never built is its own query, live."""
    made = create(db, query.name, files, None, "TABLE" if query.schema == "marts" else "VIEW")
    if made and query.columns.keys() - types(db, f"FROM {query.name}").keys():  # by another version of its SQL
        db.execute(f"DROP {made} {query.name}")
        create(db, query.name, files, None, made, types(db, anchored(query)))
    if made is None:
        db.execute(f"CREATE VIEW {query.name} AS {anchored(query)}")
    comment(db, made or "VIEW", query.name, query.columns, query.about)


def _show_rejected(db: duckdb.DuckDBPyConnection, lake: Snapshot, edition: Edition) -> None:
    """The rejected records of each type, beside the file that is written: only those of the exports loaded now."""
    for name in edition.calls:
        loaded, table = lake.stems(name), rejected_table(name)
        stems, files = lake.stems(table), lake.files(table)
        current = [file for month in files if stems[month] == loaded.get(month) for file in files[month]]
        create(db, f"memory.main.{table}", current, edition.rejected)


def _create_rejected(db: duckdb.DuckDBPyConnection, edition: Edition) -> None:
    parts = [
        f"SELECT '{name}' AS record_type, * FROM memory.main.{rejected_table(name)}"  # noqa: S608
        for name in edition.calls
    ]
    db.execute(f"CREATE TABLE rejected_rows AS {' UNION ALL BY NAME '.join(parts)}")
    sentences = {"record_type": SENTENCES["record_type"], **_sentences(edition.rejected)}
    comment(db, "TABLE", "rejected_rows", sentences, TABLES["rejected_rows"])


def _kept(edition: Edition, query: Query) -> Mapping[str, list[Path]]:
    """The files of months that the lake no longer has, also those kept under the mart's former name."""
    return {**edition.kept.get(query.formerly, {}), **edition.kept.get(query.name, {})}


def _flat(files: Mapping[str, list[Path]]) -> list[Path]:
    return [file for month in files.values() for file in month]


def _sentences(schema: pa.Schema) -> dict[str, str]:
    return {field.name: (field.metadata or {}).get(b"about", b"").decode() for field in schema}


def _sweep(target: Path) -> None:
    """Remove what a publish left that was killed or failed; the caller holds the lock."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*"):
        if not left.name.endswith(".lock"):
            left.unlink(missing_ok=True)


def _wal(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")
