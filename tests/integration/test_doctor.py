"""What `cdr doctor` says of the months is what the alarms say, and no finding hides another."""

from datetime import timedelta

import pytest

from pipeline.commands.doctor import Finding, Level, examine
from pipeline.commands.show import coverage_table
from pipeline.defs.alarms import _deadlines
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Listing
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from tests.didww import credentials
from tests.integration.totals import KEY, MONTHS

FORGOTTEN = MONTHS[0].shift(3).start


def of_months(operations: Operations) -> list[Finding]:
    return [finding for finding in examine(operations) if "forgets" in finding.says or "No month" in finding.says]


@pytest.mark.parametrize(
    ("left", "level"),
    [
        (timedelta(days=15), Level.OK),
        (timedelta(days=14, hours=23), Level.WARNING),
        (timedelta(days=8), Level.WARNING),
        (timedelta(days=7, hours=23), Level.WRONG),
        (timedelta(hours=1), Level.WRONG),
        (timedelta(days=-1), Level.OK),
    ],
)
def test_doctor_alarms_and_status_agree_about_the_months_at_risk(
    operations: Operations, clock: ManualClock, left: timedelta, level: Level
) -> None:
    clock.advance(FORGOTTEN - left - clock())
    alarms = [alarm for alarm in _deadlines(operations) if alarm.month == str(MONTHS[0])]
    said = [finding for finding in of_months(operations) if level is Level.OK or str(MONTHS[0]) in finding.says]
    assert {finding.level for finding in said} == {level}
    assert {alarm.severity.value for alarm in alarms} == {
        Level.OK: set(), Level.WARNING: {"warning"}, Level.WRONG: {"error"}
    }[level]  # fmt: skip
    risks = list(coverage_table(operations.ledger.coverage()).columns[-1].cells)
    assert [str(cell) for cell in risks].count("warning") == 2 * (level is Level.WARNING)
    assert [str(cell) for cell in risks].count("error") == 2 * (level is Level.WRONG)


class Broken(Vendor):
    """A vendor whose list ends in what was not foreseen, as an unreadable file of certificates does."""

    def exports(self) -> Listing:
        raise OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /none")


def test_a_finding_that_was_not_foreseen_hides_no_other(
    sandbox: Sandbox, operations: Operations, clock: ManualClock
) -> None:
    broken = Operations(operations.settings, {"didww": Broken(credentials(sandbox.url, KEY))}, clock=clock)
    said = {finding.says: finding.level for finding in examine(broken)}
    [wrong] = [says for says, level in said.items() if "OSError" in says]
    assert said[wrong] is Level.WRONG
    for text in ("can be written to", "GiB are free", "vendor forgets it in 9 days"):
        assert any(text in says for says in said)
