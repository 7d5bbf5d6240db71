"""Metadata that the UI shows of requests, landings and loads."""

import csv
import json
from typing import Any

import dagster as dg

from pipeline.defs import catalogue, plots
from pipeline.defs.relations import headers, of_file
from pipeline.export.exactly_once import Requested
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.operations.load import Loaded
from pipeline.operations.wiring import Operations
from pipeline.warehouse.lineage import Origin
from pipeline.warehouse.preview import Viewer
from pipeline.warehouse.records import KnownExport


def of_requesting(requested: Requested) -> dict[str, Any]:
    """Return the export that serves a month."""
    export, asked = requested.export, requested.request
    return {
        "export_id": export.id,
        "created now": requested.created,
        "status": export.vendor_status,
        "window": f"{asked.start:%Y-%m-%d %H:%M:%S} to {asked.end:%Y-%m-%d %H:%M:%S} UTC, end excluded",
        "reference": export.reference or "",
        "api_version": export.api_version,
    }


def of_landing(operations: Operations, manifest: Manifest) -> dict[str, Any]:
    """Return the file as served: its path, size, checksum and columns."""
    table = operations.place.tables[manifest.record_type]
    path = operations.place.archive.file(
        manifest.vendor, manifest.record_type, Month.parse(manifest.month), manifest.export_id
    )
    return {
        "export_id": manifest.export_id,
        "path": dg.MetadataValue.path(str(path)),
        "bytes": manifest.bytes,
        "text_bytes": manifest.text_bytes,
        "sha256": manifest.sha256,
        **({"cannot be read": manifest.unread} if manifest.unread else {}),
        "dagster/column_schema": of_file(table, _cells(manifest, table.delimiter)),
    }


def export_of(operations: Operations, loaded: Loaded) -> KnownExport:
    """Return what is known of the export that a month holds."""
    return next(export for export in operations.ledger.exports() if export.export_id == loaded.export_id)


def of_loading(operations: Operations, loaded: Loaded) -> dict[str, Any]:
    """Return what the month holds, loaded now or before: the export's totals, its rows, and what changed."""
    export = export_of(operations, loaded)
    return {
        "export_id": loaded.export_id,
        "changed": loaded.converted is not None,
        "rows in the file": json.loads(export.control_totals or "{}").get("rows", 0),
        "rows rejected": export.rejected_rows or 0,
        "rows outside the month": export.outside_month_rows or 0,
        **_left_out(loaded),
        **_first_and_last(loaded),
        **_difference_metadata(loaded),
        **_of_month(operations, export),
    }


def _of_month(operations: Operations, export: KnownExport) -> dict[str, Any]:
    """Return a preview of the month in the lake, the origins of its columns in the file, and a chart by day."""
    record_type, month = export.record_type, export.month
    table = operations.place.tables[record_type]
    spec = catalogue.preview_spec(operations.settings, table, operations.place.personal[record_type])
    with Viewer(operations.place.lake) as viewer:
        found = viewer.preview(record_type, month, spec, table.schema)
        days = viewer.days(record_type, month, table.schema, table.timestamp)
    return {
        **catalogue.of_preview(found),
        **catalogue.lineage_metadata(_origins(operations, export)),
        "traffic": dg.MetadataValue.md(plots.traffic(Month.parse(month), days)),
    }


def _origins(operations: Operations, export: KnownExport) -> dict[str, list[Origin]]:
    """Map each column to its column of the vendor's file; columns that the pipeline adds have no origin."""
    table = operations.place.tables[export.record_type]
    known = headers(table)
    manifest = operations.place.archive.manifest(operations.settings.cdr_data_dir / (export.file or ""))
    found: dict[str, list[Origin]] = {name: [] for name in table.schema.names}
    for cell in _cells(manifest, table.delimiter) if manifest else known:
        found[known.get(cell, "extra")].append((f"{export.record_type}.file", cell))
    return found


def _cells(manifest: Manifest, delimiter: str) -> list[str]:
    return next(csv.reader([manifest.header.lstrip("\ufeff")], delimiter=delimiter), [])


def _first_and_last(loaded: Loaded) -> dict[str, Any]:
    converted = loaded.converted
    return {"first row": str(converted.first_start), "last row": str(converted.last_start)} if converted else {}


def _left_out(loaded: Loaded) -> dict[str, Any]:
    left = loaded.converted.left_out if loaded.converted else 0
    return {"rows left to other months": left} if left else {}


def _difference_metadata(loaded: Loaded) -> dict[str, Any]:
    """Return what changed against the export before; no entry for the first export."""
    if loaded.previous is None:
        return {}
    days = loaded.differences
    return {
        "export before": loaded.previous,
        "days that differ": ", ".join(str(day.day) for day in days) or "none",
        "rows added": sum(day.rows_added for day in days),
        "rows gone": sum(day.rows_gone for day in days),
        "rows changed": sum(day.rows_changed for day in days),
    }
