"""Erasing a number on its whole way: vendor, archive, lake, copies, published file; and that it does not come back."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from pipeline.cli import main
from pipeline.landing.survey import survey
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.warehouse.queries import load
from pipeline.warehouse.reading import check
from tests.integration.totals import MONTHS, bring_in
from tests.privacy.conftest import PSEUDONYM_KEY, Bring, Opened, ask, holding

pytestmark = pytest.mark.slow

NUMBER, NAME = "442079461234", "Mx Forgotten"
TOTALS = "SELECT export_id, rows, rejected_rows, duration_seconds, cost_usd, control_totals FROM exports ORDER BY 1"
SUMS = "SELECT month, direction, attempts, calls, duration_seconds, cost_usd FROM marts.daily_traffic ORDER BY ALL"
CALLS = ("FROM cdr_in SELECT * ORDER BY ALL", "FROM cdr_out SELECT * ORDER BY ALL", "FROM rejected_rows ORDER BY ALL")


@pytest.fixture
def called(vendor: Sandbox) -> Sandbox:
    """A vendor whose files hold the number in every way that it can be written."""
    in_ = {"Date/Time Start (UTC)": "2026-10-05 10:00:00", "Attempt": "1", "Duration (sec)": "7", "Total (USD)": "0.02"}
    out = {"Date/Time Start (UTC)": "2026-11-05 10:00:00", "Charged (USD)": "0.03"}
    vendor.add_records(
        "cdr_in",
        [
            {**in_, "Source": NUMBER, "Source Name": NAME, "Call ID": "by number"},
            {**in_, "Source": f"+{NUMBER}", "Source Name": f'"{NAME}", Esq.', "Call ID": "with a plus"},
            {**in_, "Source": f"00{NUMBER}", "Source Name": f"00{NUMBER}", "Call ID": "with zeros"},
            {**in_, "Source": NUMBER, "Source Name": NAME, "Attempt": "one", "Call ID": "rejected"},
        ],
    )
    vendor.add_records(
        "cdr_out",
        [
            {**out, "Source": "1", "CLI": NUMBER, "Call ID": "as cli"},
            {**out, "Source": NUMBER, "Destination Number": "33199", "Call ID": "as source"},
            {**out, "Destination Number": NUMBER, "Call ID": "as destination"},
            {**out, "P-Charge-Info": f"<sip:{NUMBER}@pbx.example.com>", "Call ID": "as payer"},
        ],
    )
    return vendor


def ask_again(operations: Operations, clock: ManualClock, record_type: str, month: Month) -> None:
    """A re-export, so that an older one lies in the archive and in the lake's history."""
    clock.advance(timedelta(days=1))
    bring_in(operations, record_type, month)
    operations.rebuilder.refresh()


@pytest.mark.parametrize("key", ["", PSEUDONYM_KEY])
def test_a_number_is_erased_everywhere_and_nothing_else_changes(
    opened: Opened, bring: Bring, called: Sandbox, clock: ManualClock, tmp_path: Path, key: str
) -> None:
    operations = opened(cdr_pseudonym_key=SecretStr(key))
    bring(operations)
    ask_again(operations, clock, "cdr_in", MONTHS[1])
    operations.publisher.report(MONTHS[1])
    before = ask(operations, TOTALS), ask(operations, SUMS)
    assert len(holding(tmp_path, NUMBER)) > 10

    found = {(one.record_type, one.month): rows for one, rows in operations.rebuilder.erase(NUMBER)}
    assert found == {("cdr_in", "2026-10"): 4, ("cdr_out", "2026-11"): 4}
    assert holding(tmp_path, NUMBER) == holding(tmp_path, NAME) == []
    assert (ask(operations, TOTALS), ask(operations, SUMS)) == before
    assert list(survey(operations.place.archive)) == []
    for query in load("checks"):
        if "-- severity: error" in query.sql:
            assert check(operations.place.warehouse, query).rows == 0, query.name

    files = {path: path.read_bytes() for path in (tmp_path / "data" / "landing").rglob("*.gz")}
    assert {(one.record_type, one.month): rows for one, rows in operations.rebuilder.erase(f"+{NUMBER}")} == found
    assert {path: path.read_bytes() for path in files} == files


def test_neither_a_rebuild_nor_a_later_export_brings_it_back(
    opened: Opened, bring: Bring, called: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    operations = opened()
    bring(operations)
    list(operations.rebuilder.erase(NUMBER))
    before = [ask(operations, query) for query in CALLS]
    list(operations.rebuilder.rebuild())
    assert [ask(operations, query) for query in CALLS] == before

    late = {"Date/Time Start (UTC)": "2026-10-06 10:00:00", "Source": NUMBER, "Attempt": "1", "Call ID": "late"}
    called.add_records("cdr_in", [late])
    ask_again(operations, clock, "cdr_in", MONTHS[1])
    assert ask(operations, "SELECT source_number FROM cdr_in WHERE call_id = 'late'") == [("erased",)]
    assert ask(operations, "SELECT rows_added, rows_gone, rows_changed FROM differences") == [(1, 0, 0)]
    assert holding(tmp_path, NUMBER) == []


def test_a_backup_from_before_is_erased_when_it_is_loaded(
    opened: Opened, bring: Bring, called: Sandbox, tmp_path: Path
) -> None:
    operations = opened()
    bring(operations)
    landing = tmp_path / "data" / "landing"
    backup = {path: path.read_bytes() for path in landing.rglob("*") if path.is_file()}
    list(operations.rebuilder.erase(NUMBER))
    for path, content in backup.items():
        path.write_bytes(content)
    assert holding(landing, NUMBER)
    list(opened().rebuilder.rebuild())
    assert holding(landing, NUMBER) == []


def test_an_erasure_that_was_cut_short_goes_on(opened: Opened, bring: Bring, called: Sandbox, tmp_path: Path) -> None:
    """Killed after the first file: the log and that file are done, the lake and all else are not."""
    operations = opened()
    bring(operations)
    assert next(iter(operations.rebuilder.erase(NUMBER)))
    assert holding(tmp_path, NUMBER)
    list(opened().rebuilder.erase(NUMBER))
    assert holding(tmp_path, NUMBER) == []


def test_what_a_killed_download_left_goes_too(opened: Opened, bring: Bring, called: Sandbox, tmp_path: Path) -> None:
    operations = opened()
    bring(operations)
    part = tmp_path / "data" / "landing" / "didww" / "cdr_in" / "2026-10" / "e-1.csv.gz.4711.part"
    part.write_text(f"a line with {NUMBER}")
    list(operations.rebuilder.erase(NUMBER))
    assert holding(tmp_path, NUMBER) == []


def test_the_command_asks_first_and_never_says_the_number(
    opened: Opened, bring: Bring, called: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(opened())
    monkeypatch.chdir(tmp_path)
    env = {"CDR_DATA_DIR": str(tmp_path / "data")}
    refused = CliRunner().invoke(main, ["erase", NUMBER], input="n\n", env=env)
    assert (refused.exit_code, "ends in 34" in refused.output) == (1, True)
    assert not (tmp_path / "data" / "erasures.jsonl").exists()
    done = CliRunner().invoke(main, ["erase", NUMBER, "--yes"], env=env)
    assert done.exit_code == 0, done.output
    assert "2026-10  cdr_in   4 records" in done.output
    assert "Erased in 8 archived records" in done.output
    for output in (refused.output, done.output):
        assert NUMBER not in output
    assert CliRunner().invoke(main, ["erase", "anonymous", "--yes"], env=env).exit_code == 1
