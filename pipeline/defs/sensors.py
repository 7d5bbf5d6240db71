"""Sense completion: one pass over the vendor's list per tick, for everything that is outstanding."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.defs.lanes import EXPORT_TAG
from pipeline.defs.resuming import resumed
from pipeline.doorbell import Doorbell
from pipeline.errors import PermanentError, TransientError
from pipeline.export.plan import overdue
from pipeline.export.protocol import Export, Status
from pipeline.journey import Journey
from pipeline.months import Month

_LISTENING_SECONDS = 5
"""How often the doorbell is looked at where vendors call back: it costs nothing."""


def ready_sensor(journey: Journey, jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """The sensor: reports the progress of our exports, and launches the loading of those that are ready."""
    poll = timedelta(seconds=journey.settings.cdr_poll_seconds)
    bell = Doorbell.of(journey.settings.cdr_data_dir)
    called_back = any(journey.settings.entry(name).callback_url for name in journey.vendors)

    @dg.sensor(
        name="exports_ready",
        jobs=list(jobs),
        minimum_interval_seconds=min(_LISTENING_SECONDS, poll.seconds) if called_back else poll.seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads each vendor's list once a tick; launches the months whose export is completed.",
    )
    def exports_ready(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        cursor = _Cursor.read(context.cursor)
        now = journey.clock()
        fresh = cursor.looked and cursor.looked <= now < cursor.looked + poll
        if called_back and cursor.looked and fresh and not bell.rung_after(cursor.looked):
            return dg.SkipReason(f"Nobody called back, and the lists were read at {cursor.looked:%H:%M:%S}.")
        listed, unread = lists(journey)
        if not listed:
            context.update_cursor(_Cursor(now, cursor.said).written())
            return dg.SkipReason(f"The list could not be read, so nothing is known: {' '.join(unread)}")
        for why in unread:
            context.log.warning("A list could not be read, so nothing is known of its months: %s", why)
        return sense(journey, context.instance, listed, _Cursor(now, cursor.said))

    return exports_ready


Lists = Mapping[str, Sequence[Export]]
"""What each vendor lists, as far as it could be read: what could not is no empty list."""


def lists(journey: Journey) -> tuple[Lists, list[str]]:
    """Every vendor's list, read once, and why those are missing that could not be read."""
    found: dict[str, Sequence[Export]] = {}
    unread = []
    for name in journey.vendors:
        try:
            found[name] = journey.listed(name)
        except (TransientError, PermanentError) as error:
            unread.append(str(error))
    return found, unread


@dataclass(frozen=True)
class _Cursor:
    """When the lists were read last, and what was said of each month then, so that only news are reported."""

    looked: datetime | None
    said: Mapping[str, str]

    @classmethod
    def read(cls, text: str | None) -> "_Cursor":
        try:
            looked, said = json.loads(text or "")
            return cls(datetime.fromisoformat(looked), dict(said))
        except (TypeError, ValueError):  # none yet, or another release's: the worst that can happen is news told twice
            return cls(None, {})

    def written(self) -> str:
        return json.dumps([self.looked.isoformat() if self.looked else None, dict(self.said)])


def sense(journey: Journey, instance: DagsterInstance, listed: Lists, cursor: _Cursor) -> dg.SensorResult:
    """What a tick reports and launches."""
    now: dict[str, str] = {}
    events: list[dg.AssetMaterialization | dg.AssetObservation] = []
    requests: list[dg.RunRequest] = []
    for record_type, month, newest in _outstanding(journey, listed):
        place, said = f"{record_type}/{month}", f"{newest.id} {_said(journey, newest)}"
        now[place] = said
        if cursor.said.get(place) != said:
            events.append(_event(record_type, month, newest, said))
        exports = listed[journey.datasets[record_type].vendor]
        requests += _requests(journey, instance, record_type, month, exports)
        requests += _asks(journey, record_type, month, exports)
    requests += [*_queued(journey, listed), *resumed(journey)]
    return dg.SensorResult(run_requests=requests, asset_events=events, cursor=_Cursor(cursor.looked, now).written())


def failures(instance: DagsterInstance, export_id: str) -> int:
    """How many runs that were to bring in the export failed."""
    return instance.get_runs_count(RunsFilter(tags={EXPORT_TAG: export_id}, statuses=[DagsterRunStatus.FAILURE]))


def _outstanding(journey: Journey, listed: Lists) -> Iterable[tuple[str, Month, Export]]:
    """Each record type and month that has an export of ours in a list, with the newest one."""
    for record_type, dataset in journey.datasets.items():
        for month, ours in journey.by_month(record_type, listed.get(dataset.vendor, [])).items():
            if month >= journey.first_month():
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


def _queued(journey: Journey, listed: Lists) -> list[dg.RunRequest]:
    """Ask for the oldest month that waits until its vendor takes more: once for each change in what that works at."""
    first = journey.first_month()
    waiting = {name: [month for month in journey.queue.months(name) if month >= first] for name in journey.datasets}
    return [
        dg.RunRequest(
            run_key=f"queued:{record_type}:{months[0]}:{journey.clock():%Y-%m-%dT%H}:{_work(listed[vendor])}",
            job_name="ask",
            partition_key=str(months[0]),
            asset_selection=[AssetKey([record_type, "export"])],
        )
        for record_type, months in waiting.items()
        if months and (vendor := journey.datasets[record_type].vendor) in listed
    ]


def _work(listed: Sequence[Export]) -> str:
    """A print of the exports that a vendor still works at."""
    unfinished = sorted(one.id for one in listed if one.status not in (Status.COMPLETED, Status.FAILED))
    return sha256("|".join(unfinished).encode()).hexdigest()[:16]


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
