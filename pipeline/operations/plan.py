"""Decide what happens next to a month, and why: pure functions of its state, and the only place that decides.

The sensor, the schedule and backfills do what ``plan`` returns; `cdr status` shows it. The state of a month, and
whether it is at risk, come from ``state_of`` and ``at_risk`` of ``warehouse.coverage``.
"""

from datetime import datetime, timedelta

from pipeline.export.exactly_once import LIST_LAG
from pipeline.export.protocol import Export
from pipeline.export.requests import CLOCK_MARGIN, REST_DAYS, SETTLE_DAYS, hopeless, not_begun, overdue, settle_step
from pipeline.months import Month
from pipeline.operations.state import Action, Due, PartitionState, Policy, Verb
from pipeline.warehouse.coverage import State

MAX_LOADS = 3
"""How often the landing and loading of one export may fail."""

_A_DAY = timedelta(days=1)
_DONE = (State.SEALED.value, State.EXPIRED.value)


def plan(state: PartitionState, now: datetime, policy: Policy) -> Action:
    """Return what to do with a partition now: load or await a listed export, else request another.

    Where requests are due at once, listed exports are not considered.

    Args:
        state: What is known of the partition.
        now: The time of the decision, aware.
        policy: The deadline of exports, and when requests are due.
    """
    if not state.retained:
        return Action(Verb.DONE, refusal(state, now))
    if policy.due in (Due.NOW, Due.FORCED):
        return next_request(state, now, policy)
    action = progress(state, now, policy)
    if action.verb is not Verb.DONE:
        return action
    if late(state, now):
        return Action(Verb.WAIT, f"the list does not show yet export {next(iter(state.unlisted()))}")
    return next_request(state, now, policy)


def progress(state: PartitionState, now: datetime, policy: Policy) -> Action:
    """Return what to do with the exports that the vendor lists.

    Load the newest export that is ready; never load an older export over a newer one. Request another export where no
    listed export can be loaded any more. The number of such requests is limited where they are made.

    Args:
        state: What is known of the partition.
        now: The time of the decision, aware.
        policy: The deadline of exports.
    """
    newer = _that_count(state, now, policy.deadline)
    if not newer:
        return Action(Verb.DONE, "no export is newer than what is loaded" if state.loaded else "no export is listed")
    ready = next((export for export in reversed(newer) if state.fetchable(export, now)), None)
    if ready is None:
        return _without_loading(newer, state, now, policy.deadline)
    if (tried := state.attempts.get(ready.id)) and (rests := tried.rests_until(now)):
        return Action(Verb.WAIT, f"its run was terminated; the next begins after {rests:%H:%M:%S}", ready)
    missing = state.missing.get(ready.id)
    if missing or tried is None or tried.failed < MAX_LOADS:
        return Action(Verb.LOAD, f"export {ready.id} is ready", ready, missing.looks if missing else 0)
    return _without_loading(newer, state, now, policy.deadline)


def next_request(state: PartitionState, now: datetime, policy: Policy) -> Action:
    """Return whether a new export of the month is due now; listed exports are not considered.

    Args:
        state: What is known of the partition.
        now: The time of the decision, aware.
        policy: When requests are due.
    """
    if state.backlogged:  # also if it is refused: the request then says so, and removes it
        return Action(Verb.REQUEST, "it waits until the vendor takes more requests")
    if why := refusal(state, now):
        return Action(Verb.DONE, why)
    if policy.due is Due.FORCED:
        return Action(Verb.REQUEST, "a new export is wanted in any case")
    if state.coverage.state in _DONE:
        return Action(Verb.DONE, f"it is {state.coverage.state}")
    if policy.due is Due.SCHEDULED:
        return _scheduled(state, now)
    if policy.due is Due.RETRIED:
        came = state.loaded is not None and not state.unlisted() and not _is_partial(state, now)
        return Action(Verb.DONE, "its newest export is loaded") if came else Action(Verb.REQUEST, "nothing came of it")
    if not covered(state, now):
        return Action(Verb.REQUEST, "what is loaded does not cover it")
    return Action(Verb.DONE, "what is loaded covers it")


def refusal(state: PartitionState, now: datetime) -> str:
    """Return the sentence that says why the month cannot be requested; empty if it can."""
    month = state.partition.month
    dropped = vendor_drops(month, state.months_kept)
    if not state.retained:
        return not_retained(month)
    if dropped and now >= dropped:
        return f"The vendor forgot {month} on {dropped:%Y-%m-%d}: it cannot be requested."
    if why := not_begun(month, now):
        return why
    if state.first and month < state.first:
        return f"{month} is before CDR_START_MONTH; set that earlier to keep it."
    return ""


