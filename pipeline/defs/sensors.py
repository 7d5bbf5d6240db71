"""Watch exports: gather the state once per tick, and launch what the plan says for every month."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.defs.cursor import Cursor
from pipeline.defs.handover import handed_over
from pipeline.defs.history import EXPORT_TAG, attempts, ended
from pipeline.defs.resuming import resumed
from pipeline.errors import sentence
from pipeline.export.protocol import Export, Listing, Status
from pipeline.operations.plan import plan, status_of
from pipeline.operations.state import Action, Partition, PartitionState, Policy, Verb
from pipeline.operations.wiring import Operations
from pipeline.wake_signal import WakeSignal

_LISTENING_SECONDS = 5
"""How often to look for the wake signal if a vendor calls back: a look is cheap."""


def ready_sensor(operations: Operations, jobs: Sequence[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """Return the sensor that reports the progress of our exports, and launches loads of the ready ones."""
    poll = timedelta(seconds=operations.settings.cdr_poll_seconds)
    wake = WakeSignal.of(operations.place.data)
    called_back = any(operations.settings.of_vendor(name).callback_url for name in operations.vendors)

    @dg.sensor(
        name="exports_ready",
        jobs=list(jobs),
        minimum_interval_seconds=min(_LISTENING_SECONDS, poll.seconds) if called_back else poll.seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads each vendor's list once per tick; launches loads of the months whose export is completed.",
    )
    def exports_ready(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        cursor = Cursor.read(context.cursor)
        now = operations.place.clock()
        fresh = cursor.looked and cursor.looked <= now < cursor.looked + poll
        if called_back and cursor.looked and fresh and not wake.sent_after(cursor.looked):
            return dg.SkipReason(f"No vendor called back, and the lists were read at {cursor.looked:%H:%M:%S}.")
        listed, unread = operations.listings.read_all()
        why = [f"{name}: {sentence(error)}" for name, error in unread.items()]
        if not listed:
            context.update_cursor(Cursor(now, cursor.said).written())
            return dg.SkipReason(f"The list could not be read, so nothing is known: {' '.join(why)}")
        for one in why:
            context.log.warning("A list could not be read, so nothing is known of its months: %s", one)
        for doubt in filter(None, (exports.doubt for exports in listed.values())):
            context.log.warning("A list is in doubt: %s", doubt)
        result, wrong = sense(operations, context.instance, listed, Cursor(now, cursor.said))
        for one in wrong:
            context.log.warning("A month was left out of this tick: %s", one)
        return result

    return exports_ready


def sense(
    operations: Operations, instance: DagsterInstance, listed: Mapping[str, Listing], cursor: Cursor
) -> tuple[dg.SensorResult, list[str]]:
    """Return what a tick reports and launches, and a sentence for each month that it left out.

    Args:
        operations: The operations of the installation.
        instance: Dagster's instance, which has the runs that were launched before.
        listed: The vendors' lists that could be read.
        cursor: The statuses of the tick before, and when this tick read the lists.
    """
    made = operations.gatherer.gather(listed, partial(attempts, instance))
    now, policy = operations.place.clock(), operations.policy()
    known = {one: state for one, state in made.states.items() if operations.place.vendor_name(one.dataset) in listed}
    said, events = _statuses(known, now, policy, cursor)
    requests: list[dg.RunRequest] = []
    waiting: dict[str, Partition] = {}
    wrong = [f"{which}: {why}" for which, why in made.wrong.items()]
    for partition, state in known.items():
        try:
            action = plan(state, now, policy)
            if action.verb is Verb.REQUEST and state.backlogged and not action.export:
                waiting.setdefault(partition.dataset, partition)  # only the oldest month tries again
            else:
                requests += _launch(partition, action, instance)
        except Exception as error:  # noqa: BLE001 - any error here is about this month alone
            wrong.append(f"{partition}: {sentence(error)}")
    for partition in waiting.values():  # once for each change of the vendor's unfinished work, and once an hour
        change = f"{now:%Y-%m-%dT%H}:{_work(listed[operations.place.vendor_name(partition.dataset)])}"
        requests.append(_request(f"queued:{partition.dataset}:{partition.month}:{change}", partition))
    written = Cursor(cursor.looked, said).written()
    return dg.SensorResult(run_requests=[*requests, *resumed(operations)], asset_events=events, cursor=written), wrong


def _statuses(
    states: Mapping[Partition, PartitionState], now: datetime, policy: Policy, before: Cursor
) -> tuple[dict[str, str], list[dg.AssetMaterialization | dg.AssetObservation]]:
    """Return the status of each month's newest export, and an event for each that has changed."""
    said: dict[str, str] = {}
    events = []
    for partition, state in states.items():
        if state.exports:
            newest = state.exports[-1]
            key, word = f"{partition.dataset}/{partition.month}", status_of(newest, now, policy.deadline)
            said[key] = f"{newest.id} {word}"
            if before.said.get(key) != said[key]:
                events.append(_event(partition, newest, word))
    return said, events


def _launch(partition: Partition, action: Action, instance: DagsterInstance) -> Iterator[dg.RunRequest]:
    """Yield the run of an action: load a ready export, or request another for one that failed.

    Scheduled requests are left to the schedule. The request itself limits how often a month is requested.
    """
    export = action.export
    if action.verb is Verb.LOAD and export:
        # Dagster never launches a run key twice, not even after a failure
        number = len(ended(instance, export.id)) + action.looks + 1
        yield dg.RunRequest(
            f"{partition.dataset}:{partition.month}:{export.id}:{number}",
            job_name=f"load_{partition.dataset}",
            partition_key=str(partition.month),
            tags={EXPORT_TAG: export.id},
            run_config=handed_over(partition.dataset, export, datetime.now(UTC)),
        )
    elif action.verb is Verb.REQUEST and export:
        yield _request(f"ask:{partition.dataset}:{partition.month}:{export.id}", partition)


def _request(run_key: str, partition: Partition) -> dg.RunRequest:
    asset = AssetKey([partition.dataset, "export"])
    return dg.RunRequest(run_key, job_name="ask", partition_key=str(partition.month), asset_selection=[asset])


def _work(listed: Sequence[Export]) -> str:
    """Return a fingerprint of the exports that a vendor has not finished."""
    unfinished = sorted(one.id for one in listed if one.status not in (Status.COMPLETED, Status.FAILED))
    return sha256("|".join(unfinished).encode()).hexdigest()[:16]


def _event(partition: Partition, export: Export, status: str) -> dg.AssetMaterialization | dg.AssetObservation:
    """Return a materialization of ``ready`` for a completed export, else an observation, which launches nothing."""
    metadata: dict[str, Any] = {"export_id": export.id, "status": status, "created_at": str(export.created_at)}
    kind = dg.AssetMaterialization if export.ready else dg.AssetObservation
    return kind(AssetKey([partition.dataset, "ready"]), partition=str(partition.month), metadata=metadata)
