"""What is known of every export: what was asked for, what landed, and what the lake's log says was loaded."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.export.protocol import Export
from pipeline.landing.archive import Archive
from pipeline.landing.notes import AskedFor, Manifest
from pipeline.months import Month
from pipeline.normalise.convert import Converted
from pipeline.normalise.totals import Totals
from pipeline.warehouse.coverage import State
from pipeline.warehouse.differences import Difference
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, Revision, Total


def asked_for(vendor: str, export: Export, record_type: str, month: Month) -> AskedFor:
    """What is noted of an export that serves a request of ours."""
    return AskedFor(
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


def note(
    manifest: Manifest,
    converted: Converted,
    money: str | None,
    previous: str | None = None,
    differences: Sequence[Difference] = (),
) -> dict[str, object]:
    """What a load's commit says of its source, and of what it changed; the functions below read it back.

    ``money`` is the column of what a row cost in all, if there is one.
    """
    loaded = converted.loaded
    return {
        "export_id": manifest.export_id,
        "month": manifest.month,
        "created_at": manifest.created_at.isoformat(),
        "sha256": manifest.checksum,
        "rows": loaded.rows,
        "rejected_rows": converted.rejected.rows,
        "outside_month_rows": converted.outside_month,
        "left_out_rows": converted.left_out,
        "counted_records": converted.counted,
        "replaced_rows": converted.replaced,
        "sanitized_records": converted.sanitized,
        "failed_records": converted.failed,
        "unknown_columns": ", ".join(converted.extras),
        "altered_cells": json.dumps(converted.altered),
        "duration_seconds": int(loaded.sums["duration_seconds"]) if "duration_seconds" in loaded.sums else None,
        "cost_usd": loaded.sums[money] if money else None,
        "control_totals": _json(converted.text),
        "rejected_totals": _json(converted.rejected),
        "unknown_amounts": json.dumps(dict(converted.rejected.unknown)),
        "previous_export_id": previous,
        "differences": [asdict(difference) for difference in differences],
    }


def _json(totals: Totals) -> str:
    return json.dumps({"rows": totals.rows, **{name: f"{amount:f}" for name, amount in totals.sums.items()}})


def control_totals(exports: Iterable[KnownExport]) -> list[ControlTotal]:
    """Every control total of every export that was loaded."""
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


def with_expired(
    rows: Iterable[Coverage], exports: Iterable[KnownExport], expired: Callable[[Month], bool]
) -> list[Coverage]:
    """The coverage, where a month is expired if it may not be kept, or if its file was deleted although it landed."""
    gone = {(one.record_type, one.month) for one in exports if one.landed_at and one.file is None}
    return [
        replace(row, state=State.EXPIRED.value)
        if (row.record_type, row.month) in gone or expired(Month.parse(row.month))
        else row
        for row in rows
    ]


def known_differences(lake: Lake, record_types: Iterable[str]) -> list[Revision]:
    """Every day on which a re-export differed from the export that it replaced, as far as the lake's log goes."""
    return [
        Revision(
            record_type=record_type,
            month=load["month"],
            export_id=load["export_id"],
            previous_export_id=load["previous_export_id"],
            loaded_at=load["committed_at"],
            **{**day, "day": date.fromisoformat(day["day"]), "usd_more": Total(Decimal(day["usd_more"]))},
        )
        for record_type in record_types
        for load in lake.commit_metadata(record_type)
        for day in load["differences"]
    ]


def known_exports(
    archive: Archive, lake: Lake, record_types: Iterable[str], data: Path, until: datetime | None = None
) -> list[KnownExport]:
    """Every export that was asked for or landed, ``until`` an instant if one is given, in the order of creation."""
    landed = {one.export_id: one for one in archive.landed() if until is None or one.landed_at <= until}
    asked: dict[str, AskedFor] = {
        one.export_id: one for one in archive.asked() if until is None or one.created_at <= until
    } | landed
    loads = {str(load["export_id"]): load for name in record_types for load in lake.commit_metadata(name)}
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
            **_landing(archive, landed.get(one.export_id), data),
            **_loading(loads.get(one.export_id)),
        )
        for one in asked.values()
    ]
    return sorted(known, key=lambda export: export.created_at)


def _landing(archive: Archive, manifest: Manifest | None, data: Path) -> dict[str, Any]:
    if manifest is None:
        return {}
    file = archive.file(manifest.vendor, manifest.record_type, Month.parse(manifest.month), manifest.export_id)
    return {
        "landed_at": manifest.landed_at,
        "file": None if manifest.expired else str(file.relative_to(data)),
        "bytes": manifest.bytes,
        "sha256": manifest.sha256,
        "records_told": manifest.records_told,
        "companions": json.dumps(dict(manifest.companions)) if manifest.companions else None,
    }


_LATER = (
    "left_out_rows", "rejected_totals", "counted_records", "replaced_rows", "unknown_amounts", "altered_cells",
    "sanitized_records", "failed_records",
)  # fmt: skip


def _loading(load: Mapping[str, Any] | None) -> dict[str, Any]:
    if load is None:
        return {}
    names = ("rows", "rejected_rows", "outside_month_rows", "unknown_columns", "duration_seconds", "control_totals")
    return {
        "loaded_at": load["committed_at"],
        "cost_usd": None if load["cost_usd"] is None else Total(Decimal(load["cost_usd"])),
        **{name: load[name] for name in names},
        # the first loads did not note these
        **{name: load.get(name) for name in _LATER},
    }
