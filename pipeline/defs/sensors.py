"""Sense completion: one pass over the vendor's list per tick, for everything that is outstanding."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.defs.cursor import Cursor
from pipeline.defs.history import EXPORT_TAG, attempts, ended
from pipeline.defs.resuming import resumed
from pipeline.doorbell import Doorbell
from pipeline.errors import sentence
from pipeline.export.action import Verb
from pipeline.export.plan import overdue
from pipeline.export.protocol import Export, Listing, Status
from pipeline.journey import Journey
from pipeline.months import Month

_LISTENING_SECONDS = 5
"""How often the doorbell is looked at where vendors call back: it costs nothing."""


def ready_sensor(journey: Journey, jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """The sensor: reports the progress of our exports, and launches the loading of those that are ready."""
    poll = timedelta(seconds=journey.settings.cdr_poll_seconds)
    bell = Doorbell.of(journey.settings.cdr_data_dir)
    called_back = any(journey.settings.of_vendor(name).callback_url for name in journey.vendors)

    @dg.sensor(
        name="exports_ready",
        jobs=list(jobs),
        minimum_interval_seconds=min(_LISTENING_SECONDS, poll.seconds) if called_back else poll.seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads each vendor's list once a tick; launches the months whose export is completed.",
    )
    def exports_ready(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        cursor = Cursor.read(context.cursor)
        now = journey.clock()
        fresh = cursor.looked and cursor.looked <= now < cursor.looked + poll
        if called_back and cursor.looked and fresh and not bell.rung_after(cursor.looked):
            return dg.SkipReason(f"Nobody called back, and the lists were read at {cursor.looked:%H:%M:%S}.")
        listed, unread = lists(journey)
        if not listed:
            context.update_cursor(Cursor(now, cursor.said).written())
            return dg.SkipReason(f"The list could not be read, so nothing is known: {' '.join(unread)}")
        for why in unread:
            context.log.warning("A list could not be read, so nothing is known of its months: %s", why)
        for doubt in filter(None, (exports.doubt for exports in listed.values())):
            context.log.warning("A list is in doubt: %s", doubt)
        result, wrong = sense(journey, context.instance, listed, Cursor(now, cursor.said))
        for why in wrong:
            context.log.warning("A month was left out of this tick: %s", why)
        return result

    return exports_ready


Lists = Mapping[str, Listing]
"""What each vendor lists, as far as it could be read: what could not is no empty list."""


def lists(journey: Journey) -> tuple[Lists, list[str]]:
    """Every vendor's list, read once, and why those are missing that could not be read."""
    found: dict[str, Listing] = {}
    unread = []
    for name in journey.vendors:
        try:
            found[name] = journey.listed(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this vendor alone
            unread.append(f"{name}: {sentence(error)}")
    return found, unread


def sense(
    journey: Journey, instance: DagsterInstance, listed: Lists, cursor: Cursor
) -> tuple[dg.SensorResult, list[str]]:
    """What a tick reports and launches, and what was wrong with the months that it left out."""
    tick = _Tick(journey, instance, listed, cursor.said)
    for record_type in journey.datasets:
        tick.look_at(record_type)
    news = Cursor(cursor.looked, tick.said).written()
    requests = [*tick.requests, *resumed(journey)]
    return dg.SensorResult(run_requests=requests, asset_events=tick.events, cursor=news), tick.wrong


class _Tick:
    """One look at every record type: what is said of each month, what is launched, and what went wrong."""

    def __init__(self, journey: Journey, instance: DagsterInstance, listed: Lists, before: Mapping[str, str]) -> None:
        self._journey = journey
        self._instance = instance
        self._listed = listed
        self._before = before
        self.said: dict[str, str] = {}
        self.events: list[dg.AssetMaterialization | dg.AssetObservation] = []
        self.requests: list[dg.RunRequest] = []
        self.wrong: list[str] = []

    def look_at(self, record_type: str) -> None:
        """Look at every month of a record type; one that goes wrong does not keep the others."""
        exports = self._listed.get(self._journey.datasets[record_type].vendor)
        if exports is None:
            return
        with self._alone(record_type):
            first = self._journey.first_month()
            for month, ours in self._journey.by_month(record_type, exports).items():
                with self._alone(f"{record_type} {month}"):
                    if month >= first:
                        self._tell(record_type, month, ours[-1])
                        self.requests += self._next(record_type, month, exports)
            self.requests += self._queued(record_type, exports, first)

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this alone
            self.wrong.append(f"{what}: {sentence(error)}")

    def _tell(self, record_type: str, month: Month, newest: Export) -> None:
        place, said = f"{record_type}/{month}", f"{newest.id} {_said(self._journey, newest)}"
        self.said[place] = said
        if self._before.get(place) != said:
            self.events.append(_event(record_type, month, newest, said))

    def _next(self, record_type: str, month: Month, exports: Sequence[Export]) -> list[dg.RunRequest]:
        """Load what is ready, and request another where nothing will come of what there is.

        How often a month is requested, the request itself decides, and fails visibly.
        """
        action = self._journey.plan(record_type, month, exports, partial(attempts, self._instance))
        if action.export is None:
            return []
        place = f"{record_type}:{month}:{action.export.id}"
        if action.verb is Verb.REQUEST:
            return [_asking(f"ask:{place}", record_type, month)]
        if action.verb is not Verb.LOAD:
            return []
        # a run_key is never used again, not even after a failure
        number = len(ended(self._instance, action.export.id)) + action.looks + 1
        tags = {EXPORT_TAG: action.export.id}
        return [dg.RunRequest(f"{place}:{number}", job_name=f"load_{record_type}", partition_key=str(month), tags=tags)]

    def _queued(self, record_type: str, exports: Sequence[Export], first: Month) -> list[dg.RunRequest]:
        """Ask for the oldest month that waits until its vendor takes more: once for each change in its work."""
        waiting = [month for month in self._journey.queue.months(record_type) if month >= first][:1]
        change = f"{self._journey.clock():%Y-%m-%dT%H}:{_work(exports)}"
        return [_asking(f"queued:{record_type}:{month}:{change}", record_type, month) for month in waiting]


def _asking(run_key: str, record_type: str, month: Month) -> dg.RunRequest:
    asset = AssetKey([record_type, "export"])
    return dg.RunRequest(run_key, job_name="ask", partition_key=str(month), asset_selection=[asset])


def _work(listed: Sequence[Export]) -> str:
    """A print of the exports that a vendor still works at."""
    unfinished = sorted(one.id for one in listed if one.status not in (Status.COMPLETED, Status.FAILED))
    return sha256("|".join(unfinished).encode()).hexdigest()[:16]


def _said(journey: Journey, export: Export) -> str:
    late = overdue(export, journey.clock(), journey.deadline)
    return f"{export.vendor_status} (overdue)" if late else export.vendor_status


def _event(record_type: str, month: Month, export: Export, said: str) -> dg.AssetMaterialization | dg.AssetObservation:
    """Completion materializes ``ready``; anything before it is an observation, visible and without consequence."""
    metadata: dict[str, Any] = {
        "export_id": export.id,
        "status": said.partition(" ")[2],
        "created_at": str(export.created_at),
    }
    kind = dg.AssetMaterialization if export.ready else dg.AssetObservation
    return kind(AssetKey([record_type, "ready"]), partition=str(month), metadata=metadata)
