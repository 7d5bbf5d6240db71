"""Asset checks of a single month: whether it is complete, and whether it may be lost."""

import json

import dagster as dg

from pipeline.dataset import Companion
from pipeline.operations.wiring import Operations
from pipeline.warehouse.coverage import ERROR_DAYS, WARN_DAYS, at_risk
from pipeline.warehouse.records import KnownExport

MonthPartitions = dg.PartitionsDefinition[str]


def on_load(record_type: str, months: MonthPartitions) -> list[dg.AssetCheckSpec]:
    """Return the checks that each load of a month answers."""
    about = {
        "control_totals": "Rows, seconds and money of the file = those loaded + those rejected, to the last digit.",
        "nothing_rejected": "Every record of the file could be typed.",
        "inside_the_month": "Every loaded row lies in its month.",
        "as_served": "Every cell holds what was served: no zero date, no price with more decimals than are kept.",
        "known_columns": "The file has no column that the schema does not know.",
        "kept_out": "The vendor kept no record out of the file, neither as possibly malicious nor as failed.",
        "vendor_count": "The file holds as many records as the vendor counted, if the vendor tells a number.",
    }
    return [
        dg.AssetCheckSpec(name, asset=dg.AssetKey([record_type]), description=text, partitions_def=months)
        for name, text in about.items()
    ]


def of_load(export: KnownExport) -> list[dg.AssetCheckResult]:
    """Answer the checks of ``on_load`` from what the load recorded.

    Totals that differ stop the load, so here they only stand side by side.
    """
    file = json.loads(export.control_totals or "{}")
    loaded = {"rows": export.rows, "duration_seconds": export.duration_seconds, "cost_usd": str(export.cost_usd)}
    balanced = file.get("rows") == (export.rows or 0) + (export.rejected_rows or 0)
    counted, unknown = export.counted_of_month, json.loads(export.unknown_amounts or "{}")
    return [
        dg.AssetCheckResult(
            check_name="control_totals",
            passed=balanced and counted in (None, file.get("rows")),
            metadata={
                "in the file": file,
                "loaded": loaded,
                "rejected rows": export.rejected_rows,
                "counted in the bytes": "not noted" if counted is None else counted,
                "amounts unknown, in no sum": unknown,
            },
        ),
        _none_of("nothing_rejected", export.rejected_rows or 0),
        _none_of("inside_the_month", export.outside_month_rows or 0),
        dg.AssetCheckResult(
            check_name="as_served",
            passed=export.altered_cells in (None, "{}"),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"cells by column": json.loads(export.altered_cells or "{}")},
        ),
        dg.AssetCheckResult(
            check_name="known_columns",
            passed=not export.unknown_columns,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"columns": export.unknown_columns or "none"},
        ),
        _kept_out(export),
        _as_counted(export),
    ]


def _kept_out(export: KnownExport) -> dg.AssetCheckResult:
    """Check that the vendor has no record in the companion files."""
    counts = {Companion.SANITIZED: export.sanitized_records, Companion.ERRORS: export.failed_records}
    found = {name: counts[Companion(name)] for name in json.loads(export.companions or "{}")}
    return dg.AssetCheckResult(
        check_name="kept_out",
        passed=not any(count != 0 for count in found.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={name: "a file that cannot be read" if count is None else count for name, count in found.items()},
    )


def _none_of(name: str, rows: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name, passed=rows == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"rows": rows}
    )


def _as_counted(export: KnownExport) -> dg.AssetCheckResult:
    """Check that the file holds as many records as the vendor counted; without a count there is no difference.

    This only warns. Three vendors tell a number, and only one documents what it counts.
    """
    counted = export.records_told
    held = (export.rows or 0) + (export.rejected_rows or 0) + (export.left_out_rows or 0)
    held -= export.sanitized_records or 0  # these are in another file
    kept_out = export.sanitized_records or 0, export.failed_records or 0
    alike = {
        held,
        held + kept_out[0],
        held + kept_out[1],
        held + sum(kept_out),
    }  # no document says which
    vendor = "The vendor tells no number of records" if counted is None else f"The vendor counted {counted} records"
    return dg.AssetCheckResult(
        check_name="vendor_count",
        passed=counted in {None, *alike},
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{vendor}, the file holds {held}.",
        metadata={"the vendor counted": "not told" if counted is None else counted, "the file holds": held},
    )


def deadline(operations: Operations, record_type: str, months: MonthPartitions) -> dg.AssetChecksDefinition:
    """Return a check that the month is sealed, or that the vendor will keep it long enough.

    Args:
        operations: The operations of the installation.
        record_type: The table whose months are checked.
        months: The partitions.
    """

    @dg.asset_check(
        asset=dg.AssetKey([record_type]),
        name="deadline",
        partitions_def=months,
        description=f"Sealed, or more than {WARN_DAYS} days left at the vendor; an error from {ERROR_DAYS} days on.",
    )
    def check_deadline(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        return at_deadline(operations, record_type, context.partition_key)

    return check_deadline


def at_deadline(operations: Operations, record_type: str, month: str) -> dg.AssetCheckResult:
    """Return whether a month is sealed, or far enough from the day on which the vendor forgets it.

    Args:
        operations: The operations of the installation.
        record_type: The dataset.
        month: The month, such as 2026-10.
    """
    row = next(row for row in operations.ledger.coverage() if (row.record_type, row.month) == (record_type, month))
    level = at_risk(row)
    return dg.AssetCheckResult(
        check_name="deadline",
        passed=level is None,
        severity=dg.AssetCheckSeverity.ERROR if level == "error" else dg.AssetCheckSeverity.WARN,
        metadata={"state": row.state, "days left": row.days_left},
    )
