"""From a landed file to a committed month: convert, compare with what was there, commit with a note of it all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

from pipeline.dataset import Companion
from pipeline.erasing import Eraser
from pipeline.errors import PermanentError
from pipeline.guards import Guards, Known
from pipeline.landing.archive import Archive
from pipeline.landing.notes import Manifest
from pipeline.ledger import note
from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.schema import REJECTED
from pipeline.normalise.sink import all_or_none
from pipeline.normalise.table import Table
from pipeline.warehouse.differences import ComparisonColumns, Difference, compare, rows_lost
from pipeline.warehouse.lake import Lake, rejected_table
from pipeline.warehouse.readback import Expected


@dataclass(frozen=True)
class Loaded:
    """The export that a month now holds; ``converted`` is None where it was loaded before.

    ``differences`` are the days on which it differs from ``previous``, the export that it replaced.
    """

    export_id: str
    converted: Converted | None
    previous: str | None = None
    differences: Sequence[Difference] = field(default_factory=list)


class Loader:
    """Replaces months of the lake, unless the ``guards`` forbid it.

    What was erased does not come back: the ``eraser`` goes over each file before it is read.
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
        """Make the month hold exactly what the manifest's file does; the caller holds the month's lock."""
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
        with all_or_none() as made:
            converted = convert(file, origin, table, rows, rejects, companions=self._companions(manifest))
            made += [*converted.files, rejects]
            if not force:
                self._guards.check_records(manifest, converted, rejects, table)
            loaded = self._compared(manifest, converted, previous)
            if not force:
                self._guards.check_shrink(manifest, converted.loaded.rows, rows_lost(loaded.differences))
        said = note(manifest, converted, table.money, loaded.previous, loaded.differences)
        self._lake.replace_month(rejected_table(record_type), month, [rejects], REJECTED, said)
        expected = Expected(converted.loaded.rows, converted.loaded.sums)
        self._lake.replace_month(record_type, month, converted.files, table.schema, said, expected)
        return loaded

    def _companions(self, manifest: Manifest) -> dict[Companion, Path]:
        """The files beside the manifest's that can be read."""
        names = [Companion(name) for name, line in manifest.companions.items() if not line["unread"]]
        found = {name: self._archive.file_of(manifest, name) for name in names}
        if gone := [file.name for file in found.values() if not file.exists()]:
            raise PermanentError(f"{gone[0]} is missing, so nothing was loaded; restore it from a backup.")
        return found

    def _previous(self, manifest: Manifest) -> Known | None:
        """The export that the month holds, unless it is this one, and when it was created.

        The notes of the archive say when, or where they are gone the lake's own; those of earlier loads do not.
        """
        export_id = self._lake.version_keys(manifest.record_type).get(manifest.month)
        if export_id in (None, manifest.export_id):
            return None
        landed = self._archive.landed_of(manifest.vendor, manifest.record_type, Month.parse(manifest.month))
        noted = chain(landed, self._archive.asked_among(manifest.vendor, {export_id}))
        if found := next((one for one in noted if one.export_id == export_id), None):
            return Known(export_id, found.created_at)
        loads = (one for one in self._lake.commit_metadata(manifest.record_type) if one["export_id"] == export_id)
        created_at = next((load["created_at"] for load in loads if "created_at" in load), None)
        return Known(export_id, datetime.fromisoformat(created_at) if created_at else None)

    def _compared(self, manifest: Manifest, converted: Converted, previous: Known | None) -> Loaded:
        """What the load brings, beside the export that it replaces unless that is a later one."""
        record_type, month = manifest.record_type, manifest.month
        if previous is None or previous.is_later_than(manifest):
            return Loaded(manifest.export_id, converted)
        before = self._lake.files(record_type)[month]
        if not all(file.exists() for file in before):  # set aside, or lost: there is nothing to compare with
            return Loaded(manifest.export_id, converted)
        found = compare(
            before, converted.files, _comparison_columns(self._tables[record_type]), self._lake.root / ".duckdb"
        )
        return Loaded(manifest.export_id, converted, previous.export_id, found)


def _comparison_columns(table: Table) -> ComparisonColumns:
    seconds = "duration_seconds" if "duration_seconds" in table.control else None
    return ComparisonColumns(table.instant, table.identity, table.otherwise, seconds, table.money)
