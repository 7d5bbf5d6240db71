"""Open, repair and commit to one Delta table on a local disk; delta-rs itself neither syncs nor repairs."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction
from filelock import FileLock

from pipeline.errors import PermanentError, TransientError, writing
from pipeline.warehouse import log
from pipeline.warehouse.widening import merged

PARTITION = "month"
METADATA_KEY = "cdr"  # our part of a commit's metadata
_COMMIT_TRIES = 5
_LOG = logging.getLogger(__name__)
_REPAIRED = (
    "%s: %s of its log %s, as after a power cut, and was set aside; what is missing now is "
    "brought back by the next `cdr backfill` or `cdr publish`."
)

# the commits say which export was loaded when, so the log keeps them all
_KEEP_LOG = {"delta.logRetentionDuration": "interval 36500 days"}


class Table:
    """A table of a lake. A ``derived`` table, built by SQL, begins again if it is unreadable or has other columns."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.derived = "." in name
        self._log = path / log.FOLDER

    def state(self) -> log.State:
        """Return the state of the log; it differs after each commit."""
        return log.state(self._log)

    def open(self) -> DeltaTable | None:
        """Return the newest snapshot, after a repair of the log; None if the table does not exist."""
        self._repair()
        if not DeltaTable.is_deltatable(str(self.path)):
            return None
        try:
            return self._opened()
        except PermanentError:
            if not self.derived:
                raise
        self.set_aside()
        return None

    def files(self, opened: DeltaTable | None) -> dict[str, list[Path]]:
        """Return the files of a snapshot, by month."""
        found: dict[str, list[Path]] = {}
        for uri in opened.file_uris() if opened else []:
            path = Path(unquote(uri.removeprefix("file://")))
            found.setdefault(path.parent.name.removeprefix(f"{PARTITION}="), []).append(path)
        return dict(sorted(found.items()))

    def replace_month(
        self, month: str, files: Sequence[AddAction], schema: pa.Schema, metadata: Mapping[str, object]
    ) -> None:
        """Make the month hold exactly these files, in one commit.

        Args:
            month: The month, as ``YYYY-MM``.
            files: The files to add, as Delta names them.
            schema: The columns of the table.
            metadata: What the commit says of its source.
        """
        actions: list[AddAction | RemoveAction] = [*files]
        custom = {METADATA_KEY: json.dumps(metadata, default=str)}
        wanted = Schema.from_arrow(pa.schema([pa.field(field.name, field.type) for field in schema]))
        with self._locked():
            self._prepare(wanted)
            for attempt in range(1, _COMMIT_TRIES + 1):
                try:
                    with self._committing(month, len(files), custom) as (table, properties):
                        table.create_write_transaction(
                            actions,
                            mode="overwrite",
                            schema=merged(table.schema(), wanted) or wanted,
                            partition_by=[PARTITION],
                            partition_filters=[(PARTITION, "=", month)],
                            commit_properties=properties,
                        )
                except CommitFailedError as error:
                    if attempt == _COMMIT_TRIES:
                        raise TransientError(f"{self.name} {month} could not be committed; run it again.") from error
                else:
                    return

    def drop_month(self, month: str) -> list[Path]:
        """Remove the month from the newest snapshot; return the files that it showed."""
        with self._locked():
            shown = self.files(self.open()).get(month, [])
            if shown:
                with self._committing(month, 0, {}) as (table, properties):
                    table.delete(f"{PARTITION} = '{month}'", commit_properties=properties)
        return shown

    def vacuum(self, keep: timedelta) -> None:
        """Delete the files that no snapshot of the last ``keep`` shows, and files that a killed process left."""
        with self._locked():
            if opened := self.open():
                with log.synced(self._log):
                    hours = keep // timedelta(hours=1)
                    opened.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)

    def set_aside(self) -> None:
        """Move the log away unread, so that the table begins empty; ``vacuum`` deletes its files later."""
        with self._locked():
            log.set_aside(self._log)
        _LOG.warning("The log of %s could not be read, so it was set aside; the table begins empty.", self.name)

    def history(self, until: datetime | None = None) -> list[dict[str, Any]]:
        """Return every commit until a time, newest first."""
        opened = self.open()
        with self._reading():
            commits = opened.history() if opened else []
        return [one for one in commits if until is None or one["timestamp"] <= until.timestamp() * 1000]

    def at(self, timestamp: datetime) -> DeltaTable | None:
        """Return the snapshot of a time; None if the table did not exist yet."""
        known = self.history(timestamp)
        with self._reading():
            return DeltaTable(str(self.path), version=known[0]["version"]) if known else None

    def _opened(self) -> DeltaTable:
        with self._reading():
            if empty := log.empty(self._log):
                raise DeltaError(f"{empty} is empty")
            return DeltaTable(str(self.path))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except DeltaError as error:
            raise PermanentError(
                f"The log of {self.name} cannot be read, as after a power cut; run `cdr rebuild`, which makes "
                "the table again from the archive."
            ) from error

    def _prepare(self, wanted: Schema) -> None:
        """Create the table, or add the columns that it lacks."""
        found = self.open()
        with log.synced(self._log):
            if found is None or (found.schema() != wanted and self.derived):
                DeltaTable.create(
                    str(self.path),
                    schema=wanted,
                    partition_by=[PARTITION],
                    mode="error" if found is None else "overwrite",
                    configuration=_KEEP_LOG,
                )
                return
            known = {field.name: field.type for field in found.schema().fields}
            if merged(found.schema(), wanted) is None:
                raise PermanentError(f"{self.name} was written with other types; run `cdr rebuild` to make it again.")
            if new := [field for field in wanted.fields if field.name not in known]:
                found.alter.add_columns(new)

    @contextmanager
    def _committing(
        self, month: str, added: int, metadata: Mapping[str, str]
    ) -> Iterator[tuple[DeltaTable, CommitProperties]]:
        """Open the table for a commit whose metadata counts its files, so that a torn entry is recognised."""
        table = DeltaTable(str(self.path))
        count = log.file_counts(added, len(self.files(table).get(month, [])))
        with log.synced(self._log):
            yield table, CommitProperties(custom_metadata={**metadata, log.COUNT: count})

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the table against other processes; raise Delta's errors as those of the operating system."""
        # a singleton, so that a holder of the lock may repair the log that it opens
        with writing(f"The table {self.name}", self.path), FileLock(f"{self.path}.lock", is_singleton=True):
            try:
                yield
            except CommitFailedError:
                raise
            except DeltaError as error:
                raise OSError(str(error)) from error

    def _repair(self) -> None:
        """Set aside what a power cut damaged at the end of the log."""
        if log.damaged(self._log):
            with self._locked():
                for file, wrong in log.repaired(self._log):
                    _LOG.warning(_REPAIRED, self.name, file, wrong)
