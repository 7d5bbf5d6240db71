"""One asset per file of ``sql/staging`` and ``sql/marts``, launched for every month that changed."""

from typing import Any

import dagster as dg

from pipeline.defs import catalogue, plots
from pipeline.defs.checks import readers
from pipeline.defs.outcome import told
from pipeline.defs.published import WAREHOUSE, published
from pipeline.defs.relations import OWNERS, key_of, of_query, upstream
from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.settings import Settings
from pipeline.warehouse.preview import Viewer
from pipeline.warehouse.queries import Query, load, models

# eager() alone looks at the latest month only, and waits for record types that are not kept
EVERY_MONTH = (
    dg.AutomationCondition.eager()
    .without(dg.AutomationCondition.in_latest_time_window())
    .without(~dg.AutomationCondition.any_deps_missing())
)


def marts(operations: Operations, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of staging, marts and the published warehouse; their dependencies are read from the SQL."""
    reading = readers(load("checks"))
    built = [_mart(operations, query, months, reading.get(query.name, [])) for query in models()]
    return [*built, published(operations)]


def _mart(
    operations: Operations, query: Query, months: dg.PartitionsDefinition[str], checks: list[str]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(query.name),
        deps=upstream(query, operations.place.datasets),
        partitions_def=months,
        group_name=query.schema,
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=_condition(query),
        metadata={
            "dagster/column_schema": of_query(query),
            "dagster/table_name": query.name,
            "checked by": ", ".join(checks) or "nothing",
        },
        description=f"{query.about}\n\n```sql\n{query.written}\n```",
    )
    def mart(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with told(context), Viewer(operations.place.lake) as viewer, operations.publisher.builder() as builder:
            failed = []
            for key in context.partition_keys:
                try:
                    told_of: dict[str, Any] = {"changed": operations.publisher.build(query, Month.parse(key), builder)}
                except PermanentError as error:
                    failed.append(str(error))
                    context.log.error("%s", error)  # noqa: TRY400 - the sentence is all there is to see
                    told_of = {"failed": str(error)}
                shown = of_month(viewer, query, key, operations.settings)
                lineage = catalogue.of_lineage(query) if shown else {}
                context.add_asset_metadata({**told_of, **shown, **lineage}, partition_key=key)
        if failed and not _publishes(context.run):
            raise dg.Failure(" ".join(failed), allow_retries=False)
        return dg.MaterializeResult()

    return mart


def _publishes(run: dg.DagsterRun) -> bool:
    """Return whether the run publishes: then the publishing step fails at the end, and names the failed marts."""
    return not run.asset_selection or WAREHOUSE in run.asset_selection


def _condition(query: Query) -> dg.AutomationCondition[dg.AssetKey]:
    """Return when to build a mart: after its inputs of the same month, and of the month before if it reads that."""
    if not query.before:
        made = [key_of(name) for name in query.reads if name.startswith(("staging.", "marts."))]
        missing = dg.AutomationCondition.any_deps_missing().allow(dg.AssetSelection.assets(*made))
        return EVERY_MONTH & ~missing if made else EVERY_MONTH
    before = dg.AssetSelection.assets(*map(key_of, query.before))
    # another run builds the month before, and may end after this one
    is_due = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.will_be_requested()).allow(before)
    return EVERY_MONTH & ~is_due & ~dg.AutomationCondition.any_deps_missing().ignore(before)


def of_month(viewer: Viewer, query: Query, key: str, settings: Settings) -> dict[str, Any]:
    """Return the metadata of a month of a mart; empty for a month without rows.

    Args:
        viewer: Reads the lake.
        query: The mart.
        key: The month, such as 2026-10.
        settings: The settings, which say how many digits of a number are shown.
    """
    found = viewer.preview(query.name, key, catalogue.preview_spec(settings))
    if found is None:
        return {}
    shown = catalogue.of_preview(found)
    if {"day", "direction", "calls"} <= set(found.first.names):
        shown["traffic"] = dg.MetadataValue.md(plots.traffic(Month.parse(key), viewer.traffic(query.name, key)))
    return shown
