"""Months whose clock has run down: gone from every folder, told as expired, and never brought back."""

import shutil
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from pipeline.landing.survey import survey
from pipeline.months import Month
from pipeline.operations.expire import MOST_MONTHS, of_calls
from pipeline.operations.state import Verb
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.warehouse.coverage import at_risk
from pipeline.warehouse.queries import load, models
from pipeline.warehouse.reading import check
from tests.integration.totals import KEY, MONTHS, planned
from tests.privacy.conftest import PSEUDONYM_KEY, Bring, Opened, ask, texts

pytestmark = pytest.mark.slow

OLDEST = str(MONTHS[0])
SUMS = f"SELECT * FROM marts.daily_traffic WHERE month = '{OLDEST}' ORDER BY ALL"
STATES = "SELECT month, state, rows > 0 FROM coverage WHERE record_type = 'cdr_in' ORDER BY month"

ONE_MONTH: dict[str, Any] = {"cdr_call_retention_months": 1}


def call_ids(operations: Operations, month: str) -> list[str]:
    query = "SELECT month, call_id FROM cdr_in UNION ALL SELECT month, call_id FROM cdr_out ORDER BY ALL"
    return [call for at, call in ask(operations, query) if at == month and call]


@pytest.mark.parametrize("key", ["", PSEUDONYM_KEY])
def test_of_an_expired_month_the_sums_stay_and_no_call_does(
    opened: Opened, bring: Bring, tmp_path: Path, key: str
) -> None:
    bring(opened(cdr_pseudonym_key=SecretStr(key)), MONTHS[:2])
    operations = opened(cdr_pseudonym_key=SecretStr(key), **ONE_MONTH)
    gone, sums = call_ids(operations, OLDEST), ask(operations, SUMS)
    [planned] = operations.expirer.due()
    assert (planned.month, planned.files, planned.sums) == (OLDEST, 2, False)
    assert planned.rows["cdr_in"] == ask(operations, f"SELECT count(*) FROM cdr_in WHERE month = '{OLDEST}'")[0][0]

    assert operations.expirer.expire() == [planned]
    assert operations.expirer.expire() == operations.expirer.due() == []
    held = "".join(text for _, text in texts(tmp_path / "data"))
    assert [call for call in gone if call in held] == []
    assert [call for call in call_ids(operations, "2026-10") if call in held]
    assert ask(operations, SUMS) == sums != []
    assert ask(operations, STATES) == [
        (OLDEST, "expired", True),
        ("2026-10", "settling", True),
        ("2026-11", "missing", None),
    ]
    assert list(survey(operations.place.archive)) == []
    for query in load("checks"):
        if "-- severity: error" in query.sql:
            assert check(operations.place.warehouse, query).rows == 0, query.name
    log = (tmp_path / "data" / "expired.jsonl").read_text()
    assert '"month": "2026-09"' in log
    assert '"cdr_in": ' in log


def test_nothing_brings_an_expired_month_back(opened: Opened, bring: Bring, clock: ManualClock) -> None:
    bring(opened(), MONTHS[:2])
    operations = opened(**ONE_MONTH)
    operations.expirer.expire()
    sums = ask(operations, SUMS)
    for force_new in (False, True):
        made = operations.requester.request("cdr_in", [MONTHS[0]], force_new=force_new)
        assert made.done == []
        assert "older than CDR_CALL_RETENTION_MONTHS" in str(made.refused[MONTHS[0]])
    listed = operations.listings.read("didww")
    for record_type in operations.place.schemas:
        assert planned(operations, record_type, MONTHS[0]).verb is Verb.DONE
        with pytest.raises(PermanentError, match="raise that to bring it in"):
            operations.loader.load(record_type, MONTHS[0])
        with pytest.raises(PermanentError, match="raise that to bring it in"):
            operations.lander.land(record_type, MONTHS[0], operations.listings.ours(record_type, MONTHS[0], listed)[0])
    assert MONTHS[0] not in months_due(operations)
    assert not any(at_risk(row) for row in operations.ledger.coverage() if row.month == OLDEST)
    assert not any(OLDEST in finding.says for finding in examine(operations))
    assert {one.month for one in operations.rebuilder.rebuild()} == {"2026-10"}
    assert ask(operations, SUMS) == sums
    assert ask(operations, f"SELECT count(*) FROM cdr_in WHERE month = '{OLDEST}'") == [(0,)]
    # nor does taking the setting back
    assert [row.state for row in opened().ledger.coverage() if row.month == OLDEST] == ["expired", "expired"]
    assert {one.month for one in opened().rebuilder.rebuild()} == {"2026-10"}


