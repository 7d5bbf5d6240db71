"""The lake: Parquet files in Delta tables, each replaced month by month in one commit that names its source."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
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
from pipeline.warehouse.delta import NOTE, PARTITION, Table
from pipeline.warehouse.log import ASIDE, FOLDER, State
from pipeline.warehouse.readback import Expected, verify

GRACE = timedelta(days=7)
"""Longer than any analyst's session: an open snapshot reads its files only when it is asked."""

# delta-rs takes paths for addresses: it would write elsewhere, or not find its own log
_ADDRESS = re.compile(r"%[0-9A-Fa-f]{2}|[?#\\]|[\x00-\x1f\x7f]")


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
        self._listed: dict[str, tuple[State, dict[str, list[Path]]]] = {}

    def new_file(self, table: str, month: str, stem: str) -> Path:
        """A path of its own for a file to be written and then committed; ``stem`` is told by ``stem`` later."""
        folder = self._path(table) / f"{PARTITION}={month}"
        with writing(f"{table} {month}", folder):
            make_folder(folder)
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
        with writing(f"{table} {month}", self.root):
            for path in {path for file in files for path in (file, file.parent)}:
                sync(path)  # before a log names it
            self.table(table).replace_month(month, [self._action(table, month, file) for file in files], schema, note)

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
        now = self.table(table).state()
        then, found = self._listed.get(table, (None, {}))
        if now != then:
            found = self.table(table).files(self._open(table))
            self._listed[table] = now, found  # the state before it was read: what was committed since is read next time
        return dict(found)

    def stems(self, table: str) -> dict[str, str]:
        """For each month of the table, the stem under which its file was written: its export, or its fingerprint."""
        return {month: files[-1].name.rsplit(".", 2)[0] for month, files in self.files(table).items()}

    def notes(self, table: str) -> Iterator[dict[str, Any]]:
        """The notes of all commits, oldest first, each with the time of its commit as ``committed_at``."""
        commits = [] if self._as_of and "." in table else self.table(table).history(self._as_of)
        for commit in reversed(commits):
            if NOTE in commit:
                at = datetime.fromtimestamp(commit["timestamp"] / 1000, tz=UTC)
                yield {**json.loads(commit[NOTE]), "committed_at": at}

    def vacuum(self, history: timedelta) -> None:
        """Delete files that no snapshot of the last ``history`` shows; of what SQL makes, ``GRACE`` is kept.

        Files that a killed process left behind go with them.
        """
        for table in self.tables():
            self.table(table).vacuum(max(history, GRACE) if "." not in table else GRACE)

    def tables(self) -> list[str]:
        """Every table that has a log, by name."""
        found = (folder.parent.relative_to(self.root).parts for folder in self.root.glob(f"**/{FOLDER}"))
        return sorted(".".join(parts) for parts in found)

    def table(self, name: str) -> Table:
        """A table as Delta knows it, whether it is there or not."""
        return Table(name, self._path(name))

    def set_aside_unreadable(self) -> None:
        """Begin every table again whose log cannot be read."""
        for name in self.tables():
            try:
                self.table(name).history()
            except PermanentError:
                self.table(name).set_aside()

    def aside(self) -> list[Path]:
        """What was set aside of the logs, after power cuts."""
        return sorted(self.root.glob(f"**/{ASIDE}/*"))

    def _path(self, table: str) -> Path:
        return self.root.joinpath(*table.split("."))

    def _open(self, name: str) -> DeltaTable | None:
        if self._as_of is None:
            return self.table(name).open()
        return None if "." in name else self.table(name).at(self._as_of)


def rejected_table(record_type: str) -> str:
    """The lake's table of the records of a type that were not loaded."""
    return f"{record_type}_rejected"
