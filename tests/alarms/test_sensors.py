import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from pydantic import SecretStr

from pipeline.definitions import build
from pipeline.defs.alarms import alarm_sensors
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from tests.alarms.sinks import Hook, MailServer
from tests.integration.totals import KEY, NOW

CHECK = "calls_keep_rows"


@dataclass
class House:
    """A whole code location that tells the webhook, and its sensors' cursors."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    clock: ManualClock
    cursor: str | None = None

    def tick(self, name: str) -> Any:
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, definitions=self.definitions)
        result = self.definitions.resolve_sensor_def(name).evaluate_tick(context)
        self.cursor = result.cursor or self.cursor
        return result

    def fail(self, job: str, partition: str | None = None, **tags: str) -> str:
        made = self.definitions.resolve_job_def(job)
        result = made.execute_in_process(
            instance=self.instance, partition_key=partition, tags=tags, raise_on_error=False
        )
        assert not result.success
        return result.run_id

    def evaluate(self, *, passed: bool, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR) -> None:
        key = dg.AssetKey("warehouse")
        shown: dict[str, dg.RawMetadataValue] = {"rows": 3, "first rows": "442071234567"}
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(key, CHECK, passed=passed, severity=severity, metadata=shown)
        )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def settings(tmp_path: Path, clock: ManualClock, hook: Hook) -> Iterator[Settings]:
    with Sandbox(calls_per_day=1, clock=clock, api_key=KEY) as sandbox:
        yield Settings(
            didww_api_key=SecretStr(KEY),
            didww_api_url=sandbox.url,
            cdr_data_dir=tmp_path / "data",
            cdr_start_month="2026-07",
            cdr_alarm_webhook=SecretStr(hook.url),
            _env_file=None,
        )


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """One for all: a sensor's first tick looks at nothing that was before it, and no check is left failing."""
    with dg.instance_for_test(temp_dir=str(tmp_path_factory.mktemp("home"))) as made:
        yield made


@pytest.fixture
def house(settings: Settings, clock: ManualClock, instance: dg.DagsterInstance) -> House:
    return House(build(Operations(settings, clock=clock)), instance, clock)


def odd_house(house: House, settings: Settings) -> House:
    """The same sensors over a job that fails in a way that nobody foresaw."""

    @dg.op
    def step() -> None:
        raise ValueError("442071234567") from KeyError(KEY)

    @dg.job(executor_def=dg.in_process_executor)
    def odd() -> None:
        step()

    return House(dg.Definitions(jobs=[odd], sensors=alarm_sensors(Operations(settings))), house.instance, house.clock)


def test_a_failed_run_is_told_once_with_its_sentence_and_what_to_do(house: House, hook: Hook) -> None:
    house.tick("tell_of_failures")
    run_id = house.fail("ask", "2026-07")
    house.tick("tell_of_failures")
    house.tick("tell_of_failures")
    [got] = hook.got
    assert got["title"] == "The job ask failed for 2026-07"
    assert "The vendor forgot 2026-07" in got["happened"]
    assert (got["run_id"], got["month"], got["severity"]) == (run_id, "2026-07", "error")
    assert got["record_type"] in {"cdr_in", "cdr_out"}
    assert f"cdr backfill --from 2026-07 --to 2026-07 --type {got['record_type']}" in got["todo"]


def test_of_an_error_that_nobody_foresaw_only_the_kind_is_told(house: House, settings: Settings, hook: Hook) -> None:
    odd = odd_house(house, settings)
    odd.tick("tell_of_failures")
    odd.fail("odd")
    odd.tick("tell_of_failures")
    [got] = hook.got
    assert got["happened"] == "step failed unexpectedly (KeyError)."
    assert KEY not in json.dumps(got)


def test_a_run_that_dagster_repeats_is_not_told(house: House, settings: Settings, hook: Hook) -> None:
    odd = odd_house(house, settings)
    odd.tick("tell_of_failures")
    odd.instance.add_run_tags(odd.fail("odd"), {"dagster/will_retry": "true"})
    odd.tick("tell_of_failures")
    assert hook.tries == 0