def test_when_the_second_clock_has_run_down_the_sums_go_too(
    opened: Opened, bring: Bring, clock: ManualClock, tmp_path: Path
) -> None:
    settings = {**ONE_MONTH, "cdr_aggregate_retention_months": 2}
    bring(opened(), MONTHS[:1])
    operations = opened(**settings)
    assert [one.sums for one in operations.expirer.expire()] == [False]
    operations.publisher.report(MONTHS[0])
    clock.advance(Month(2026, 12).start - clock())
    [sums] = operations.expirer.expire()
    assert (sums.month, sums.sums, sums.rows["marts.daily_traffic"] > 0) == (OLDEST, True, True)
    assert ask(operations, "SELECT count(*) FROM marts.daily_traffic") == [(0,)]
    assert not operations.place.report_file(MONTHS[0]).exists()
    assert list((tmp_path / "data" / "aggregates").rglob("*.parquet")) == []
    # what the pipeline knows of itself stays
    assert ask(operations, "SELECT count(*) FROM exports WHERE rows > 0 AND file IS NULL") == [(2,)]


def test_an_expiry_that_was_cut_short_goes_on(opened: Opened, bring: Bring, tmp_path: Path) -> None:
    """Killed after the manifests were written: files and history are still there."""
    bring(opened(), MONTHS[:1])
    sums = ask(opened(), SUMS)
    operations = opened(**ONE_MONTH)
    backup = {path: path.read_bytes() for path in (tmp_path / "data" / "landing").rglob("*.gz")}
    operations.expirer.expire()
    for path, content in backup.items():
        path.write_bytes(content)
    left = tmp_path / "data" / "lake" / "cdr_in" / f"month={OLDEST}" / "left.parquet"
    left.write_bytes(b"")
    assert [one.month for one in operations.expirer.due()] == [OLDEST]
    operations.expirer.expire()
    assert operations.expirer.due() == []
    assert not left.exists()
    assert not any(path.exists() for path in backup)
    assert ask(operations, SUMS) == sums


def test_an_expiry_that_was_killed_before_it_published_publishes_when_it_is_called_again(
    opened: Opened, bring: Bring, clock: ManualClock, tmp_path: Path
) -> None:
    bring(opened(), MONTHS[:1])
    operations = opened(**ONE_MONTH, cdr_aggregate_retention_months=2)
    operations.expirer.expire()
    assert ask(operations, SUMS)
    clock.advance(Month(2026, 12).start - clock())
    shutil.rmtree(tmp_path / "data" / "aggregates")  # as far as it came
    assert operations.expirer.due() == []
    operations.expirer.expire()
    assert ask(operations, SUMS) == []


def test_the_schedule_lets_months_expire_where_a_clock_is_set(opened: Opened, bring: Bring) -> None:
    bring(opened(), MONTHS[:1])
    operations = opened(**ONE_MONTH)
    definitions = build(operations)
    with dg.instance_for_test() as instance, dg.build_schedule_context(instance, operations.place.clock()) as context:
        schedule = definitions.resolve_schedule_def("retain_daily")
        assert len(schedule.evaluate_tick(context).run_requests or []) == 1
        result = definitions.resolve_job_def("retain").execute_in_process(instance=instance)
        assert result.success
        assert schedule.evaluate_tick(context).run_requests == []
    assert operations.expirer.due() == []
    assert "retain_daily" not in {schedule.name for schedule in build(opened()).schedules or []}


