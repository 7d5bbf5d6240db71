"""Explain a month for `cdr status --why`: why it is in its state, and what happens next as the plan decides."""

from collections.abc import Iterator

from pipeline.errors import sentence
from pipeline.months import Month
from pipeline.operations.plan import next_request, plan
from pipeline.operations.state import Action, Partition, PartitionState
from pipeline.operations.wiring import Operations
from pipeline.warehouse.coverage import State, at_risk, reason_of


def explanations(operations: Operations, month: Month) -> Iterator[str]:
    """Yield lines about a month of every dataset; the vendors' lists are read, and nothing is requested."""
    names = list(operations.place.datasets)
    listed, unread = operations.listings.read_all()
    made = operations.gatherer.gather(listed, wanted=[Partition(name, month) for name in names])
    for name in names:
        vendor = operations.place.vendor_name(name)
        if why := made.of(name, month):
            yield f"{name} {month}: {why}"
        else:
            yield from _lines(made.states[Partition(name, month)], operations, unread.get(vendor))


def _lines(state: PartitionState, operations: Operations, unread: Exception | None) -> Iterator[str]:
    row, now, policy = state.coverage, operations.place.clock(), operations.policy()
    yield f"{state.partition} is {row.state}: {reason_of(State(row.state), state.known)}."
    if unread:
        yield f"  The vendor's list could not be read, so its exports are unknown: {sentence(unread)}"
    action, request = plan(state, now, policy), next_request(state, now, policy)
    yield f"  Next: {_explained(action)}"
    if request != action:
        yield f"  Request: {_explained(request)}"
    if row.dropped_on and row.days_left is not None and not row.gone:
        risk = f" ({level})" if (level := at_risk(row)) else ""
        yield f"  The vendor forgets it on {row.dropped_on:%Y-%m-%d}: {row.days_left} days are left{risk}."


def _explained(action: Action) -> str:
    """Return the verb of an action and its reason, which may be a clause or a sentence."""
    why = action.reason.rstrip(".")
    return f"{action.verb.value}, because {why[:1].lower()}{why[1:]}."
