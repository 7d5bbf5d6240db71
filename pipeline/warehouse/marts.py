"""Build staging and marts month by month, and only what changed: a month's file carries the fingerprint of its inputs.

A query may read the month before of some tables: calls that cross the edge of a month count on both sides.
"""

import hashlib
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.errors import PermanentError, writing
from pipeline.months import Month
from pipeline.storage import make_folder, whole, write_text
from pipeline.warehouse.builder import Builder, schema_of_file
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.queries import Query, seeds
from pipeline.warehouse.relations import create, create_seeds, disk, literal, types


def build(builder: Builder, query: Query, month: str) -> bool:
    """Bring one month of a mart up to date; return False if it already was.

    Args:
        builder: The session.
        query: The mart.
        month: The month, such as 2026-10.
    """
    lake = builder.lake
    if not is_behind(lake, query, month):
        return False
    inputs = _inputs(lake, query, month)
    stem = fingerprint(query, inputs)
    failures = _failures(lake, query, month)
    try:
        _build(builder, query, month, stem, inputs)
    except PermanentError as error:
        with writing(f"{query.name} {month}", failures):
            make_folder(failures)
            write_text(failures / stem, str(error))
        raise
    shutil.rmtree(failures, ignore_errors=True)
    return True


def failure(lake: Lake, query: Query, month: str) -> str | None:
    """Return why a month of a mart could not be built from its present inputs; None if it was built or not tried.

    Args:
        lake: The lake.
        query: The mart.
        month: The month, such as 2026-10.
    """
    notes = _failures(lake, query, month)
    if not notes.exists() or not is_behind(lake, query, month):
        return None
    note = notes / fingerprint(query, _inputs(lake, query, month))
    return note.read_text("utf-8") if note.exists() else None


def _failures(lake: Lake, query: Query, month: str) -> Path:
    """Return the folder of the notes about inputs, by fingerprint, from which the month could not be built."""
    return lake.root / ".failed" / query.name / month


def _build(builder: Builder, query: Query, month: str, stem: str, inputs: Mapping[str, list[Path]]) -> None:
    lake = builder.lake
    file = lake.new_file(query.name, month, stem)
    with writing(f"{query.name} {month}", lake.root), disk(), builder.reading(inputs, query) as db:
        try:
            _write(db, query, file)
        except duckdb.IOException:
            raise
        except duckdb.Error as error:
            # the text of the error is left out: it may repeat values of records
            fits = not isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException)
            raise PermanentError(
                f"{query.name} {month} could not be built ({type(error).__name__}): "
                f"{'DuckDB refuses it' if fits else 'a value does not fit its column'}; "
                f"correct sql/{query.name.replace('.', '/')}.sql."
            ) from error
    lake.replace_month(query.name, month, [file], schema_of_file(file), {"inputs": sorted(inputs)})


def column_types(base: Mapping[str, pa.Schema], queries: Collection[Query]) -> dict[str, dict[str, str]]:
    """Return the types of every query's columns; each query is planned over empty inputs, which finds misspelt ones."""
    with duckdb.connect() as db:
        for schema in {"seeds", *(query.schema for query in queries)}:
            db.execute(f"CREATE SCHEMA {schema}")
        for name, fields in base.items():
            create(db, name, [], fields)
        create_seeds(db, seeds())
        for query in queries:
            db.execute(f"CREATE VIEW {query.name} AS {query.sql}")
        return {query.name: types(db, query.name) for query in queries}


def is_behind(lake: Lake, query: Query, month: str) -> bool:
    """Return whether the inputs of a mart's month differ from those that it was built from.

    A missing month before is not a change: it has expired, and the mart could not be built with it again.

    Args:
        lake: The lake.
        query: The mart.
        month: The month, such as 2026-10.
    """
    inputs = _inputs(lake, query, month)
    made, wanted = lake.version_keys(query.name).get(month, ""), fingerprint(query, inputs)
    if query.before and not any(inputs[name] for name in query.before):
        made, wanted = made.split("-")[0], wanted.split("-")[0]
    return made != wanted


def fingerprint(query: Query, inputs: Mapping[str, list[Path]]) -> str:
    """Return a hash of what a month of a mart is built from: the SQL with its metrics, the seeds, and the input files.

    If the query reads the month before, a hash of its files follows after a hyphen.
    """
    own = {name: files for name, files in inputs.items() if name not in query.before}
    before = {name: files for name, files in inputs.items() if name in query.before}
    return "-".join(_digest(query, part) for part in ([own, before] if before else [own]))


def _digest(query: Query, inputs: Mapping[str, list[Path]]) -> str:
    digest = hashlib.sha256(query.sql.encode())
    for name, path in seeds().items():
        if name in query.reads:
            digest.update(path.read_bytes())
    for name, files in sorted(inputs.items()):
        digest.update("|".join([name, *sorted(file.name for file in files)]).encode())
    return digest.hexdigest()[:16]


def _inputs(lake: Lake, query: Query, month: str) -> dict[str, list[Path]]:
    earlier = str(Month.parse(month).shift(-1))
    names = sorted(name for name in query.reads if not name.startswith("seeds."))
    return {name: lake.files(name).get(earlier if name in query.before else month, []) for name in names}


def _write(db: duckdb.DuckDBPyConnection, query: Query, file: Path) -> None:
    """Write the result without its month, which the folder gives; a timestamp of the lake has a time zone."""
    db.execute(f"CREATE VIEW _result AS {query.sql}")
    kinds = types(db, "_result")
    if "HUGEINT" in kinds.values():
        raise PermanentError(
            f"sql/{query.name.replace('.', '/')}.sql has a HUGEINT, which Parquet rounds; cast it to BIGINT."
        )
    plain = [name for name, kind in kinds.items() if kind == "TIMESTAMP"]
    # AT TIME ZONE would use the calendar of the zone, and take five times as long
    with_zone = ", ".join(f'make_timestamptz(epoch_us("{name}")) AS "{name}"' for name in plain)
    replaced = f"REPLACE ({with_zone})" if plain else ""
    with whole(file) as part:
        db.execute(
            f"COPY (SELECT * EXCLUDE (month) {replaced} FROM _result) TO {literal(str(part))} "  # noqa: S608
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )
