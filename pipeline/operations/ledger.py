"""Read the archive and the lake's log: every export, what was landed and loaded, and the coverage of each month."""

import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from pipeline.export.protocol import Export
from pipeline.landing.manifests import Manifest, RequestedExport
from pipeline.months import Month, month_range
from pipeline.operations.commit_metadata import loading, revisions
from pipeline.operations.installation import Installation
from pipeline.operations.vendors import months_kept
from pipeline.warehouse.coverage import State, cover
from pipeline.warehouse.lake import rejected_table
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, Revision, Total


class Ledger:
    """Answers what is known of exports and months; it keeps no state of its own."""

    def __init__(self, place: Installation) -> None:
        self._place = place

    @cached_property
    def months_kept(self) -> dict[str, int | None]:
        """How many months the vendor of each dataset keeps, with the running one; None where it keeps all."""
        return {name: months_kept(dataset.vendor) for name, dataset in self._place.datasets.items()}

    def loaded(self, record_type: str) -> dict[str, str]:
        """Return the export that each month of the lake holds; half loaded months are left out."""
        lake = self._place.lake
        rejected = lake.version_keys(rejected_table(record_type))
        return {month: one for month, one in lake.version_keys(record_type).items() if rejected.get(month) == one}

    def half_loaded(self, record_type: str) -> dict[str, set[str]]:
        """Return the exports of each month whose two tables disagree, because a kill or power cut ended a load."""
        lake, loaded = self._place.lake, self.loaded(record_type)
        both = lake.version_keys(record_type), lake.version_keys(rejected_table(record_type))
        found = {month: {stems[month] for stems in both if month in stems} for month in {*both[0], *both[1]}}
        return {month: ids for month, ids in sorted(found.items()) if loaded.get(month) not in ids}

    def months(self) -> list[Month]:
        """Return every month that the lake holds something for."""
        names = self._place.schemas
        return sorted({Month.parse(month) for name in names for month in self._place.lake.version_keys(name)})

    def landed(self) -> list[Manifest]:
        """Return what landed and has not expired, of the configured datasets: how to read others is unknown."""
        place = self._place
        return [one for one in place.archive.landed() if one.record_type in place.tables and not one.expired]

    def unread(self) -> str:
        """Return the datasets that have landed files and are not configured now: how to read them is unknown."""
        landed = {one.record_type for one in self._place.archive.landed() if not one.expired}
        return ", ".join(sorted(landed - self._place.tables.keys()))

    def exports(self) -> list[KnownExport]:
        """Return every export that was requested or landed here, in the order of creation."""
        place, until = self._place, self._place.as_of
        landed = {one.export_id: one for one in place.archive.landed() if until is None or one.landed_at <= until}
        requested: dict[str, RequestedExport] = {
            one.export_id: one for one in place.archive.requested() if until is None or one.created_at <= until
        } | landed
        commits = {str(one["export_id"]): one for name in place.schemas for one in place.lake.commit_metadata(name)}
        known = [
            KnownExport(
                record_type=one.record_type,
                month=one.month,
                export_id=one.export_id,
                reference=one.reference,
                window_start=one.window_start,
                window_end=one.window_end,
                created_at=one.created_at,
                filters=json.dumps(dict(one.filters)),
                api_version=one.api_version,
                **self._landing(landed.get(one.export_id)),
                **loading(commits.get(one.export_id)),
            )
            for one in requested.values()
        ]
        return sorted(known, key=lambda export: export.created_at)

    def _landing(self, manifest: Manifest | None) -> dict[str, Any]:
        if manifest is None:
            return {}
        file = self._place.archive.file_of(manifest)
        return {
            "landed_at": manifest.landed_at,
            "file": None if manifest.expired else str(file.relative_to(self._place.data)),
            "bytes": manifest.bytes,
            "sha256": manifest.sha256,
            "records_told": manifest.records_told,
            "companions": json.dumps(dict(manifest.companions)) if manifest.companions else None,
        }

    def coverage(self, exports: Iterable[KnownExport] | None = None) -> list[Coverage]:
        """Return one row per dataset and month, from the first month to the running one.

        Args:
            exports: The result of ``exports``; None reads it again.
        """
        known = by_partition(self.exports() if exports is None else exports)
        months = month_range(self._place.first_month(), Month.of(self._place.clock()))
        return [
            self.covered(name, month, known.get((name, month), [])) for name in self.months_kept for month in months
        ]

    def covered(self, record_type: str, month: Month, exports: list[KnownExport]) -> Coverage:
        """Return the coverage of one month; it is expired if it may not be kept, or if its landed file was deleted.

        Args:
            record_type: The dataset.
            month: The month.
            exports: Every known export of the month.
        """
        row = cover(record_type, month, exports, self._place.clock(), self.months_kept[record_type])
        gone = any(one.landed_at and one.file is None for one in exports)
        return replace(row, state=State.EXPIRED.value) if gone or not self._place.retained(month) else row

    def differences(self) -> list[Revision]:
        """Return every day on which an export differed from the one it replaced, as far back as the lake's log goes."""
        commits = ((name, one) for name in self._place.schemas for one in self._place.lake.commit_metadata(name))
        return [day for name, commit in commits for day in revisions(name, commit)]


def by_partition(exports: Iterable[KnownExport]) -> dict[tuple[str, Month], list[KnownExport]]:
    """Return the exports of each dataset and month, in their given order."""
    found: dict[tuple[str, Month], list[KnownExport]] = {}
    for one in exports:
        found.setdefault((one.record_type, Month.parse(one.month)), []).append(one)
    return found


def requested_export(vendor: str, export: Export, record_type: str, month: Month) -> RequestedExport:
    """Return the archive's note of an export that serves one of our requests.

    Args:
        vendor: The vendor's name.
        export: The export.
        record_type: The dataset.
        month: The month that was requested.
    """
    return RequestedExport(
        vendor=vendor,
        record_type=record_type,
        month=str(month),
        export_id=export.id,
        reference=export.reference or "",
        window_start=export.start or month.start,
        window_end=export.end or month.end,
        created_at=export.created_at,
        filters=export.filters,
        api_version=export.api_version,
    )


def control_totals(exports: Iterable[KnownExport]) -> list[ControlTotal]:
    """Return every control total of every export that was loaded."""
    return [
        ControlTotal(
            record_type=export.record_type,
            month=export.month,
            export_id=export.export_id,
            name=name,
            amount=Total(Decimal(amount)),
            rejected=Total(Decimal(rejected.get(name, 0))),
            counted=export.counted_of_month if name == "rows" else None,
            unknown=unknown.get(name),
        )
        for export in exports
        for rejected in [json.loads(export.rejected_totals or "{}")]
        for unknown in [json.loads(export.unknown_amounts or "{}")]
        for name, amount in json.loads(export.control_totals or "{}").items()
    ]
