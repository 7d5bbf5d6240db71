"""`cdr status --why`: the state of a month, its reason, and what happens next, as the plan decides it."""

from datetime import timedelta

import pytest

from pipeline.operations.explain import explanations
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox
from tests.integration.totals import MONTHS, bring_in

SEPTEMBER, OCTOBER, _ = MONTHS


def told(operations: Operations) -> str:
    """What is said of October of `cdr_in`."""
    return "\n".join(explanations(operations, OCTOBER)).partition("cdr_out")[0].rstrip()


def test_a_month_says_why_it_is_in_its_state_and_what_comes_next(
    operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    assert told(operations).splitlines()[:2] == [
        "cdr_in 2026-10 is missing: no export of it was requested.",
        "  Next: request, because it was not requested as a whole.",
    ]
    assert len(sandbox.requests) == 1  # it asks for the list, and for nothing else
    pending = sandbox.faults.inject(Fault.STUCK, times=None)
    operations.requester.request("cdr_in", [OCTOBER]).all()
    said = told(operations)
    assert "is requested: an export was requested, and no export is loaded." in said
    assert "Next: wait, because processing." in said
    assert "Request: wait, because it settles, and was last requested on 2026-11-21" in said
    pending.stop()
    bring_in(operations, "cdr_in", OCTOBER)
    settling = "an export of the whole month is loaded, and no other one, 48 hours apart, agrees yet"
    assert f"is settling: {settling}." in told(operations)
    clock.advance(timedelta(days=2))
    bring_in(operations, "cdr_in", OCTOBER)
    assert told(operations).splitlines() == [
        "cdr_in 2026-10 is sealed: two exports of the whole month, 48 hours or more apart, agree.",
        "  Next: done, because it is sealed.",
        "  The vendor forgets it on 2027-01-01: 38 days are left.",
    ]


def test_a_list_that_cannot_be_read_hides_no_state(operations: Operations, sandbox: Sandbox) -> None:
    bring_in(operations, "cdr_in", SEPTEMBER)
    sandbox.faults.inject(Fault.INVALID_JSON, times=None, on=Operation.LIST)
    lines = list(explanations(operations, SEPTEMBER))
    assert lines[0].startswith("cdr_in 2026-09 is settling: ")
    assert "The vendor's list could not be read, so its exports are unknown: " in lines[1]
    assert any("9 days are left (warning)." in line for line in lines)


@pytest.mark.parametrize(
    ("months", "why"),
    [
        (-40, r"the vendor forgot 2023-07 on 2023-10-01: it cannot be requested"),
        (1, r"2026-12 has not begun, so it cannot be requested; request it once it is running"),
    ],
)
def test_a_month_that_cannot_be_requested_says_why(operations: Operations, months: int, why: str) -> None:
    lines = list(explanations(operations, MONTHS[-1].shift(months)))
    assert lines.count(f"  Next: done, because {why}.") == 2
