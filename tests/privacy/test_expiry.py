"""Months whose clock has run down: gone from every folder, told as expired, and never brought back."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from pipeline.cli import main
from pipeline.commands.doctor import examine
from pipeline.definitions import build
from pipeline.defs.schedules import months_due
from pipeline.errors import PermanentError
from pipeline.expiry import due, expire, of_calls
from pipeline.export.action import Verb
from pipeline.journey import Journey
from pipeline.landing.survey import survey
from pipeline.months import Month
from pipeline.sandbox import ManualClock
from pipeline.warehouse.coverage import at_risk
from pipeline.warehouse.queries import load, models
from pipeline.warehouse.reading import check
from tests.integration.totals import MONTHS
from tests.privacy.conftest import PSEUDONYM_KEY, Bring, Opened, ask, texts

pytestmark = pytest.mark.slow

OLDEST = str(MONTHS[0])
SUMS = f"SELECT * FROM marts.daily_traffic WHERE month = '{OLDEST}' ORDER BY ALL"
STATES = "SELECT month, state, rows > 0 FROM coverage WHERE record_type = 'cdr_in' ORDER BY month"

ONE_MONTH: dict[str, Any] = {"cdr_retain_number_months": 1}


def call_ids(journey: Journey, month: str) -> list[str]:
    query = "SELECT month, call_id FROM cdr_in UNION ALL SELECT month, call_id FROM cdr_out ORDER BY ALL"
    return [call for at, call in ask(journey, query) if at == month and call]


@pytest.mark.parametrize("key", ["", PSEUDONYM_KEY])
def test_of_an_expired_month_the_sums_stay_and_no_call_does(
    opened: Opened, bring: Bring, tmp_path: Path, key: str
) -> None:
    bring(opened(cdr_pseudonym_key=SecretStr(key)), MONTHS[:2])
    journey = opened(cdr_pseudonym_key=SecretStr(key), **ONE_MONTH)
    gone, sums = call_ids(journey, OLDEST), ask(journey, SUMS)
    [planned] = due(journey)
    assert (planned.month, planned.files, planned.sums) == (OLDEST, 2, False)
    assert planned.rows["cdr_in"] == ask(journey, f"SELECT count(*) FROM cdr_in WHERE month = '{OLDEST}'")[0][0]

    assert expire(journey) == [planned]
    assert expire(journey) == due(journey) == []
    held = "".join(text for _, text in texts(tmp_path / "data"))
    assert [call for call in gone if call in held] == []
    assert [call for call in call_ids(journey, "2026-10") if call in held]
    assert ask(journey, SUMS) == sums != []
    assert ask(journey, STATES) == [
        (OLDEST, "expired", True),
        ("2026-10", "settling", True),
        ("2026-11", "missing", None),
    ]
    assert list(survey(journey.archive)) == []
    for query in load("checks"):
        if "-- severity: error" in query.sql:
            assert check(journey.warehouse, query).rows == 0, query.name
    log = (tmp_path / "data" / "expired.jsonl").read_text()
    assert '"month": "2026-09"' in log
    assert '"cdr_in": ' in log


def test_nothing_brings_an_expired_month_back(opened: Opened, bring: Bring, clock: ManualClock) -> None:
    bring(opened(), MONTHS[:2])
    journey = opened(**ONE_MONTH)
    expire(journey)
    sums = ask(journey, SUMS)
    assert journey.askable("cdr_in", [MONTHS[0]])[0] == []
    assert "older than CDR_RETAIN_NUMBER_MONTHS" in journey.askable("cdr_in", [MONTHS[0]], again=True)[1][0]
    listed = journey.listed("didww")
    for record_type in journey.schemas:
        assert journey.plan(record_type, MONTHS[0], listed).verb is Verb.NOTHING
        with pytest.raises(PermanentError, match="raise that to bring it in"):
            journey.load(record_type, MONTHS[0])
        with pytest.raises(PermanentError, match="raise that to bring it in"):
            journey.land(record_type, MONTHS[0], journey.ours(record_type, MONTHS[0], listed)[0])
    assert MONTHS[0] not in months_due(journey)
    assert not any(at_risk(row) for row in journey.coverage() if row.month == OLDEST)
    assert not any(OLDEST in finding.says for finding in examine(journey))
    assert {one.month for one in journey.rebuild()} == {"2026-10"}
    assert ask(journey, SUMS) == sums
    assert ask(journey, f"SELECT count(*) FROM cdr_in WHERE month = '{OLDEST}'") == [(0,)]
    # nor does taking the setting back
    assert [row.state for row in opened().coverage() if row.month == OLDEST] == ["expired", "expired"]
    assert {one.month for one in opened().rebuild()} == {"2026-10"}


def test_when_the_second_clock_has_run_down_the_sums_go_too(
    opened: Opened, bring: Bring, clock: ManualClock, tmp_path: Path
) -> None:
    settings = {**ONE_MONTH, "cdr_retain_aggregate_months": 2}
    bring(opened(), MONTHS[:1])
    journey = opened(**settings)
    assert [one.sums for one in expire(journey)] == [False]
    journey.report(MONTHS[0])
    clock.advance(Month(2026, 12).start - clock())
    [sums] = expire(journey)
    assert (sums.month, sums.sums, sums.rows["marts.daily_traffic"] > 0) == (OLDEST, True, True)
    assert ask(journey, "SELECT count(*) FROM marts.daily_traffic") == [(0,)]
    assert not journey.report_file(MONTHS[0]).exists()
    assert list((tmp_path / "data" / "aggregates").rglob("*.parquet")) == []
    # what the pipeline knows of itself stays
    assert ask(journey, "SELECT count(*) FROM exports WHERE rows > 0 AND file IS NULL") == [(2,)]


def test_an_expiry_that_was_cut_short_goes_on(opened: Opened, bring: Bring, tmp_path: Path) -> None:
    """Killed after the manifests were written: files and history are still there."""
    bring(opened(), MONTHS[:1])
    sums = ask(opened(), SUMS)
    journey = opened(**ONE_MONTH)
    backup = {path: path.read_bytes() for path in (tmp_path / "data" / "landing").rglob("*.gz")}
    expire(journey)
    for path, content in backup.items():
        path.write_bytes(content)
    left = tmp_path / "data" / "lake" / "cdr_in" / f"month={OLDEST}" / "left.parquet"
    left.write_bytes(b"")
    assert [one.month for one in due(journey)] == [OLDEST]
    expire(journey)
    assert due(journey) == []
    assert not left.exists()
    assert not any(path.exists() for path in backup)
    assert ask(journey, SUMS) == sums


def test_the_schedule_lets_months_expire_where_a_clock_is_set(opened: Opened, bring: Bring) -> None:
    bring(opened(), MONTHS[:1])
    journey = opened(**ONE_MONTH)
    definitions = build(journey)
    with dg.instance_for_test() as instance, dg.build_schedule_context(instance, journey.clock()) as context:
        schedule = definitions.resolve_schedule_def("retain_daily")
        assert len(schedule.evaluate_tick(context).run_requests or []) == 1
        result = definitions.resolve_job_def("retain").execute_in_process(instance=instance)
        assert result.success
        assert schedule.evaluate_tick(context).run_requests == []
    assert due(journey) == []
    assert "retain_daily" not in {schedule.name for schedule in build(opened()).schedules or []}


def test_the_command_says_what_it_would_delete_and_then_deletes_it(
    opened: Opened, bring: Bring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(opened(), MONTHS[:1])
    monkeypatch.chdir(tmp_path)
    env = {"CDR_DATA_DIR": str(tmp_path / "data"), "CDR_RETAIN_NUMBER_MONTHS": "1"}
    planned = CliRunner().invoke(main, ["retain", "--dry-run"], env=env)
    done = CliRunner().invoke(main, ["retain"], env=env)
    again = CliRunner().invoke(main, ["retain"], env=env)
    assert [result.exit_code for result in (planned, done, again)] == [0, 0, 0], done.output
    assert planned.output.splitlines()[:-1] == done.output.splitlines()[:-1]
    assert (planned.output.splitlines()[-1], done.output.splitlines()[-1]) == ("1 to delete.", "1 deleted.")
    assert again.output == "0 deleted.\n"


def test_what_shows_single_calls_goes_with_them() -> None:
    with_calls = {query.name for query in models() if of_calls(query)}
    assert {"staging.calls_in", "staging.calls_out", "marts.top_callers", "marts.watch_wangiri"} <= with_calls
    assert not {"marts.daily_traffic", "marts.cost_by_did"} & with_calls
