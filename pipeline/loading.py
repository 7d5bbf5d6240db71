"""From a landed file to a committed month: convert, compare with what was there, commit with a note of it all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.erasing import Eraser
from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.notes import Manifest
from pipeline.ledger import note
from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.schema import REJECTED
from pipeline.normalise.sink import all_or_none
from pipeline.normalise.table import Table
from pipeline.warehouse.differences import Difference, Marks, compare, rows_lost
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
    """Replaces months of the lake; ``max_shrink`` is the share of a month's rows that may vanish unasked.

    What was erased does not come back: the ``eraser`` goes over each file before it is read.
    """

    def __init__(
        self,
        archive: Archive,
        lake: Lake,
        tables: Mapping[str, Table],
        max_shrink: float,
        eraser: Eraser | None = None,
    ) -> None:
        self._archive = archive
        self._lake = lake
        self._tables = tables
        self._max_shrink = max_shrink
        self._eraser = eraser

    def replace(self, manifest: Manifest, *, force: bool) -> Loaded:
        """Make the month hold exactly what the manifest's file does; the caller holds the month's lock."""
        if self._eraser:
            manifest = self._eraser.cleanse(manifest)
        record_type, month, export_id = manifest.record_type, manifest.month, manifest.export_id
        table = self._tables[record_type]
        file = self._archive.file(manifest.vendor, record_type, Month.parse(month), export_id)
        rows = self._lake.new_file(record_type, month, export_id)
        rejects = self._lake.new_file(rejected_table(record_type), month, export_id)
        origin = Origin(record_type, Month.parse(month), export_id)
        with all_or_none() as made:
            converted = convert(file, origin, table, rows, rejects)
            made += [*converted.files, rejects]
            loaded = self._compared(manifest, converted)
            if not force:
                self._guard(manifest, loaded)
        said = note(manifest, converted, table.money, loaded.previous, loaded.differences)
        self._lake.replace_month(rejected_table(record_type), month, [rejects], REJECTED, said)
        expected = Expected(converted.loaded.rows, converted.loaded.sums)
        self._lake.replace_month(record_type, month, converted.files, table.schema, said, expected)
        return loaded

    def _compared(self, manifest: Manifest, converted: Converted) -> Loaded:
        """What the load brings, beside the export that it replaces where that is an earlier one."""
        record_type, month = manifest.record_type, manifest.month
        previous = self._lake.stems(record_type).get(month)
        if previous is None or not self._is_earlier(previous, manifest):
            return Loaded(manifest.export_id, converted)
        before = self._lake.files(record_type)[month]
        if not all(file.exists() for file in before):  # set aside, or lost: there is nothing to compare with
            return Loaded(manifest.export_id, converted)
        found = compare(before, converted.files, _marks(self._tables[record_type]), self._lake.root / ".duckdb")
        return Loaded(manifest.export_id, converted, previous, found)

    def _is_earlier(self, export_id: str, than: Manifest) -> bool:
        path = self._archive.file(than.vendor, than.record_type, Month.parse(than.month), export_id)
        manifest = self._archive.manifest(path)
        return manifest is not None and manifest.created_at < than.created_at

    def _guard(self, manifest: Manifest, loaded: Loaded) -> None:
        after = loaded.converted.loaded.rows if loaded.converted else 0
        lost = rows_lost(loaded.differences)
        if lost > self._max_shrink * (after + lost):
            raise PermanentError(
                f"{manifest.record_type} {manifest.month}: export {manifest.export_id} has {lost} rows fewer than the "
                f"{after + lost} that are loaded, so nothing was replaced and its file is kept; if that is right, "
                "load it with `cdr backfill --force`, or with `force` in the UI."
            )


def _marks(table: Table) -> Marks:
    seconds = "duration_seconds" if "duration_seconds" in table.control else None
    return Marks(table.instant, table.identity, table.otherwise, seconds, table.money)