def not_retained(month: Month) -> str:
    """Return the sentence that refuses a month which the settings do not allow to keep."""
    return f"{month} is older than CDR_CALL_RETENTION_MONTHS allows; raise that to bring it in."


def vendor_drops(month: Month, months_kept: int | None) -> datetime | None:
    """Return when a vendor that keeps so many months forgets this one; None for a vendor that keeps all."""
    return month.shift(months_kept).start if months_kept else None


def covered(state: PartitionState, now: datetime) -> bool:
    """Return whether the loaded data covers all that can be requested.

    That is the whole of a month that has ended, and a running month up to a day ago.
    """
    month, until = state.partition.month, state.coverage.loaded_until
    ended = now - CLOCK_MARGIN >= month.end
    return state.coverage.state in _DONE or (until is not None and until >= (month.end if ended else now - _A_DAY))


def _is_partial(state: PartitionState, now: datetime) -> bool:
    """Return whether the month has ended, and the loaded data ends before it does."""
    month, until = state.partition.month, state.coverage.loaded_until
    return now - CLOCK_MARGIN >= month.end and until is not None and until < month.end


def late(state: PartitionState, now: datetime) -> bool:
    """Return whether the list may not yet show an export that was requested a moment ago."""
    return any(abs(now - created) < LIST_LAG for created in state.unlisted().values())


def status_of(export: Export, now: datetime, deadline: timedelta) -> str:
    """Return the vendor's status of an export, marked if the export is overdue.

    Args:
        export: The export.
        now: The time, aware.
        deadline: How long an export may take to complete.
    """
    return f"{export.vendor_status} (overdue)" if overdue(export, now, deadline) else export.vendor_status


def _scheduled(state: PartitionState, now: datetime) -> Action:
    month, newest = state.partition.month, state.newest_request(now)
    if newest is None:
        return Action(Verb.REQUEST, "it was never requested" if now < month.end else "it was not requested as a whole")
    if now < month.end:
        if newest.date() < now.date():
            return Action(Verb.REQUEST, f"it runs, and was last requested on {newest:%Y-%m-%d}")
        return Action(Verb.WAIT, "it runs, and was requested today; the next request is due tomorrow")
    step = settle_step(month, now)
    rested = step <= SETTLE_DAYS[-1] or (now.date() - newest.date()).days >= REST_DAYS
    if rested and newest < month.end + timedelta(days=step):
        return Action(Verb.REQUEST, f"day {step} after its end is due: late records are still written")
    return Action(Verb.WAIT, f"it settles, and was last requested on {newest:%Y-%m-%d}; the next request is not due")


def _that_count(state: PartitionState, now: datetime, deadline: timedelta) -> tuple[Export, ...]:
    """Return the exports newer than the loaded one.

    An export created at the same time as the loaded one counts while it may still complete: their order is unknown.
    """
    instants = {one.created_at for one in state.exports if state.loaded and one.id == state.loaded.export_id}
    return tuple(
        export
        for export in state.newer
        if export.created_at not in instants
        or export.created_at.year == 1  # the vendor gives no time of creation
        or not (state.lost(export) or hopeless(export, now, deadline))
    )


def _without_loading(newer: tuple[Export, ...], state: PartitionState, now: datetime, deadline: timedelta) -> Action:
    """Return what to do if no export is ready, or if loading the ready one has failed too often."""
    newest = newer[-1]
    for export in reversed(newer):
        if not (state.fetchable(export, now) or state.lost(export) or hopeless(export, now, deadline)):
            return Action(Verb.WAIT, _why_it_waits(state, export), export)
    if state.lost(newest):
        return Action(Verb.REQUEST, f"the file of export {newest.id} is gone", newest)
    if hopeless(newest, now, deadline):
        return Action(Verb.REQUEST, f"export {newest.id} is {status_of(newest, now, deadline)}", newest)
    return Action(Verb.GIVE_UP, f"loading export {newest.id} failed {MAX_LOADS} times", newest)


def _why_it_waits(state: PartitionState, export: Export) -> str:
    missing = state.missing.get(export.id)
    if missing is None:
        return export.vendor_status
    return f"its file is not there yet; it is looked for again after {missing.next_look:%H:%M:%S}"
