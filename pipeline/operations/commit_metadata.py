"""The metadata of a load's commit, its source and its changes: the loader writes it, the ledger reads it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from pipeline.landing.manifests import Manifest
from pipeline.normalise.convert import Converted
from pipeline.normalise.totals import Totals
from pipeline.warehouse.differences import Difference
from pipeline.warehouse.records import Revision, Total


def commit_metadata(
    manifest: Manifest,
    converted: Converted,
    money: str | None,
    previous: str | None = None,
    differences: Sequence[Difference] = (),
) -> dict[str, object]:
    """Return the metadata of a load's commit.

    Args:
        manifest: The file that is loaded.
        converted: Its rows, totals and rejected records.
        money: The column of a row's total cost; None for a table without costs.
        previous: The export id that the month held before.
        differences: The days on which the two differ.
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


def loading(commit: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the columns of ``exports`` that the commit of a load provides; empty without a load."""
    if commit is None:
        return {}
    names = ("rows", "rejected_rows", "outside_month_rows", "unknown_columns", "duration_seconds", "control_totals")
    return {
        "loaded_at": commit["committed_at"],
        "cost_usd": None if commit["cost_usd"] is None else Total(Decimal(commit["cost_usd"])),
        **{name: commit[name] for name in names},
        # early releases did not write these
        **{name: commit.get(name) for name in _LATER},
    }


def revisions(record_type: str, commit: Mapping[str, Any]) -> list[Revision]:
    """Return the days on which a load differed from the export that it replaced."""
    return [
        Revision(
            record_type=record_type,
            month=commit["month"],
            export_id=commit["export_id"],
            previous_export_id=commit["previous_export_id"],
            loaded_at=commit["committed_at"],
            **{**day, "day": date.fromisoformat(day["day"]), "usd_more": Total(Decimal(day["usd_more"]))},
        )
        for day in commit["differences"]
    ]


_LATER = (
    "left_out_rows", "rejected_totals", "counted_records", "replaced_rows", "unknown_amounts", "altered_cells",
    "sanitized_records", "failed_records",
)  # fmt: skip


def _json(totals: Totals) -> str:
    return json.dumps({"rows": totals.rows, **{name: f"{amount:f}" for name, amount in totals.sums.items()}})