def test_a_run_of_another_process_that_died_is_told(house: House, hook: Hook) -> None:
    house.tick("tell_of_failures")
    # to the sensor in the daemon, runs of `cdr backfill` are what this one is to the sensor here: of another location
    elsewhere = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("elsewhere"), "__repository__")
    run = house.instance.create_run_for_job(
        house.definitions.resolve_job_def("refresh"),
        remote_job_origin=elsewhere.get_job_origin("refresh"),
        tags={"dagster/asset_partition_range_start": "2026-09", "dagster/asset_partition_range_end": "2026-11"},
    )
    house.instance.report_run_failed(run, "gone")
    house.tick("tell_of_failures")
    [got] = hook.got
    assert got["title"] == "The job refresh failed for 2026-09 to 2026-11"
    assert got["happened"].startswith("Its process ended before the run did")


def test_a_failure_that_could_not_be_told_is_shown_and_the_next_one_is_told(house: House, hook: Hook) -> None:
    house.tick("tell_of_failures")
    hook.answers = [404]
    house.fail("ask", "2026-07")
    assert "HTTP 404" in house.tick("tell_of_failures").skip_message
    second = house.fail("ask", "2026-07")
    house.tick("tell_of_failures")
    assert [got["run_id"] for got in hook.got] == [second]


def test_a_deadline_is_told_once_for_each_month_and_level(house: House, hook: Hook) -> None:
    assert house.tick("tell_of_deadlines").skip_message.startswith("Sent: ")
    assert {(got["record_type"], got["month"], got["severity"]) for got in hook.got} == {
        ("cdr_in", "2026-09", "warning"),
        ("cdr_out", "2026-09", "warning"),
    }
    assert house.tick("tell_of_deadlines").skip_message == "There is no new alarm."
    house.clock.advance(timedelta(days=3))
    for _ in range(2):
        house.tick("tell_of_deadlines")
    assert [got["severity"] for got in hook.got] == ["warning"] * 2 + ["error"] * 2
    house.clock.advance(timedelta(days=10))
    house.tick("tell_of_deadlines")
    assert len(hook.got) == 4


def test_a_deadline_that_nobody_got_is_told_at_the_next_tick(house: House, hook: Hook) -> None:
    hook.answers = [404]
    assert "HTTP 404" in house.tick("tell_of_deadlines").skip_message
    assert (hook.tries, house.cursor) == (1, "[]")
    house.tick("tell_of_deadlines")
    assert len(hook.got) == 2


def test_a_deadline_that_one_of_two_channels_got_is_not_told_to_it_again(
    house: House, settings: Settings, hook: Hook, mail_server: MailServer
) -> None:
    mail_server.refusals = {"mail": "550 not you"}
    both = settings.model_copy(
        update={
            "cdr_smtp_url": SecretStr(f"smtp://127.0.0.1:{mail_server.port}"),
            "cdr_alarm_email_from": "cdr@example.com",
            "cdr_alarm_email_to": ("ops@example.com",),
        }
    )
    house.definitions = build(Operations(both, clock=house.clock))
    said = [house.tick("tell_of_deadlines").skip_message for _ in range(3)]
    assert ["550" in one for one in said] == [True, True, False]
    assert len(hook.got) == 2


def test_a_check_is_told_when_it_begins_to_fail_and_without_its_rows(house: House, hook: Hook) -> None:
    house.tick("tell_of_deadlines")
    hook.got.clear()
    for passed in (True, False, False, True, False):
        house.evaluate(passed=passed)
        house.tick("tell_of_deadlines")
    assert [got["title"] for got in hook.got] == [f"The check {CHECK} failed"] * 2
    assert "3 rows" in hook.got[0]["happened"]
    house.instance.create_run_for_job(house.definitions.resolve_job_def("refresh"))  # which plans its checks
    for _ in range(2):
        house.tick("tell_of_deadlines")
        house.evaluate(passed=False)
    house.evaluate(passed=False, severity=dg.AssetCheckSeverity.WARN)
    house.tick("tell_of_deadlines")
    assert len(hook.got) == 2


def test_without_a_channel_the_sensors_do_nothing_and_fail_nothing(house: House, settings: Settings) -> None:
    deaf = settings.model_copy(update={"cdr_alarm_webhook": SecretStr("")})
    house.definitions = build(Operations(deaf, clock=house.clock))
    house.tick("tell_of_failures")
    house.fail("ask", "2026-07")
    for name in ("tell_of_failures", "tell_of_deadlines"):
        assert "neither CDR_ALARM_WEBHOOK nor CDR_SMTP_URL is set" in house.tick(name).skip_message


def test_the_sensors_run_by_default(house: House) -> None:
    for name, seconds in {"tell_of_failures": 30, "tell_of_deadlines": 3600}.items():
        sensor = house.definitions.resolve_sensor_def(name)
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert (sensor.minimum_interval_seconds or 30) == seconds
