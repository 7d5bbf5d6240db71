"""Load a landed file into its month: convert it, compare it with the month's rows, and commit both with metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

from pipeline.dataset import Companion
from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.manifests import Manifest, by_age
from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.schema import REJECTED
from pipeline.normalise.table import Table
from pipeline.operations.commit_metadata import commit_metadata
from pipeline.operations.erase import Eraser
from pipeline.operations.guards import Guards, Known
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import Ledger
from pipeline.operations.plan import not_retained
from pipeline.storage import removed_on_error
from pipeline.warehouse.differences import ComparisonColumns, Difference, compare, rows_lost
from pipeline.warehouse.lake import Lake, rejected_table
from pipeline.warehouse.readback import Expected

SIMULTANEOUS_LOADS = 2
"""How many files the processes of one machine convert at once: each takes a few hundred megabytes."""


@dataclass(frozen=True)
class Loaded:
    """The export that a month holds after a load.

    Args:
        export_id: The export.
        converted: Its converted rows; None if it was loaded before.
        previous: The export that it replaced.
        differences: The days on which the two differ.
    """

    export_id: str
    converted: Converted | None
    previous: str | None = None
    differences: Sequence[Difference] = field(default_factory=list)


class Replacer:
    """Replaces months of the lake by landed files, unless the guards refuse; the caller holds the month's lock.

    Erased numbers do not come back: the eraser rewrites each file before it is read.

    Args:
        archive: Holds the files.
        lake: Holds the months.
        tables: How the rows of each dataset are typed.
        guards: Refuse loads that need ``force``.
        eraser: Erases numbers of the log from a file; None if there is no log.
    """

    def __init__(
        self, archive: Archive, lake: Lake, tables: Mapping[str, Table], guards: Guards, eraser: Eraser | None = None
    ) -> None:
        self._archive = archive
        self._lake = lake
        self._tables = tables
        self._guards = guards
        self._eraser = eraser

    def replace(self, manifest: Manifest, *, force: bool) -> Loaded:
        """Replace the month by exactly the rows of the manifest's file; ``force`` also loads what the guards refuse."""
        record_type, month, export_id = manifest.record_type, manifest.month, manifest.export_id
        previous = self._previous(manifest)
        if previous and not force:
            self._guards.check_age(manifest, previous)
        if self._eraser:
            manifest = self._eraser.cleanse(manifest)
        table = self._tables[record_type]
        file = self._archive.file(manifest.vendor, record_type, Month.parse(month), export_id)
        rows = self._lake.new_file(record_type, month, export_id)
        rejects = self._lake.new_file(rejected_table(record_type), month, export_id)
        origin = Origin(record_type, Month.parse(month), export_id)
        with removed_on_error() as made:
            converted = convert(file, origin, table, rows, rejects, companions=self._companions(manifest))
            made += [*converted.files, rejects]
            if not force:
                self._guards.check_records(manifest, converted, rejects, table)
            loaded = self._compared(manifest, converted, previous)
            if not force:
                self._guards.check_shrink(manifest, converted.loaded.rows, rows_lost(loaded.differences))
        metadata = commit_metadata(manifest, converted, table.money, loaded.previous, loaded.differences)
        self._lake.replace_month(rejected_table(record_type), month, [rejects], REJECTED, metadata)
        expected = Expected(converted.loaded.rows, converted.loaded.sums)
        self._lake.replace_month(record_type, month, converted.files, table.schema, metadata, expected)
        return loaded

    def _companions(self, manifest: Manifest) -> dict[Companion, Path]:
        """Return the manifest's further files that can be read."""
        names = [Companion(name) for name, line in manifest.companions.items() if not line["unread"]]
        found = {name: self._archive.file_of(manifest, name) for name in names}
        if gone := [file.name for file in found.values() if not file.exists()]:
            raise PermanentError(f"{gone[0]} is missing, so nothing was loaded; restore it from a backup.")
        return found

    def _previous(self, manifest: Manifest) -> Known | None:
        """Return the export that the month holds, and when it was created; None if it is the manifest's.

        The archive's notes give the time of creation, or the lake's log if the notes are gone. Commits of early
        releases do not give it.
        """
        export_id = self._lake.version_keys(manifest.record_type).get(manifest.month)
        if export_id in (None, manifest.export_id):
            return None
        landed = self._archive.landed_of(manifest.vendor, manifest.record_type, Month.parse(manifest.month))
        noted = chain(landed, self._archive.requested_among(manifest.vendor, {export_id}))
        if found := next((one for one in noted if one.export_id == export_id), None):
            return Known(export_id, found.created_at)
        loads = (one for one in self._lake.commit_metadata(manifest.record_type) if one["export_id"] == export_id)
        created_at = next((load["created_at"] for load in loads if "created_at" in load), None)
        return Known(export_id, datetime.fromisoformat(created_at) if created_at else None)

    def _compared(self, manifest: Manifest, converted: Converted, previous: Known | None) -> Loaded:
        """Return the result of the load, with its differences from the export that it replaces unless that is later."""
        record_type, month = manifest.record_type, manifest.month
        if previous is None or previous.is_later_than(manifest):
            return Loaded(manifest.export_id, converted)
        before = self._lake.files(record_type)[month]
        if not all(file.exists() for file in before):  # set aside or lost: there is nothing to compare with
            return Loaded(manifest.export_id, converted)
        found = compare(
            before, converted.files, _comparison_columns(self._tables[record_type]), self._lake.root / ".duckdb"
        )
        return Loaded(manifest.export_id, converted, previous.export_id, found)


class Loader:
    """Loads the newest landed export of a month.

    Args:
        place: The installation.
        ledger: Tells what is loaded.
        replacer: Replaces the month.
    """

    def __init__(self, place: Installation, ledger: Ledger, replacer: Replacer) -> None:
        self._place = place
        self._ledger = ledger
        self._replacer = replacer

    def load(self, record_type: str, month: Month, *, force: bool = False) -> Loaded:
        """Replace the month by its newest landed export, in one commit, unless the month holds that export already.

        Args:
            record_type: The dataset.
            month: The month.
            force: Also load what the guards refuse: an older export, an export that removes too many rows, a file with
                too many records that are rejected or of another month.
        """
        place = self._place
        if not place.retained(month):
            raise PermanentError(not_retained(month))
        with place.locked(f"{record_type}-{month}"):
            landed = place.archive.landed_of(place.vendor_name(record_type), record_type, month)
            manifest = max(landed, key=by_age, default=None)
            if manifest is None:
                raise PermanentError(f"No export of {record_type} {month} has landed; materialize its file first.")
            if self._ledger.loaded(record_type).get(str(month)) == manifest.export_id:
                return Loaded(manifest.export_id, None)
            with place.slot("load", SIMULTANEOUS_LOADS):
                return self._replacer.replace(manifest, force=force)


def _comparison_columns(table: Table) -> ComparisonColumns:
    seconds = "duration_seconds" if "duration_seconds" in table.control else None
    return ComparisonColumns(table.timestamp, table.natural_key, table.fallback_key, seconds, table.money)
