"""`cdr status --why` says what the plan does next with a month, and why, and requests nothing."""

import re

import pytest

from pipeline.export.didww import Vendor
from pipeline.export.protocol import Listing
from pipeline.operations.explain import explanations
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from tests.didww import credentials
from tests.integration.totals import KEY, MONTHS

MONTH = MONTHS[0]


def told(operations: Operations) -> list[str]:
    """The lines about the inbound calls of the month."""
    lines = list(explanations(operations, MONTH))
    other = next(at for at, line in enumerate(lines) if line.startswith("cdr_out"))
    return lines[:other]


def test_each_state_of_a_month_is_explained_with_what_happens_next(operations: Operations, sandbox: Sandbox) -> None:
    state, following, *_ = told(operations)
    assert state == f"cdr_in {MONTH} is missing: no export of it was requested."
    assert following.startswith("  Next: request, because ")
    assert {request.method for request in sandbox.requests} == {"GET"}

    (made,) = operations.requester.request("cdr_in", [MONTH]).all()
    state, following, request, _ = told(operations)
    assert state == f"cdr_in {MONTH} is requested: an export was requested, and no export is loaded."
    assert following == f"  Next: load, because export {made.export.id} is ready."
    assert request.startswith("  Request: wait, because ")

    listed = {export.id: export for export in operations.listings.read("didww")}
    operations.lander.land("cdr_in", MONTH, listed[made.export.id])
    operations.loader.load("cdr_in", MONTH)
    state, following, forgotten = told(operations)
    assert state.startswith(f"cdr_in {MONTH} is settling: ")
    assert following.startswith("  Next: wait, because ")
    assert re.fullmatch(r"  The vendor forgets it on \d{4}-\d\d-01: \d+ days are left( \(\w+\))?\.", forgotten)


class Broken(Vendor):
    """A vendor whose list cannot be read."""

    def exports(self) -> Listing:
        raise OSError("no such host")


def test_a_list_that_cannot_be_read_is_named_and_the_rest_is_still_told(
    operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    broken = Operations(operations.settings, {"didww": Broken(credentials(sandbox.url, KEY))}, clock=clock)
    state, unread, following, *_ = told(broken)
    assert " is missing: " in state
    assert unread.startswith("  The vendor's list could not be read, so its exports are unknown: ")
    assert following.startswith("  Next: request, because ")


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
