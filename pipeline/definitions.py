"""The Dagster code location: assets, checks, jobs, schedules and sensors of one installation."""

from collections.abc import Sequence

import dagster as dg

from pipeline import settings as environment
from pipeline.defs.alarms import alarm_sensors
from pipeline.defs.checks import checks
from pipeline.defs.freshness import with_freshness
from pipeline.defs.lanes import lane
from pipeline.defs.marts import marts
from pipeline.defs.month_checks import deadline
from pipeline.defs.partitions import monthly
from pipeline.defs.relations import seed_assets
from pipeline.defs.report import reports
from pipeline.defs.retention import retain_daily
from pipeline.defs.run_history import purge_daily
from pipeline.defs.schedules import ask_daily, watch_daily
from pipeline.defs.sensors import ready_sensor
from pipeline.operations.wiring import Operations


def build(operations: Operations) -> dg.Definitions:
    """Return the whole code location of one installation; tests build it over their own."""
    record_types = list(operations.place.datasets)
    months = monthly(operations.place.first_month())
    loads = [
        dg.define_asset_job(f"load_{record_type}", dg.AssetSelection.assets([record_type, "file"], [record_type]))
        for record_type in record_types
    ]
    ask = dg.define_asset_job(
        "ask", dg.AssetSelection.assets(*([record_type, "export"] for record_type in record_types))
    )
    mart_assets = marts(operations, months)
    report = reports(operations, months)
    refresh = dg.define_asset_job("refresh", dg.AssetSelection.assets(*mart_assets))
    deadlines = [deadline(operations, record_type, months) for record_type in record_types]
    watch = dg.define_asset_job("watch", dg.AssetSelection.checks(*(check.check_key for check in deadlines)))
    return dg.Definitions(
        assets=[
            *with_freshness(asset for record_type in record_types for asset in lane(operations, record_type, months)),
            *seed_assets(),
            *mart_assets,
            report,
        ],
        asset_checks=[checks(operations), *deadlines],
        jobs=[ask, *loads, refresh, watch],
        schedules=[
            ask_daily(operations, ask),
            watch_daily(operations, watch),
            purge_daily(operations),
            *([retain_daily(operations)] if operations.place.retention.call_months else []),
        ],
        sensors=[ready_sensor(operations, [ask, *loads]), *alarm_sensors(operations), _follow([*mart_assets, report])],
        # steps run in the run's own process: starting one per step costs twenty times what the step does
        executor=dg.in_process_executor,
    )


def _follow(assets: Sequence[dg.AssetsDefinition]) -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that builds marts and reports whose inputs have changed."""
    return dg.AutomationConditionSensorDefinition(
        "marts_follow", target=dg.AssetSelection.assets(*assets), default_status=dg.DefaultSensorStatus.RUNNING
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the code location that Dagster loads, with the settings of the environment."""
    return build(Operations(environment.load()))
