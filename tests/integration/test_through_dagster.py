import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster import AssetKey, DagsterInstance, RunRequest
from pydantic import SecretStr

from pipeline.definitions import build
from pipeline.defs.backfill import backfilled
from pipeline.defs.cursor import Cursor
from pipeline.defs.home import prepare_home
from pipeline.defs.runs import Process
from pipeline.defs.schedules import months_due
from pipeline.defs.sensors import sense
from pipeline.errors import PermanentError
from pipeline.operations.state import Partition, Verb
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox
from pipeline.warehouse import queries
from tests.alarms.sinks import Hook, served
from tests.integration.totals import KEY, MONTHS, bring_in, planned, published, true_totals

pytestmark = pytest.mark.slow

RANGE = {"dagster/asset_partition_range_start": str(MONTHS[0]), "dagster/asset_partition_range_end": str(MONTHS[-1])}


def ask_for_everything(definitions: dg.Definitions, instance: DagsterInstance) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def("ask").execute_in_process(instance=instance, tags=RANGE, raise_on_error=False)


def tick(definitions: dg.Definitions, instance: DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
    result = definitions.resolve_sensor_def("exports_ready")(context)
    assert isinstance(result, dg.SensorResult)
    return result


def launch(definitions: dg.Definitions, instance: DagsterInstance, requests: Sequence[RunRequest]) -> list[bool]:
    return [
        definitions.resolve_job_def(str(request.job_name))
        .execute_in_process(
            instance=instance,
            partition_key=request.partition_key,
            tags=dict(request.tags),
            run_config=request.run_config,
            raise_on_error=False,
        )
        .success
        for request in requests
    ]


def refresh(definitions: dg.Definitions, instance: DagsterInstance) -> bool:
    return definitions.resolve_job_def("refresh").execute_in_process(instance=instance, tags=RANGE).success


def posts(sandbox: Sandbox) -> int:
    return sum(request.method == "POST" for request in sandbox.requests)


def test_every_month_arrives_exactly_and_the_second_time_changes_nothing(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox
) -> None:
    assert ask_for_everything(definitions, instance).success
    requested = tick(definitions, instance)
    assert launch(definitions, instance, requested.run_requests or []) == [True] * 6
    assert refresh(definitions, instance)

    assert posts(sandbox) == 6
    for record_type in ("cdr_in", "cdr_out"):
        for month in MONTHS:
            export_id = operations.ledger.loaded(record_type)[str(month)]
            rows, sums = published(operations, record_type, month)
            true_rows, true_sums = true_totals(sandbox, export_id)
            assert rows == true_rows > 100
            assert sums == true_sums
    files = {path: path.stat().st_mtime_ns for path in operations.place.lake.root.rglob("*.parquet")}

    assert ask_for_everything(definitions, instance).success
    again = tick(definitions, instance, requested.cursor)
    assert (again.run_requests, again.asset_events) == ([], [])
    assert refresh(definitions, instance)

    # the running month has moved on by itself only if the clock has: it is adopted until then
    assert posts(sandbox) == 6
    assert {path: path.stat().st_mtime_ns for path in operations.place.lake.root.rglob("*.parquet")} == files


def test_a_growing_month_is_loaded_again_as_often_as_one_likes(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    job, running, counts, keys = definitions.resolve_job_def("ask"), MONTHS[-1], [], []
    for _ in range(3):
        assert job.execute_in_process(
            instance=instance, partition_key=str(running), asset_selection=[AssetKey(["cdr_in", "export"])]
        ).success
        [request] = tick(definitions, instance).run_requests or []
        assert launch(definitions, instance, [request]) == [True]
        keys.append(request.run_key)
        export_id = operations.ledger.loaded("cdr_in")[str(running)]
        assert operations.place.lake.version_keys("cdr_in")[str(running)] == export_id
        counts.append(true_totals(sandbox, export_id)[0])
        clock.advance(timedelta(days=2))
    assert counts == sorted(set(counts))
    assert len(set(keys)) == 3


def test_a_failed_load_is_launched_again_a_bounded_number_of_times_under_new_keys(
    definitions: dg.Definitions, instance: DagsterInstance, sandbox: Sandbox, operations: Operations
) -> None:
    operations.requester.request("cdr_in", [MONTHS[0]]).all()
    sandbox.faults.inject(Fault.MISSING_COLUMN, times=None)
    keys = []
    for _ in range(3):
        [request] = tick(definitions, instance).run_requests or []
        keys.append(request.run_key)
        assert launch(definitions, instance, [request]) == [False]
    assert len(set(keys)) == 3
    assert tick(definitions, instance).run_requests == []
    assert operations.ledger.loaded("cdr_in") == {}


def test_a_tick_over_six_ready_months_reads_the_list_once_its_loads_included(
    definitions: dg.Definitions, instance: DagsterInstance, sandbox: Sandbox
) -> None:
    ask_for_everything(definitions, instance)
    before = len(sandbox.requests)
    requests = tick(definitions, instance).run_requests or []
    assert launch(definitions, instance, requests) == [True] * 6
    paths = [request.path for request in sandbox.requests[before:]]
    assert [path for path in paths if not path.endswith(".csv.gz")] == paths[:1]
    assert len(paths) == 1 + 6


def test_a_month_whose_notes_are_damaged_keeps_no_other(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, clock: ManualClock
) -> None:
    for month in MONTHS[:2]:
        bring_in(operations, "cdr_in", month)
    clock.advance(timedelta(days=2))
    operations.requester.request("cdr_in", MONTHS[:2]).all()
    [manifest] = (operations.place.archive.root / "didww" / "cdr_in" / str(MONTHS[0])).glob("*.landed.json")
    manifest.write_text("{", encoding="utf-8")
    # the month is whole, and its newer export is loaded as that of any other; `cdr verify` names the note
    result, wrong = sense(operations, instance, operations.listings.read_all()[0], Cursor.read(None))
    assert [request.partition_key for request in result.run_requests or []] == [str(month) for month in MONTHS[:2]]
    assert wrong == []


def test_an_unreadable_list_is_not_an_empty_one(
    definitions: dg.Definitions, instance: DagsterInstance, sandbox: Sandbox, operations: Operations
) -> None:
    ask_for_everything(definitions, instance)
    first = tick(definitions, instance)
    sandbox.faults.inject(Fault.INVALID_JSON, times=None, on=Operation.LIST)
    context = dg.build_sensor_context(instance=instance, cursor=first.cursor, definitions=definitions)
    skipped = definitions.resolve_sensor_def("exports_ready")(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "could not be read" in str(skipped.skip_message)


def test_progress_is_reported_once_and_an_unknown_status_hides_nothing(
    definitions: dg.Definitions, instance: DagsterInstance, sandbox: Sandbox, operations: Operations
) -> None:
    [odd] = operations.requester.request("cdr_in", [MONTHS[0]]).all()
    sandbox.faults.inject(
        Fault.UNKNOWN_STATUS, times=None, match=lambda export: export.id == odd.export.id, value="archiving"
    )
    operations.requester.request("cdr_out", [MONTHS[0]]).all()
    result = tick(definitions, instance)
    assert [request.job_name for request in result.run_requests or []] == ["load_cdr_out"]
    said = {tuple(event.asset_key.path): type(event).__name__ for event in result.asset_events}
    assert said == {("cdr_in", "ready"): "AssetObservation", ("cdr_out", "ready"): "AssetMaterialization"}
    assert "archiving" in json.loads(str(result.cursor))[1]["cdr_in/2026-09"]
    assert tick(definitions, instance, result.cursor).asset_events == []


def test_materializing_one_month_before_its_export_is_ready_fails_nothing(
    definitions: dg.Definitions, instance: DagsterInstance, sandbox: Sandbox, operations: Operations
) -> None:
    sandbox.faults.inject(Fault.STUCK, times=None)
    operations.requester.request("cdr_in", [MONTHS[0]]).all()
    assert (
        definitions.resolve_job_def("load_cdr_in")
        .execute_in_process(instance=instance, partition_key=str(MONTHS[0]))
        .success
    )
    assert operations.ledger.loaded("cdr_in") == {}


def test_a_range_that_holds_a_forgotten_month_still_asks_for_the_others(
    settings_from_july: dg.Definitions, instance: DagsterInstance, sandbox: Sandbox
) -> None:
    job = settings_from_july.resolve_job_def("ask")
    result = job.execute_in_process(
        instance=instance,
        tags={**RANGE, "dagster/asset_partition_range_start": "2026-07"},
        asset_selection=[AssetKey(["cdr_in", "export"])],
        raise_on_error=False,
    )
    [failure] = result.get_step_failure_events()
    assert "The vendor forgot 2026-07" in str(failure.step_failure_data.user_failure_data)
    assert posts(sandbox) == 3
    kept = instance.get_materialized_partitions(AssetKey(["cdr_in", "export"]))
    assert kept == {str(month) for month in MONTHS}


@pytest.fixture
def settings_from_july(operations: Operations) -> dg.Definitions:
    early = operations.settings.model_copy(update={"cdr_start_month": "2026-07"})
    return build(Operations(early, clock=operations.place.clock))


def test_the_schedule_asks_daily_for_the_running_month_and_for_finished_ones_until_they_are_sealed(
    operations: Operations, clock: ManualClock
) -> None:
    def asked_today() -> dict[str, list[str]]:
        due = {str(month): types for month, types in months_due(operations).items()}
        for month, types in months_due(operations).items():
            for record_type in types:
                operations.requester.request(record_type, [month]).all()
                action = planned(operations, record_type, month)
                if action.verb is Verb.LOAD and action.export:
                    operations.lander.land(record_type, month, action.export)
                    operations.loader.load(record_type, month)
        return due

    assert set(asked_today()) == {"2026-09", "2026-10", "2026-11"}
    assert asked_today() == {}
    seen = []
    for _ in range(4):
        clock.advance(timedelta(days=1))
        seen.append(sorted(asked_today()))
    # the finished months are asked for again after two days, agree, and are sealed
    assert seen == [["2026-11"], ["2026-09", "2026-10", "2026-11"], ["2026-11"], ["2026-11"]]
    states = {(row.record_type, row.month): row.state for row in operations.ledger.coverage()}
    assert {states["cdr_in", "2026-09"], states["cdr_out", "2026-10"]} == {"sealed"}


def test_the_warehouse_can_be_read_while_a_month_is_loaded_and_an_open_reader_stops_no_load(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations
) -> None:
    ask_for_everything(definitions, instance)
    requests = tick(definitions, instance).run_requests or []
    launch(definitions, instance, requests[:1])
    refresh(definitions, instance)
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as reader:
        before = reader.execute("SELECT count(*), count(DISTINCT month) FROM cdr_in").fetchone()
        assert launch(definitions, instance, requests[1:]) == [True] * 5
        assert refresh(definitions, instance)
        assert reader.execute("SELECT count(*), count(DISTINCT month) FROM cdr_in").fetchone() == before
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as later:
        assert later.execute("SELECT count(DISTINCT month) FROM cdr_in").fetchone() == (3,)


def test_the_checks_run_with_the_warehouse_and_pass(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations
) -> None:
    ask_for_everything(definitions, instance)
    launch(definitions, instance, tick(definitions, instance).run_requests or [])
    result = definitions.resolve_job_def("refresh").execute_in_process(instance=instance, tags=RANGE)
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) >= 12
    assert [evaluation.check_name for evaluation in evaluations if not evaluation.passed] == []


def test_the_key_is_in_nothing_that_dagster_keeps(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox
) -> None:
    ask_for_everything(definitions, instance)
    sandbox.faults.inject(Fault.HTML_PAGE, times=1)
    launch(definitions, instance, tick(definitions, instance).run_requests or [])
    refresh(definitions, instance)
    kept = [
        path for path in (*operations.settings.cdr_data_dir.rglob("*"), *instance_files(instance)) if path.is_file()
    ]
    assert len(kept) > 20
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []


def instance_files(instance: DagsterInstance) -> Sequence[Path]:
    return list(Path(instance.root_directory).rglob("*"))


def test_a_re_export_that_differs_is_loaded_and_its_difference_recorded_per_day(
    operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    first = bring_in(operations, "cdr_in", MONTHS[1])
    sandbox.add_records(
        "cdr_in", [{"Date/Time Start (UTC)": "2026-10-07 08:00:00", "Total (USD)": "0.5", "Call ID": "x"}]
    )
    clock.advance(timedelta(days=2))
    second = bring_in(operations, "cdr_in", MONTHS[1])
    operations.rebuilder.refresh()
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as db:
        found = db.execute(
            "SELECT CAST(day AS VARCHAR), previous_export_id, export_id, rows_added, rows_gone, rows_changed, usd_more "
            "FROM differences"
        ).fetchall()
    assert found == [("2026-10-07", first, second, 1, 0, 0, Decimal("0.5"))]
    assert {
        row.state for row in operations.ledger.coverage() if row.month == "2026-10" and row.record_type == "cdr_in"
    } == {"settling"}


def test_a_re_export_that_would_take_many_rows_away_is_refused_until_it_is_forced(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    first = bring_in(operations, "cdr_in", MONTHS[1])
    sandbox.replace_records("cdr_in", [{"Date/Time Start (UTC)": "2026-10-07 08:00:00", "Call ID": "x"}])
    clock.advance(timedelta(days=2))
    operations.requester.request("cdr_in", [MONTHS[1]]).all()
    [request] = tick(definitions, instance).run_requests or []
    assert launch(definitions, instance, [request]) == [False]
    assert operations.ledger.loaded("cdr_in")["2026-10"] == first
    with pytest.raises(PermanentError, match="rows fewer than"):
        list(operations.rebuilder.rebuild())  # which loads again what was loaded, and not what was refused
    assert operations.ledger.loaded("cdr_in")["2026-10"] == first
    loaded = operations.loader.load("cdr_in", MONTHS[1], force=True)
    assert operations.ledger.loaded("cdr_in")["2026-10"] == loaded.export_id != first
    assert not list(operations.place.lake.root.rglob("*.part"))


def test_each_month_carries_its_own_checks_and_a_load_that_changes_nothing_keeps_them(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox
) -> None:
    sandbox.faults.inject(Fault.RAGGED_ROW, times=1)
    sandbox.faults.inject(Fault.EXTRA_COLUMN, times=1)
    operations.requester.request("cdr_in", [MONTHS[0]]).all()
    job = definitions.resolve_job_def("load_cdr_in")
    run = job.execute_in_process(instance=instance, partition_key=str(MONTHS[0]))
    answers = {check.check_name: (check.passed, check.severity.value) for check in run.get_asset_check_evaluations()}
    assert answers == {
        "control_totals": (True, "ERROR"),
        "nothing_rejected": (False, "WARN"),
        "inside_the_month": (True, "WARN"),
        "as_served": (True, "WARN"),
        "known_columns": (False, "WARN"),
        "kept_out": (True, "WARN"),
        "vendor_count": (True, "WARN"),  # which this vendor does not tell
        "deadline": (False, "WARN"),  # September is forgotten on 1 December, in nine days
    }
    assert job.execute_in_process(instance=instance, partition_key=str(MONTHS[0])).success


def test_the_deadline_of_every_month_is_watched_daily_whether_anything_is_loaded_or_not(
    definitions: dg.Definitions, instance: DagsterInstance, clock: ManualClock
) -> None:
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=clock())
    requests = list(definitions.resolve_schedule_def("watch_daily")(context))  # type: ignore[arg-type]
    assert [request.tags["dagster/partition"] for request in requests] == [str(month) for month in MONTHS]
    clock.advance(timedelta(days=3))
    job = definitions.resolve_job_def("watch")
    run = job.execute_in_process(instance=instance, tags=requests[0].tags)
    assert {(check.asset_key.path[0], check.severity.value) for check in run.get_asset_check_evaluations()} == {
        ("cdr_in", "ERROR"),
        ("cdr_out", "ERROR"),
    }


def posts_after_ticks(
    definitions: dg.Definitions,
    instance: DagsterInstance,
    sandbox: Sandbox,
    clock: ManualClock,
    ticks: int,
    seconds: float = 30,
) -> list[int]:
    """How many exports the vendor has after each tick, whose runs are executed as the daemon would."""
    counts = []
    keys: set[str | None] = set()
    for _ in range(ticks):
        for request in tick(definitions, instance).run_requests or []:
            if request.run_key not in keys:
                keys.add(request.run_key)
                definitions.resolve_job_def(str(request.job_name)).execute_in_process(
                    instance=instance,
                    partition_key=request.partition_key,
                    tags=dict(request.tags),
                    asset_selection=request.asset_selection,
                    raise_on_error=False,
                )
        counts.append(posts(sandbox))
        clock.advance(timedelta(seconds=seconds))
    return counts


def test_an_export_past_its_deadline_is_asked_for_again_a_bounded_number_of_times_and_fails_visibly(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.faults.inject(Fault.STUCK, times=None)
    operations.requester.request("cdr_in", [MONTHS[0]]).all()
    counts = []
    for _ in range(6):
        clock.advance(timedelta(hours=25))
        counts += posts_after_ticks(definitions, instance, sandbox, clock, 2)
    # a new settle step every other day begins a new count of three; within one, three are all
    assert max(counts) <= 1 + 6
    assert operations.ledger.loaded("cdr_in") == {}


def test_a_file_that_appears_late_is_looked_for_again_and_its_export_loaded(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    [late] = operations.requester.request("cdr_in", [MONTHS[0]]).all()
    sandbox.faults.inject(Fault.FILE_GONE, times=4)
    assert posts_after_ticks(definitions, instance, sandbox, clock, 9)[-1] == 1
    assert operations.ledger.loaded("cdr_in")[str(MONTHS[0])] == late.export.id
    assert not list(operations.place.archive.root.rglob("*.gone.json"))
    assert instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])) == []


def test_an_export_whose_file_is_gone_is_asked_for_again_and_loaded(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    [lost] = operations.requester.request("cdr_in", [MONTHS[0]]).all()
    sandbox.faults.inject(Fault.FILE_GONE, times=None, match=lambda export: export.id == lost.export.id)
    assert posts_after_ticks(definitions, instance, sandbox, clock, 5, seconds=300)[-1] == 2
    assert operations.ledger.loaded("cdr_in")[str(MONTHS[0])] != lost.export.id


def test_files_that_are_always_gone_are_asked_for_three_times_and_no_more_until_one_comes_back(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    operations.requester.request("cdr_in", [MONTHS[0]]).all()
    gone = sandbox.faults.inject(Fault.FILE_GONE, times=None)
    assert posts_after_ticks(definitions, instance, sandbox, clock, 18, seconds=601)[-1] == 3
    failed = instance.get_runs(dg.RunsFilter(job_name="ask", statuses=[dg.DagsterRunStatus.FAILURE]))
    assert len(failed) == 1
    gone.stop()
    assert posts_after_ticks(definitions, instance, sandbox, clock, 2, seconds=7200)[-1] == 3
    assert set(operations.ledger.loaded("cdr_in")) == {str(MONTHS[0])}


def test_a_finished_month_that_changed_is_told_to_someone(
    operations: Operations, sandbox: Sandbox, clock: ManualClock, instance: DagsterInstance
) -> None:
    with Hook() as hook, served(hook):
        told = operations.settings.model_copy(update={"cdr_alarm_webhook": SecretStr(hook.url)})
        here = Operations(told, clock=clock)
        definitions = build(here)
        for _ in range(2):
            here.requester.request("cdr_in", [MONTHS[1]]).all()
            assert launch(definitions, instance, tick(definitions, instance).run_requests or []) == [True]
            row = {"Date/Time Start (UTC)": "2026-10-07 08:00:00", "Source": "442071234567", "Call ID": "x"}
            sandbox.add_records("cdr_in", [row])
            clock.advance(timedelta(days=2))
    [posted] = hook.got
    assert "cdr_in 2026-10 changed: 1 rows added" in str(posted)
    assert "442071234567" not in str(posted)


def test_an_export_that_is_ready_and_not_loaded_yet_serves_instead_of_another(
    operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    [first] = operations.requester.request("cdr_in", [MONTHS[2]]).all()
    clock.advance(timedelta(minutes=5))
    [second] = operations.requester.request("cdr_in", [MONTHS[2]]).all()
    assert (second.export.id, second.created, posts(sandbox)) == (first.export.id, False, 1)
    [third] = operations.requester.request("cdr_in", [MONTHS[2]], force_new=True).all()
    assert (third.created, posts(sandbox)) == (True, 2)


def test_runs_that_a_dead_ui_left_are_ended_and_free_their_places(
    definitions: dg.Definitions, operations: Operations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    home = prepare_home(operations.settings)
    (home / ".ui.lock").touch()
    locks = tmp_path / "locks"
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(
            definitions.resolve_job_def("load_cdr_in"), status=dg.DagsterRunStatus.STARTED
        )
        instance.event_log_storage.initialize_concurrency_limit_to_default("load")
        for step in ("a", "b"):
            instance.event_log_storage.claim_concurrency_slot("load", run.run_id, step)
        with Process(instance, locks):
            ended = instance.get_run_by_id(run.run_id)
            assert ended is not None
            assert ended.status is dg.DagsterRunStatus.FAILURE
            assert instance.event_log_storage.get_concurrency_info("load").active_slot_count == 0
    assert list(locks.glob("process-*")) == []


def test_rebuild_never_replaces_a_month_by_less_and_replays_all_of_one_that_is_lost(
    operations: Operations, clock: ManualClock
) -> None:
    first = bring_in(operations, "cdr_in", MONTHS[2])
    clock.advance(timedelta(days=2))
    second = bring_in(operations, "cdr_in", MONTHS[2])
    assert [manifest.export_id for manifest in operations.rebuilder.rebuild()] == [second]
    shutil.rmtree(operations.place.lake.root)
    assert [manifest.export_id for manifest in operations.rebuilder.rebuild()] == [first, second]
    assert operations.ledger.loaded("cdr_in") == {str(MONTHS[2]): second}


@pytest.fixture
def failing_mart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mart of the product's SQL, edited so that no month of it can be built; its name."""
    shutil.copytree(queries.SQL_FOLDER, tmp_path / "sql")
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path / "sql")
    file = tmp_path / "sql" / "marts" / "cost_by_day.sql"
    file.write_text(f"{file.read_text('utf-8').rstrip()}\nWHERE CAST(component AS INTEGER) > 0\n", "utf-8")
    queries.models.cache_clear()
    yield "marts.cost_by_day"
    queries.models.cache_clear()


def test_marts_that_fail_are_tried_once_after_each_load_and_not_at_every_pass(
    failing_mart: str,
    operations: Operations,
    instance: DagsterInstance,
    sandbox: Sandbox,
) -> None:
    slow = sandbox.faults.inject(
        Fault.UNKNOWN_STATUS, times=None, match=lambda export: export.export_type == "cdr_in", value="archiving"
    )
    passes = iter(range(100))

    refreshed = []

    def say(_partition: Partition, said: str) -> None:
        if said == "archiving" and next(passes) == 3:
            refreshed.append(operations.publisher.is_published())
            slow.stop()

    failed = backfilled(operations, instance, [Partition(name, MONTHS[0]) for name in ("cdr_out", "cdr_in")], say)
    assert refreshed == [True]  # what was loaded first did not wait for the rest
    [(name, why)] = [(partition.dataset, why) for partition, why in failed.items()]
    assert name == "warehouse"
    assert "a value does not fit its column" in why
    # what fails is named, and all that can be built is published
    assert [sentence.split(" ")[0] for sentence in operations.publisher.unbuilt()] == [failing_mart]
    assert failing_mart in why
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as db:
        assert db.execute("SELECT count(*) > 0 FROM cdr_in").fetchone() == (True,)
        assert db.execute("SELECT DISTINCT month FROM marts.hourly_traffic").fetchall() == [(str(MONTHS[0]),)]
    assert set(operations.ledger.loaded("cdr_in")) == set(operations.ledger.loaded("cdr_out")) == {str(MONTHS[0])}
