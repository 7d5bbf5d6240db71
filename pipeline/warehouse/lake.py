"""The lake: Parquet files in Delta tables, where one commit replaces a month and names its source."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from pipeline.errors import PermanentError, writing
from pipeline.storage import make_folder, sync
from pipeline.warehouse.delta import METADATA_KEY, PARTITION, Table
from pipeline.warehouse.log import ASIDE, FOLDER, State
from pipeline.warehouse.readback import Expected, verify

GRACE = timedelta(days=7)
"""Longer than any analyst's session: an open snapshot reads its files at each query."""

# delta-rs reads paths as URLs: it would write elsewhere, or not find its own log
_ADDRESS = re.compile(r"%[0-9A-Fa-f]{2}|[?#\\]|[\x00-\x1f\x7f]")


class Lake:
    """The Delta tables of one data directory; a table is named like ``cdr_in`` or ``marts.daily_traffic``.

    With ``as_of`` it shows the calls of that time. It then shows no mart, because marts are built from the calls.
    """

    def __init__(self, root: Path, as_of: datetime | None = None) -> None:
        if found := _ADDRESS.search(root.as_posix()):
            raise PermanentError(f"The path {root} holds {found[0]!r}, which Delta misreads; move the data directory.")
        self.root = root
        self._as_of = as_of
        self._listed: dict[str, tuple[State, dict[str, list[Path]]]] = {}
        self._committed: dict[str, tuple[State, list[dict[str, Any]]]] = {}

    def new_file(self, table: str, month: str, version_key: str) -> Path:
        """Return a new path for a file that is to be written and then committed.

        Args:
            table: The table, such as ``cdr_in``.
            month: The month, as ``YYYY-MM``; the caller holds its lock.
            version_key: What the month is made of: an export's id, or a fingerprint of its inputs.
        """
        folder = self._path(table) / f"{PARTITION}={month}"
        with writing(f"{table} {month}", folder):
            make_folder(folder)
            for left in folder.glob("*.part"):  # of a killed process: a living one would hold the lock
                left.unlink(missing_ok=True)
        return folder / f"{version_key}.{uuid4().hex[:12]}.parquet"

    def replace_month(
        self,
        table: str,
        month: str,
        files: Sequence[Path],
        schema: pa.Schema,
        metadata: Mapping[str, object],
        expected: Expected | None = None,
    ) -> None:
        """Make the table hold exactly these files for the month, in one commit.

        Args:
            table: The table, such as ``cdr_in``.
            month: The month, as ``YYYY-MM``.
            files: The files that are written already.
            schema: The columns of the table; the month is one of them.
            metadata: What ``commit_metadata`` returns of this commit.
            expected: The rows and sums that the files must hold, else nothing is committed.

        Raises:
            PermanentError: The files do not hold what is expected.
        """
        if expected:
            verify(files, expected)
        with writing(f"{table} {month}", self.root):
            for path in {path for file in files for path in (file, file.parent)}:
                sync(path)  # before the log names it
            self.table(table).replace_month(
                month, [self._action(table, month, file) for file in files], schema, metadata
            )

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
        """Return the files of the table's newest snapshot, by month; no month if the table does not exist.

        Reading a log is slow, and every table and month needs it. So the log is read again only after it changed.
        """
        now = self.table(table).state()
        then, found = self._listed.get(table, (None, {}))
        if now != then:
            found = self.table(table).files(self._open(table))
            self._listed[table] = now, found  # the state before the read: a later commit is read next time
        return dict(found)

    def version_keys(self, table: str) -> dict[str, str]:
        """Return the version key of each month of the table: its export's id, or the fingerprint of its inputs."""
        return {month: files[-1].name.rsplit(".", 2)[0] for month, files in self.files(table).items()}

    def commit_metadata(self, table: str) -> list[dict[str, Any]]:
        """Return the metadata of all commits, oldest first, each with the time of its commit as ``committed_at``.

        The log is read again only after it changed.
        """
        state = self.table(table).state()
        known, found = self._committed.get(table, (None, []))
        if state != known:
            commits = [] if self._as_of and "." in table else self.table(table).history(self._as_of)
            found = [_metadata(commit) for commit in reversed(commits) if METADATA_KEY in commit]
            self._committed[table] = state, found
        return found

    def vacuum(self, history: timedelta) -> None:
        """Delete files that no snapshot of the last ``history`` shows, and files that a killed process left.

        The history of marts is ``GRACE``.
        """
        for table in self.tables():
            self.table(table).vacuum(max(history, GRACE) if "." not in table else GRACE)

    def tables(self) -> list[str]:
        """Return the names of all tables that have a log."""
        found = (folder.parent.relative_to(self.root).parts for folder in self.root.glob(f"**/{FOLDER}"))
        return sorted(".".join(parts) for parts in found)

    def table(self, name: str) -> Table:
        """Return the Delta table of that name, which need not exist."""
        return Table(name, self._path(name))

    def set_aside_unreadable(self) -> None:
        """Set aside every log that cannot be read, so that its table begins empty."""
        for name in self.tables():
            try:
                self.table(name).history()
            except PermanentError:
                self.table(name).set_aside()

    def aside(self) -> list[Path]:
        """Return the parts of logs that were set aside after power cuts."""
        return sorted(self.root.glob(f"**/{ASIDE}/*"))

    def _path(self, table: str) -> Path:
        return self.root.joinpath(*table.split("."))

    def _open(self, name: str) -> DeltaTable | None:
        if self._as_of is None:
            return self.table(name).open()
        return None if "." in name else self.table(name).at(self._as_of)


def _metadata(commit: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(commit["timestamp"] / 1000, tz=UTC)
    return {**json.loads(commit[METADATA_KEY]), "committed_at": at}


def rejected_table(record_type: str) -> str:
    """Return the name of the table of a type's records that were not loaded."""
    return f"{record_type}_rejected"
