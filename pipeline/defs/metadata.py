"""What the UI shows of asking, landing and loading."""

from decimal import Decimal
from typing import Any

import dagster as dg

from pipeline.export.asking import Asked
from pipeline.journey import Journey
from pipeline.landing.archive import Manifest
from pipeline.loading import Loaded
from pipeline.months import Month


def of_asking(asked: Asked) -> dict[str, Any]:
    """The export that serves a month."""
    export = asked.export
    return {
        "export_id": export.id,
        "created now": asked.created,
        "status": export.said,
        "window": f"{asked.request.start:%Y-%m-%d %H:%M:%S} to {asked.request.end:%Y-%m-%d %H:%M:%S} UTC, end excluded",
        "reference": export.reference or "",
        "api_version": export.api_version,
    }


def of_landing(journey: Journey, manifest: Manifest) -> dict[str, Any]:
    """The file as served."""
    path = journey.archive.file(manifest.vendor, manifest.record_type, Month.parse(manifest.month), manifest.export_id)
    return {
        "export_id": manifest.export_id,
        "path": dg.MetadataValue.path(str(path)),
        "bytes": manifest.bytes,
        "text_bytes": manifest.text_bytes,
        "sha256": manifest.sha256,
    }


def of_loading(loaded: Loaded) -> dict[str, Any]:
    """What was loaded of it, with its control totals, and what changed."""
    converted = loaded.converted
    if converted is None:
        return {"export_id": loaded.export_id, "changed": False}
    return {
        "export_id": loaded.export_id,
        "changed": True,
        "dagster/partition_row_count": converted.loaded.rows,
        "rows in the file": converted.text.rows,
        "rows rejected": converted.rejected.rows,
        "rows outside the month": converted.outside_month,
        **{name: _amount(name, amount) for name, amount in converted.loaded.sums.items()},
        "first call": str(converted.first_start),
        "last call": str(converted.last_start),
        **_difference_metadata(loaded),
    }


def _difference_metadata(loaded: Loaded) -> dict[str, Any]:
    """What changed against the export before, if there was one."""
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


def _amount(name: str, amount: Decimal) -> int | str:
    """Seconds as a number, which Dagster plots; money as text, which it cannot round."""
    return int(amount) if name.endswith("_seconds") else f"{amount:f}"
