"""The lake: Parquet files in Delta tables, each replaced month by month in one commit that names its source."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction
from filelock import FileLock

from pipeline.errors import PermanentError, TransientError, writing
from pipeline.warehouse.readback import Expected, verify

PARTITION = "month"
_NOTE = "cdr"
_COMMIT_TRIES = 5

GRACE = timedelta(days=7)
"""Longer than any analyst's session: an open snapshot reads its files only when it is asked."""

# delta-rs takes paths for addresses: it would write elsewhere, or not find its own log
_ADDRESS = re.compile(r"%[0-9A-Fa-f]{2}|[?#\\]")

# a log that forgets its commits would forget which export was loaded when
_KEEP_LOG = {"delta.logRetentionDuration": "interval 36500 days"}


class Lake:
    """The Delta tables of one data directory; a table is named like ``cdr_in`` or ``marts.daily_traffic``.

    With ``as_of`` it shows the calls as they were at that instant; what SQL makes of them is then not shown, because
    it is made anew from them.
    """

    def __init__(self, root: Path, as_of: datetime | None = None) -> None:
        if found := _ADDRESS.search(root.as_posix()):
            raise PermanentError(f"The path {root} holds {found[0]!r}, which Delta misreads; move the data directory.")
        self.root = root
        self._as_of = as_of
        self._listed: dict[str, tuple[object, dict[str, list[Path]]]] = {}

    def new_file(self, table: str, month: str, stem: str) -> Path:
        """A path of its own for a file to be written and then committed; ``stem`` is told by ``stem`` later."""
        folder = self._path(table) / f"{PARTITION}={month}"
        with writing(f"{table} {month}", folder):
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob("*.part"):  # of a killed process: whoever writes a month holds its lock
                left.unlink(missing_ok=True)
        return folder / f"{stem}.{uuid4().hex[:12]}.parquet"

    def replace_month(
        self,
        table: str,
        month: str,
        files: Sequence[Path],
        schema: pa.Schema,
        note: Mapping[str, object],
        expected: Expected | None = None,
    ) -> None:
        """Make the table hold exactly ``files`` for the month, in one commit that carries ``note``.

        Raises ``PermanentError``, with nothing committed, where the files are not what is ``expected``.
        """
        if expected:
            verify(files, expected)
        actions: list[AddAction | RemoveAction] = [self._action(table, month, file) for file in files]
        properties = CommitProperties(custom_metadata={_NOTE: json.dumps(note, default=str)})
        with writing(f"{table} {month}", self.root), FileLock(f"{self._path(table)}.lock"):
            for attempt in range(1, _COMMIT_TRIES + 1):
                try:
                    self._open_or_create(table, schema).create_write_transaction(
                        actions,
                        mode="overwrite",
                        schema=_delta_schema(schema),
                        partition_by=[PARTITION],
                        partition_filters=[(PARTITION, "=", month)],
                        commit_properties=properties,
                    )
                except CommitFailedError as error:
                    if attempt == _COMMIT_TRIES:
                        raise TransientError(f"{table} {month} could not be committed; run it again.") from error
                else:
                    return

    def _action(self, table: str, month: str, file: Path) -> AddAction:
        return AddAction(
            path=file.relative_to(self._path(table)).as_posix(),
            size=file.stat().st_size,
            partition_values={PARTITION: month},
            modification_time=int(file.stat().st_mtime * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": pq.read_metadata(file).num_rows}),
        )

    def files(self, table: str) -> dict[str, list[Path]]:
        """The files of the table's newest snapshot, by month; empty where the table does not exist.

        The log is read again where it changed only: that is dear, and this is asked of every table and month.
        """
        now = _state(self._path(table) / "_delta_log")
        then, found = self._listed.get(table, (None, {}))
        if now != then:
            found = self._files(table)
            self._listed[table] = now, found
        return dict(found)

    def _files(self, table: str) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        opened = self._open(table)
        for uri in opened.file_uris() if opened else []:
            path = Path(unquote(uri.removeprefix("file://")))
            found.setdefault(path.parent.name.removeprefix(f"{PARTITION}="), []).append(path)
        return dict(sorted(found.items()))

    def stems(self, table: str) -> dict[str, str]:
        """For each month of the table, the stem under which its file was written: its export, or its fingerprint."""
        return {month: files[-1].name.rsplit(".", 2)[0] for month, files in self.files(table).items()}

    def notes(self, table: str) -> Iterator[dict[str, Any]]:
        """The notes of all commits, oldest first, each with the time of its commit as ``committed_at``."""
        opened = self._open(table)
        for commit in reversed(opened.history() if opened else []):
            if _NOTE in commit:
                at = datetime.fromtimestamp(commit["timestamp"] / 1000, tz=UTC)
                yield {**json.loads(commit[_NOTE]), "committed_at": at}

    def vacuum(self, history: timedelta) -> None:
        """Delete files that no snapshot of the last ``history`` shows; of what SQL makes, ``GRACE`` is kept.

        Files that a killed process left behind go with them.
        """
        for log in self.root.glob("**/_delta_log"):
            table = ".".join(log.parent.relative_to(self.root).parts)
            keep = max(history, GRACE) if "." not in table else GRACE
            with FileLock(f"{self._path(table)}.lock"):
                opened = DeltaTable(str(log.parent))
                opened.vacuum(keep // timedelta(hours=1), dry_run=False, enforce_retention_duration=False, full=True)

    def changed_at(self) -> float:
        """When any table was last committed to, as seconds since 1970; 0 where there is none."""
        return max((log.stat().st_mtime for log in self.root.glob("**/_delta_log")), default=0.0)

    def _path(self, table: str) -> Path:
        return self.root.joinpath(*table.split("."))

    def _open(self, table: str) -> DeltaTable | None:
        path = str(self._path(table))
        if not DeltaTable.is_deltatable(path) or (self._as_of and "." in table):
            return None
        opened = DeltaTable(path)
        if self._as_of is None:
            return opened
        known = [commit for commit in opened.history() if commit["timestamp"] <= self._as_of.timestamp() * 1000]
        return DeltaTable(path, version=known[0]["version"]) if known else None

    def _open_or_create(self, table: str, schema: pa.Schema) -> DeltaTable:
        """The table, with any new columns added; what is made by SQL is begun anew when its columns change."""
        found, wanted = self._open(table), _delta_schema(schema)
        if found is None or (found.schema() != wanted and "." in table):
            return DeltaTable.create(
                str(self._path(table)),
                schema=wanted,
                partition_by=[PARTITION],
                mode="error" if found is None else "overwrite",
                configuration=_KEEP_LOG,
            )
        known = {field.name: field.type for field in found.schema().fields}
        if any(known.get(field.name, field.type) != field.type for field in wanted.fields):
            raise PermanentError(f"{table} was written with other types; run `cdr rebuild` to make it anew.")
        if new := [field for field in wanted.fields if field.name not in known]:
            found.alter.add_columns(new)
        return found


def rejected_table(record_type: str) -> str:
    """The lake's table of the records of a type that were not loaded."""
    return f"{record_type}_rejected"


def _state(log: Path) -> frozenset[tuple[str, int]]:
    """What tells whether a log has changed."""
    try:
        return frozenset((entry.name, entry.stat().st_mtime_ns) for entry in os.scandir(log))
    except FileNotFoundError:
        return frozenset()


def _delta_schema(schema: pa.Schema) -> Schema:
    bare = pa.schema([pa.field(field.name, field.type) for field in schema])
    return Schema.from_arrow(bare)
