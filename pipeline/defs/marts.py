"""One asset per file of ``sql/``, launched for every month that changed, and the published file behind them all."""

from collections.abc import Collection, Mapping

import dagster as dg

from pipeline.defs.lanes import OWNERS
from pipeline.defs.outcome import RETRY, told
from pipeline.journey import Journey
from pipeline.months import Month
from pipeline.warehouse.marts import column_types
from pipeline.warehouse.queries import Query, models

# eager() alone looks at the latest month only, and waits for record types that are not kept
EVERY_MONTH = (
    dg.AutomationCondition.eager()
    .without(dg.AutomationCondition.in_latest_time_window())
    .without(~dg.AutomationCondition.any_deps_missing())
)


def marts(journey: Journey, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Staging, marts and the published warehouse; what depends on what is read from the SQL."""
    lanes = journey.settings.cdr_record_types
    types = column_types(journey.calls, models())
    built = [_mart(journey, query, months, types[query.name]) for query in models()]
    return [*built, _warehouse(journey, [*(dg.AssetKey([lane]) for lane in lanes), *(asset.key for asset in built)])]


def _mart(
    journey: Journey, query: Query, months: dg.PartitionsDefinition[str], types: Mapping[str, str]
) -> dg.AssetsDefinition:
    lanes = journey.settings.cdr_record_types
    columns = [dg.TableColumn(name, kind, query.columns.get(name)) for name, kind in types.items()]

    @dg.asset(
        key=query.name.split("."),
        deps=[dg.AssetKey(name.split(".")) for name in sorted(query.reads) if _is_asset(name, lanes)],
        partitions_def=months,
        group_name=query.schema,
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        automation_condition=EVERY_MONTH,
        metadata={"dagster/column_schema": dg.TableSchema(columns), "dagster/table_name": query.name},
        description=f"{query.about}\n\n```sql\n{query.sql}\n```",
    )
    def mart(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with told():
            for key in context.partition_keys:
                changed = journey.build(query, Month.parse(key))
                context.add_asset_metadata({"changed": changed}, partition_key=key)
        return dg.MaterializeResult()

    return mart


def _is_asset(name: str, lanes: Collection[str]) -> bool:
    return name in lanes or name.startswith(("staging.", "marts."))


def _warehouse(journey: Journey, deps: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key="warehouse",
        deps=deps,
        group_name="warehouse",
        kinds={"duckdb"},
        owners=OWNERS,
        retry_policy=RETRY,
        automation_condition=dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing()),
        description="warehouse.duckdb, the read-only file that analysts open: written anew and swapped in whole.",
    )
    def warehouse() -> dg.MaterializeResult[None]:
        with told():
            journey.publish()
            journey.tidy()
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(journey.warehouse)),
                "bytes": journey.warehouse.stat().st_size,
                "coverage": dg.MetadataValue.md(_coverage_table(journey)),
            }
        )

    return warehouse


def _coverage_table(journey: Journey) -> str:
    rows = [
        f"| {row.record_type} | {row.month} | {row.state} | {'' if row.rows is None else row.rows} | {row.days_left} |"
        for row in journey.coverage()
    ]
    return "\n".join(["| type | month | state | rows | days left |", "|---|---|---|--:|--:|", *rows])
