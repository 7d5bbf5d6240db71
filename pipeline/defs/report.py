"""The reports as an asset: compared after each publish, and written if they would change."""

import dagster as dg

from pipeline.defs.marts import EVERY_MONTH
from pipeline.defs.outcome import told
from pipeline.defs.published import WAREHOUSE
from pipeline.defs.relations import OWNERS
from pipeline.months import Month
from pipeline.operations.wiring import Operations


def reports(operations: Operations, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the asset that writes an HTML file for each month.

    A publish does not say which months it changed, so one run compares all. Reading the figures of a month takes a
    fraction of a second. Only a report that would change is drawn.
    """

    @dg.asset(
        key="report",
        deps=[WAREHOUSE],
        partitions_def=months,
        group_name="warehouse",
        kinds={"html"},
        owners=OWNERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=EVERY_MONTH,
        description="The month as one HTML file that opens anywhere, without a network: reports/<month>.html.",
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with told(context):
            shown = set(operations.publisher.reportable())
            for key in context.partition_keys:
                month = Month.parse(key)
                changed = month in shown and operations.publisher.report(month)
                file = dg.MetadataValue.path(str(operations.place.report_file(month)))
                context.add_asset_metadata({"changed": changed, "path": file}, partition_key=key)
        return dg.MaterializeResult()

    return asset
