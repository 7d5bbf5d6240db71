"""A process that is killed while its POST is under way: whoever comes next does not ask a second time."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.errors import TransientError
from pipeline.export.asking import Asker, ensure_asked
from pipeline.export.didww import Didww
from pipeline.export.outbox import Outbox
from pipeline.export.plan import request_for
from pipeline.export.protocol import Export
from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WANTED = request_for("main", "cdr_out", Month(2026, 10), NOW)
ASKER = Asker("main", NOW, timedelta(hours=6))


class Late(Didww):
    """Hears the POST of the process that was killed only after the next one has read the list once."""

    arrives = True

    def exports(self) -> Sequence[Export]:
        listed = super().exports()
        if self.arrives:
            self.arrives = False
            self.ask(WANTED)
        return listed


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(calls_per_day=1, clock=ManualClock(NOW), foreign=0) as vendor:
        yield vendor


@pytest.fixture
def vendor(sandbox: Sandbox) -> Late:
    return Late(sandbox.url, SecretStr(sandbox.api_key), "2026-04-16", patience=0.0)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "sending"


def killed_while_sending(note: Path) -> None:
    """Leave what a killed process leaves: nobody takes its note away."""

    class Killed(BaseException):
        pass

    with pytest.raises(Killed), Outbox(note).sending(WANTED.reference):
        raise Killed


def test_what_was_under_way_is_waited_for_and_adopted(sandbox: Sandbox, vendor: Late, note: Path) -> None:
    killed_while_sending(note)
    (asked,) = ensure_asked(vendor, [WANTED], ASKER, Outbox(note))
    assert not asked.created
    assert [export.id for export in sandbox.exports] == [asked.export.id]
    assert not note.exists()


def test_what_never_arrives_is_asked_for_when_it_cannot_come_any_more(
    sandbox: Sandbox, vendor: Late, note: Path
) -> None:
    vendor.arrives = False
    killed_while_sending(note)
    (asked,) = ensure_asked(vendor, [WANTED], ASKER, Outbox(note, on_its_way=0.2))
    assert asked.created
    assert len(sandbox.exports) == 1
    assert not note.exists()


@pytest.mark.parametrize("kind", [Fault.BAD_GATEWAY, Fault.UNANSWERED])
def test_a_process_that_lives_leaves_no_note(sandbox: Sandbox, vendor: Late, note: Path, kind: Fault) -> None:
    vendor.arrives = False
    sandbox.faults.inject(kind, on=Operation.CREATE)
    try:
        list(ensure_asked(vendor, [WANTED], ASKER, Outbox(note)))
    except TransientError:
        assert kind is Fault.BAD_GATEWAY
    assert not note.exists()
