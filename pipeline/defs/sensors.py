"""Sense completion: one pass over the vendor's list per tick, for everything that is outstanding."""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.defs.lanes import EXPORT_TAG
from pipeline.errors import PermanentError, TransientError
from pipeline.export.plan import overdue
from pipeline.export.protocol import Export
from pipeline.journey import Journey
from pipeline.months import Month, month_range

_LISTED_MONTHS = 4
"""An export is listed for a month after completion and covers at most two months before: older ones are gone."""


def ready_sensor(journey: Journey, jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """The sensor: reports the progress of our exports, and launches the loading of those that are ready."""

    @dg.sensor(
        name="exports_ready",
        jobs=list(jobs),
        minimum_interval_seconds=journey.settings.cdr_poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads the vendor's list once a tick; launches the months whose export is completed.",
    )
    def exports_ready(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            listed = journey.vendor.exports()
        except (TransientError, PermanentError) as error:
            return dg.SkipReason(
                f"The vendor's list could not be read, so nothing is known: {error}"
            )  # not an empty list
        return sense(journey, context.instance, listed, context.cursor)

    return exports_ready


def sense(journey: Journey, instance: DagsterInstance, listed: Sequence[Export], cursor: str | None) -> dg.SensorResult:
    """What a tick reports and launches; the cursor holds what was reported last, so that only news are."""
    before: dict[str, str] = json.loads(cursor or "{}")
    now: dict[str, str] = {}
    events: list[dg.AssetMaterialization | dg.AssetObservation] = []
    requests: list[dg.RunRequest] = []
    for record_type, month, newest in _outstanding(journey, listed):
        place, said = f"{record_type}/{month}", f"{newest.id} {_said(journey, newest)}"
        now[place] = said
        if before.get(place) != said:
            events.append(_event(record_type, month, newest, said))
        requests += _requests(journey, instance, record_type, month, listed)
        requests += _asks(journey, record_type, month, listed)
    return dg.SensorResult(run_requests=requests, asset_events=events, cursor=json.dumps(now))


def failures(instance: DagsterInstance, export_id: str) -> int:
    """How many runs that were to bring in the export failed."""
    return instance.get_runs_count(RunsFilter(tags={EXPORT_TAG: export_id}, statuses=[DagsterRunStatus.FAILURE]))


def _outstanding(journey: Journey, listed: Sequence[Export]) -> Iterable[tuple[str, Month, Export]]:
    """Each record type and month that has an export of ours in the list, with the newest one."""
    running = Month.of(journey.clock())
    for record_type in journey.settings.cdr_record_types:
        for month in month_range(max(journey.first_month(), running.shift(1 - _LISTED_MONTHS)), running):
            if ours := journey.ours(record_type, month, listed):
                yield record_type, month, ours[-1]


def _requests(
    journey: Journey, instance: DagsterInstance, record_type: str, month: Month, listed: Sequence[Export]
) -> list[dg.RunRequest]:
    export = journey.to_load(record_type, month, listed, partial(failures, instance))
    if export is None:
        return []
    attempt = failures(instance, export.id) + 1  # a run_key is never used again, not even after a failure
    return [
        dg.RunRequest(
            run_key=f"{record_type}:{month}:{export.id}:{attempt}",
            job_name=f"load_{record_type}",
            partition_key=str(month),
            tags={EXPORT_TAG: export.id},
        )
    ]


def _asks(journey: Journey, record_type: str, month: Month, listed: Sequence[Export]) -> list[dg.RunRequest]:
    """Ask anew where nothing will come of an export; how often, the asking itself decides, and fails visibly."""
    export = journey.to_ask_again(record_type, month, listed)
    if export is None:
        return []
    return [
        dg.RunRequest(
            run_key=f"ask:{record_type}:{month}:{export.id}",
            job_name="ask",
            partition_key=str(month),
            asset_selection=[AssetKey([record_type, "export"])],
        )
    ]


def _said(journey: Journey, export: Export) -> str:
    late = overdue(export, journey.clock(), journey.deadline)
    return f"{export.said} (overdue)" if late else export.said


def _event(record_type: str, month: Month, export: Export, said: str) -> dg.AssetMaterialization | dg.AssetObservation:
    """Completion materializes ``ready``; anything before it is an observation, visible and without consequence."""
    metadata: dict[str, Any] = {
        "export_id": export.id,
        "status": said.partition(" ")[2],
        "created_at": str(export.created_at),
    }
    kind = dg.AssetMaterialization if export.ready else dg.AssetObservation
    return kind(AssetKey([record_type, "ready"]), partition=str(month), metadata=metadata)
