"""A process that is killed while its POST is under way: whoever comes next does not ask a second time."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import PermanentError, TransientError
from pipeline.export.didww import Vendor
from pipeline.export.exactly_once import ExactlyOnce, Requested
from pipeline.export.in_flight import InFlight
from pipeline.export.matching import Noted
from pipeline.export.protocol import Export, Listing, Request
from pipeline.export.requests import request_for
from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox
from tests.didww import CDR_OUT, credentials

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WANTED = request_for("cdr/main/cdr_out", CDR_OUT, Month(2026, 10), NOW)


class Late(Vendor):
    """Hears the POST of the process that was killed only after the next one has read the list once."""

    arrives = True

    def exports(self) -> Listing:
        listed = super().exports()
        if self.arrives:
            self.arrives = False
            self.request(WANTED)
        return listed


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(calls_per_day=1, clock=ManualClock(NOW), foreign=0) as vendor:
        yield vendor


@pytest.fixture
def vendor(sandbox: Sandbox) -> Late:
    return Late(credentials(sandbox.url, sandbox.api_key), backoff=0.0)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "sending"


class Remembered:
    """A log that holds what was remembered in this process."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails

    def noted(self, export_ids: Collection[str]) -> Mapping[str, Noted]:
        return {}

    def created(self, month: Month) -> Mapping[str, datetime]:
        return {}

    def competing(self) -> bool:
        return False

    def remember(self, export: Export, request: Request) -> None:
        assert export.reference == request.reference
        if self.fails:
            raise PermanentError(self.fails)


def request(vendor: Late, in_flight: InFlight, wanted: Request = WANTED, fails: str = "") -> Requested:
    log = Remembered(fails)
    once = ExactlyOnce("main", vendor, CDR_OUT, NOW, timedelta(hours=6), in_flight, log)
    once.read()
    return once.ensure(wanted)


def killed_while_sending(note: Path) -> None:
    """Leave what a killed process leaves: nobody takes its note away."""
    InFlight(note).note(WANTED, NOW, carried=True)


def test_what_was_under_way_is_waited_for_and_adopted(sandbox: Sandbox, vendor: Late, note: Path) -> None:
    killed_while_sending(note)
    asked = request(vendor, InFlight(note))
    assert not asked.created
    assert [export.id for export in sandbox.exports] == [asked.export.id]
    assert not note.exists()


def test_what_never_arrives_is_asked_for_when_it_cannot_come_any_more(
    sandbox: Sandbox, vendor: Late, note: Path
) -> None:
    vendor.arrives = False
    killed_while_sending(note)
    asked = request(vendor, InFlight(note, seconds=0.2))
    assert asked.created
    assert len(sandbox.exports) == 1
    assert not note.exists()


@pytest.mark.parametrize("kind", [Fault.BAD_GATEWAY, Fault.UNANSWERED])
def test_a_process_that_lives_leaves_a_note_only_where_it_got_no_answer(
    sandbox: Sandbox, vendor: Late, note: Path, kind: Fault
) -> None:
    vendor.arrives = False
    sandbox.faults.inject(kind, on=Operation.CREATE)
    try:
        request(vendor, InFlight(note))
    except TransientError:
        assert kind is Fault.BAD_GATEWAY
    assert note.exists() == (kind is Fault.BAD_GATEWAY)


def test_what_the_vendor_refused_is_not_waited_for(vendor: Late, note: Path) -> None:
    vendor.arrives = False
    future = replace(WANTED, end=NOW + timedelta(days=1), reference=WANTED.reference + "x")
    with pytest.raises(PermanentError):
        request(vendor, InFlight(note), future)
    assert not note.exists()


def test_what_cannot_be_noted_is_found_again(sandbox: Sandbox, vendor: Late, note: Path) -> None:
    vendor.arrives = False

    with pytest.raises(PermanentError, match="full"):
        request(vendor, InFlight(note), fails="The disk is full; free some space.")
    assert note.exists()
    assert not request(vendor, InFlight(note)).created
    assert len(sandbox.exports) == 1