def test_the_command_says_what_it_would_delete_and_then_deletes_it(
    opened: Opened, bring: Bring, vendor: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(opened(), MONTHS[:1])
    monkeypatch.chdir(tmp_path)
    asked = {"DIDWW_API_KEY": KEY, "DIDWW_API_URL": vendor.url}  # who says that the clock is right
    env = {"CDR_DATA_DIR": str(tmp_path / "data"), "CDR_CALL_RETENTION_MONTHS": "1", **asked}
    planned = CliRunner().invoke(main, ["retain", "--dry-run"], env=env)
    done = CliRunner().invoke(main, ["retain"], env=env)
    again = CliRunner().invoke(main, ["retain"], env=env)
    assert [result.exit_code for result in (planned, done, again)] == [0, 0, 0], done.output
    assert planned.output.splitlines()[:-1] == done.output.splitlines()[:-1]
    assert (planned.output.splitlines()[-1], done.output.splitlines()[-1]) == ("1 to delete.", "1 deleted.")
    assert again.output == "0 deleted.\n"


def held(folder: Path) -> dict[str, bytes]:
    """Every archived file, every table of the lake, and what is published."""
    kinds = ("*.gz", "*.parquet", "warehouse.duckdb")
    return {str(path): path.read_bytes() for kind in kinds for path in folder.rglob(kind)}


def test_a_clock_that_is_years_ahead_deletes_nothing(
    opened: Opened, bring: Bring, clock: ManualClock, tmp_path: Path
) -> None:
    bring(opened(), MONTHS[:1])
    before = held(tmp_path / "data")
    operations = opened(didww_api_key=SecretStr(""), cdr_call_retention_months=36, cdr_aggregate_retention_months=60)
    clock.advance(Month(2036, 10).start - clock())
    assert [one.month for one in operations.expirer.due()] == [OLDEST]
    with pytest.raises(PermanentError, match=r"^Nothing was deleted, because [^\n]+ says 2036-10-01, [^\n]+ --force`"):
        operations.expirer.expire()
    job = build(operations).resolve_job_def("retain")
    with dg.instance_for_test() as instance:
        assert not job.execute_in_process(instance=instance, raise_on_error=False).success
    assert held(tmp_path / "data") == before
    assert [one.sums for one in operations.expirer.expire(force=True)] == [False, True]
    assert [path for path in held(tmp_path / "data") if not path.endswith("warehouse.duckdb")] == []


def test_a_clock_that_is_not_the_vendors_deletes_nothing(tmp_path: Path, opened: Opened) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = b'{"data": [], "meta": {"api_version": "2026-04-16", "total_records": 0}, "links": {}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return "Sat, 21 Nov 2015 12:00:00 GMT"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Nothing is logged."""

    file = tmp_path / "data" / "landing" / "didww" / "cdr_in" / OLDEST / "x.csv.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        operations = opened(didww_api_url=f"http://127.0.0.1:{server.server_address[1]}/v3", **ONE_MONTH)
        with pytest.raises(PermanentError, match=r"^Nothing was deleted, because the vendor's clock is \d+ days from"):
            operations.expirer.expire()
        server.shutdown()
        thread.join()
    assert file.exists()


def test_a_pass_that_would_delete_much_at_once_must_be_meant(opened: Opened, tmp_path: Path) -> None:
    files = [tmp_path / "data" / "landing" / "didww" / "cdr_in" / f"2026-0{n}" / "x.csv.gz" for n in range(1, 5)]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
    operations = opened(**ONE_MONTH)
    assert len(operations.expirer.due()) == MOST_MONTHS + 1
    with pytest.raises(PermanentError, match=r"^Nothing was deleted, because 4 months at once are more than 3; "):
        operations.expirer.expire()
    assert all(file.exists() for file in files)
    files[0].unlink()
    assert len(operations.expirer.expire()) == MOST_MONTHS
    assert not any(file.exists() for file in files)


def test_sums_that_expired_are_not_published_any_more_when_the_process_is_killed_while_it_deletes_them(
    opened: Opened, bring: Bring, tmp_path: Path, clock: ManualClock
) -> None:
    bring(opened(), MONTHS[:1])
    opened(**ONE_MONTH).expirer.expire()
    operations = opened(**ONE_MONTH, cdr_aggregate_retention_months=2)
    operations.publisher.report(MONTHS[0])
    assert ask(operations, "SELECT count(*) > 0 FROM marts.daily_traffic") == [(True,)]
    clock.advance(Month(2026, 12).start - clock())
    script = f"""
import os, shutil, signal
from datetime import datetime
from pathlib import Path
from pipeline.operations.wiring import Operations
from pipeline.settings import Settings
shutil.rmtree = lambda path: os.kill(os.getpid(), signal.SIGKILL)
settings = Settings(
    _env_file=None,
    cdr_data_dir={str(tmp_path / "data")!r},
    cdr_call_retention_months=1,
    cdr_aggregate_retention_months=2,
)
Operations(settings, clock=lambda: datetime.fromisoformat({clock().isoformat()!r})).expirer.expire()
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert ask(operations, "SELECT count(*) FROM marts.daily_traffic") == [(0,)]
    assert not operations.place.report_file(MONTHS[0]).exists()
    assert [one.sums for one in operations.expirer.due()] == [True]
    assert [one.sums for one in operations.expirer.expire()] == [True]
    assert operations.expirer.due() == []


def test_what_shows_single_calls_goes_with_them() -> None:
    with_calls = {query.name for query in models() if of_calls(query)}
    assert {"staging.calls_in", "staging.calls_out", "marts.top_callers", "marts.watch_wangiri"} <= with_calls
    assert not {"marts.daily_traffic", "marts.cost_by_did"} & with_calls
