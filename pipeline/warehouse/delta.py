"""One Delta table on a local disk: opened, mended and committed to; what delta-rs leaves to chance is done here."""

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
from pipeline.warehouse.widening import joined

PARTITION = "month"
NOTE = "cdr"
_COMMIT_TRIES = 5
_LOG = logging.getLogger(__name__)

# a log that forgets its commits would forget which export was loaded when
_KEEP_LOG = {"delta.logRetentionDuration": "interval 36500 days"}


class Table:
    """A table of a lake. What is ``made`` by SQL begins again where it cannot be read or has other columns."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.made = "." in name
        self._log = path / log.FOLDER

    def state(self) -> log.State:
        """What tells whether anything was committed."""
        return log.state(self._log)

    def open(self) -> DeltaTable | None:
        """The newest snapshot; None where there is no table. What a power cut left at its end is set aside first."""
        self._mend()
        if not DeltaTable.is_deltatable(str(self.path)):
            return None
        try:
            return self._opened()
        except PermanentError:
            if not self.made:
                raise
        self.set_aside()
        return None

    def files(self, opened: DeltaTable | None) -> dict[str, list[Path]]:
        """The files of a snapshot, by month."""
        found: dict[str, list[Path]] = {}
        for uri in opened.file_uris() if opened else []:
            path = Path(unquote(uri.removeprefix("file://")))
            found.setdefault(path.parent.name.removeprefix(f"{PARTITION}="), []).append(path)
        return dict(sorted(found.items()))

    def replace_month(
        self, month: str, files: Sequence[AddAction], schema: pa.Schema, note: Mapping[str, object]
    ) -> None:
        """Make the month hold exactly these files, in one commit."""
        actions: list[AddAction | RemoveAction] = [*files]
        wanted = Schema.from_arrow(pa.schema([pa.field(field.name, field.type) for field in schema]))
        with self._held():
            self._prepare(wanted)
            for attempt in range(1, _COMMIT_TRIES + 1):
                try:
                    with self._committing(month, len(files), {NOTE: json.dumps(note, default=str)}) as (table, said):
                        table.create_write_transaction(
                            actions,
                            mode="overwrite",
                            schema=joined(table.schema(), wanted) or wanted,
                            partition_by=[PARTITION],
                            partition_filters=[(PARTITION, "=", month)],
                            commit_properties=said,
                        )
                except CommitFailedError as error:
                    if attempt == _COMMIT_TRIES:
                        raise TransientError(f"{self.name} {month} could not be committed; run it again.") from error
                else:
                    return

    def drop_month(self, month: str) -> list[Path]:
        """Let the newest snapshot show nothing of the month; returns the files that it showed."""
        with self._held():
            shown = self.files(self.open()).get(month, [])
            if shown:
                with self._committing(month, 0, {}) as (table, said):
                    table.delete(f"{PARTITION} = '{month}'", commit_properties=said)
        return shown

    def vacuum(self, keep: timedelta) -> None:
        """Delete the files that no snapshot of so long shows, those of killed processes among them."""
        with self._held():
            if opened := self.open():
                with log.lasting(self._log):
                    hours = keep // timedelta(hours=1)
                    opened.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)

    def set_aside(self) -> None:
        """Begin again: the log is moved away unopened; the files stay as long as any that no snapshot shows."""
        with self._held():
            log.set_aside(self._log)
        _LOG.warning("The log of %s could not be read, so it was set aside, and the table begins again.", self.name)

    def history(self, until: datetime | None = None) -> list[dict[str, Any]]:
        """Every commit, newest first."""
        opened = self.open()
        with self._reading():
            commits = opened.history() if opened else []
        return [one for one in commits if until is None or one["timestamp"] <= until.timestamp() * 1000]

    def at(self, instant: datetime) -> DeltaTable | None:
        """The snapshot of an instant; None where there was none."""
        known = self.history(instant)
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
        """Make sure of the table and its columns."""
        found = self.open()
        with log.lasting(self._log):
            if found is None or (found.schema() != wanted and self.made):
                DeltaTable.create(
                    str(self.path),
                    schema=wanted,
                    partition_by=[PARTITION],
                    mode="error" if found is None else "overwrite",
                    configuration=_KEEP_LOG,
                )
                return
            known = {field.name: field.type for field in found.schema().fields}
            if joined(found.schema(), wanted) is None:
                raise PermanentError(f"{self.name} was written with other types; run `cdr rebuild` to make it again.")
            if new := [field for field in wanted.fields if field.name not in known]:
                found.alter.add_columns(new)

    @contextmanager
    def _committing(
        self, month: str, added: int, said: Mapping[str, str]
    ) -> Iterator[tuple[DeltaTable, CommitProperties]]:
        """The table to commit to, and what the commit says: with the number of its files, a part of it is known."""
        table = DeltaTable(str(self.path))
        count = log.counted(added, len(self.files(table).get(month, [])))
        with log.lasting(self._log):
            yield table, CommitProperties(custom_metadata={**said, log.COUNT: count})

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the table against other processes; what Delta says of a disk is what the operating system would."""
        # a singleton, so that who holds it may mend what it opens
        with writing(f"The table {self.name}", self.path), FileLock(f"{self.path}.lock", is_singleton=True):
            try:
                yield
            except CommitFailedError:
                raise
            except DeltaError as error:
                raise OSError(str(error)) from error

    def _mend(self) -> None:
        """Set aside what a power cut left at the end of the log."""
        if not log.damaged(self._log):
            return
        with self._held():
            while found := log.damaged(self._log):
                for file, wrong in found:
                    log.set_aside(file)
                    _LOG.warning(
                        "%s: %s of its log %s, as after a power cut, and was set aside; what is missing now is "
                        "brought back by the next `cdr backfill` or `cdr publish`.",
                        self.name,
                        file.name,
                        wrong,
                    )
