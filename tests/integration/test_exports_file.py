"""A file of exports makes assets, checks, ledger and tables of other vendors, without a line of code."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.definitions import build
from pipeline.defs.backfill import backfilled, bring_in
from pipeline.errors import PermanentError
from pipeline.export.protocol import Export, ExportVendor, Listing
from pipeline.months import Month
from pipeline.operations.state import Partition
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock, Operation
from pipeline.sandbox.connectif import Sandbox as Connectif
from pipeline.sandbox.packagex import Sandbox as PackageX
from pipeline.sandbox.rebilly import Sandbox as Rebilly
from pipeline.settings import Settings
from tests.export.dialects import connectif, packagex, rebilly
from tests.integration.totals import NOW

MONTH = Month(2026, 10)
LOCAL = {"packagex": PackageX, "rebilly": Rebilly, "connectif": Connectif}
CLIENTS: dict[str, Callable[[str, str], ExportVendor]] = {
    "packagex": packagex.client,
    "rebilly": rebilly.client,
    "connectif": connectif.client,
}
KEYS = {"packagex": "px-key", "rebilly": "reb-key", "connectif": "id:secret"}

EXPORTS = """
[[export]]
vendor = "rebilly"
resource = "transactions"
window = "processedTime"
format = "csv"
fields = { id = "text", processedTime = "timestamptz", type = "text", amount = "money" }

[[export]]
vendor = "packagex"
resource = "shipment"
window = "created_at"
fields = { id = "text", created_at = "timestamp", recipient_name = "text", pieces = "integer", weight = "money" }
personal = ["recipient_name"]

[[export]]
vendor = "connectif"
resource = "activities"
window = "date"
fields = { id = "text", date = "timestamptz", type = "text", amount = "money" }
options = { delimiter = ";" }
"""
TABLES = {
    "rebilly_transactions": ("rebilly", "transactions", "processedTime", "amount"),
    "packagex_shipment": ("packagex", "shipment", "created_at", "weight"),
    "connectif_activities": ("connectif", "activities", "date", "amount"),
}

Vendors = dict[str, Any]
Opened = Callable[..., Operations]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def vendors(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendors]:
    """A local one in each vendor's place, and the environment that leads to them."""
    with ExitStack() as running:
        started = {}
        for name, local in LOCAL.items():
            sandbox = local(
                rows_per_day=4,
                clock=clock,
                pending=timedelta(0),
                processing=timedelta(0),
                api_key=KEYS[name],
                rate_limit=None,
            )
            started[name] = running.enter_context(sandbox)
            monkeypatch.setenv(f"{name.upper()}_API_KEY", KEYS[name])
            monkeypatch.setenv(f"{name.upper()}_API_URL", sandbox.url)
        yield started


@pytest.fixture
def opened(vendors: Vendors, clock: ManualClock, tmp_path: Path) -> Opened:
    """A operations over the file of exports, and under other settings."""
    file = tmp_path / "exports.toml"
    file.write_text(EXPORTS, encoding="utf-8")

    def made(*, by_environment: bool = False, **settings: Any) -> Operations:
        own = Settings(
            cdr_data_dir=tmp_path / "data",
            cdr_record_types="none",
            cdr_exports=file,
            cdr_start_month="2026-05",
            _env_file=None,
            **settings,
        )
        # clients that wait for nothing, unless the environment shall lead to the vendors
        clients = {name: CLIENTS[name](sandbox.url, KEYS[name]) for name, sandbox in vendors.items()}
        return Operations(own, None if by_environment else clients, clock=clock)

    return made


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return tmp_path / "dagster"


def backfill(
    operations: Operations, *months: Month, types: tuple[str, ...] = tuple(TABLES), force_new: bool = False
) -> dict[Partition, str]:
    partitions = [Partition(name, month) for month in months for name in types]
    return dict(bring_in(operations, partitions, lambda partition, what: None, force_new=force_new))


def ask(operations: Operations, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as db:
        return db.execute(query).fetchall()


def test_a_failed_export_is_requested_again_within_the_same_backfill(
    opened: Opened, vendors: Vendors, home: Path
) -> None:
    vendors["rebilly"].faults.inject(Fault.FAILED, times=2)
    assert backfill(opened(), MONTH, types=("rebilly_transactions",)) == {}
    assert sum(request.method == "POST" for request in vendors["rebilly"].requests) == 3


def test_exports_that_always_fail_are_requested_three_times_and_no_more(
    opened: Opened, vendors: Vendors, home: Path
) -> None:
    for sandbox in vendors.values():
        sandbox.faults.inject(Fault.FAILED, times=None)
    failed = backfill(opened(), MONTH)
    assert {partition.dataset for partition in failed} == set(TABLES)
    assert all("3 exports failed" in why for why in failed.values())
    created = {name: sum("3 exports" in why for why in failed.values()) for name in vendors}
    assert set(created.values()) == {3}


def test_one_vendors_unforeseen_error_keeps_no_other(
    opened: Opened, vendors: Vendors, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = opened()

    def broken() -> list[Export]:
        raise OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /none")

    monkeypatch.setattr(operations.vendors["packagex"], "exports", broken)
    listed, unread = operations.listings.read_all()
    assert set(listed) == {"rebilly", "connectif"}
    assert str(unread["packagex"]).startswith("Could not find")
    with dg.instance_for_test(temp_dir=str(home.parent)) as instance:
        wanted = [Partition(table, MONTH) for table in TABLES]
        failed = backfilled(operations, instance, wanted, lambda partition, what: None, pauses=(0.0,))
    [(partition, why)] = failed.items()
    assert partition.dataset == "packagex_shipment"
    assert why.endswith("invalid path: /none It was tried 2 times.")
    assert (
        set(operations.ledger.loaded("rebilly_transactions"))
        == set(operations.ledger.loaded("connectif_activities"))
        == {str(MONTH)}
    )


def test_what_it_declares_is_brought_in_to_the_last_digit(opened: Opened, vendors: Vendors, home: Path) -> None:
    operations = opened(by_environment=True)
    assert backfill(operations, MONTH, MONTH.shift(1)) == {}
    for table, (vendor, resource, window, money) in TABLES.items():
        for month in (MONTH, MONTH.shift(1)):
            truth = vendors[vendor].truth(resource, month.start, min(month.end, NOW), window)
            ((rows, amount),) = ask(operations, f"SELECT count(*), sum({money}) FROM {table} WHERE month = '{month}'")
            assert rows == truth.rows > 0
            assert amount == truth.sums[money]
    states = ask(operations, "SELECT record_type, month, state, dropped_on FROM coverage WHERE rows > 0 ORDER BY ALL")
    assert states == [
        (table, str(month), "settling" if month == MONTH else "open", None)
        for table in sorted(TABLES)
        for month in (MONTH, MONTH.shift(1))
    ]
    assert ask(operations, "SELECT count(*), count(DISTINCT record_type) FROM exports") == [(6, 3)]
    assert ask(operations, "SELECT count(*) FROM rejected_rows") == [(0,)]
    exports = {one.id: one for name in vendors for one in vendors[name].exports}
    assert backfill(operations, MONTH) == {}
    assert {one.id for name in vendors for one in vendors[name].exports} == set(exports)


def test_the_word_of_a_status_that_nobody_knows_is_shown_whichever_vendor_says_it(
    opened: Opened, vendors: Vendors, home: Path
) -> None:
    operations = opened()
    for table, (vendor, *_) in TABLES.items():
        assert [one.created for one in operations.requester.request(table, [MONTH]).all()] == [True]
        vendors[vendor].faults.inject(Fault.UNKNOWN_STATUS, times=None, value="archiving")
    definitions = build(operations)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, definitions=definitions)
        result = definitions.resolve_sensor_def("exports_ready")(context)
    assert isinstance(result, dg.SensorResult)
    shown = {event.asset_key.path[0]: event.metadata["status"].value for event in result.asset_events}
    assert shown == dict.fromkeys(TABLES, "archiving")


def test_a_field_that_is_declared_later_is_empty_in_what_was_exported_before(
    opened: Opened, vendors: Vendors, home: Path, tmp_path: Path
) -> None:
    assert backfill(opened(), MONTH, types=("packagex_shipment",)) == {}
    file = tmp_path / "exports.toml"
    file.write_text(EXPORTS.replace('weight = "money" }', 'weight = "money", tracking_number = "text" }'), "utf-8")
    operations = opened()
    list(operations.rebuilder.rebuild())
    assert ask(operations, "SELECT count(*) > 0, count(tracking_number) FROM packagex_shipment") == [(True, 0)]
    (asked,) = operations.requester.request("packagex_shipment", [MONTH]).all()
    assert asked.created, "the export of before is not of what is wanted now"


def test_what_landed_of_a_dataset_that_is_kept_no_more_is_named(
    opened: Opened, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backfill(opened(), MONTH, types=("packagex_shipment",)) == {}
    monkeypatch.chdir(tmp_path / "data")  # where no file of exports is
    env = {"CDR_DATA_DIR": str(tmp_path / "data")}
    rebuilt = CliRunner().invoke(main, ["rebuild"], env=env)
    assert (rebuilt.exit_code, "landed files of packagex_shipment were left out" in rebuilt.stderr) == (0, True)
    erased = CliRunner().invoke(main, ["erase", "442079460203", "--yes"], env=env)
    assert (erased.exit_code, "Archived files of packagex_shipment may hold the number" in erased.stderr) == (1, True)
    kept = {**env, "CDR_EXPORTS": str(tmp_path / "exports.toml")}
    for command in (["rebuild"], ["erase", "442079460203", "--yes"]):
        done = CliRunner().invoke(main, command, env=kept)
        assert (done.exit_code, done.stderr) == (0, "")
    opened().place.archive.expire(str(MONTH))
    assert CliRunner().invoke(main, ["rebuild"], env=env).stderr == "", "no file is left that could be read"


def test_a_cursor_of_another_release_stops_nothing(opened: Opened, tmp_path: Path) -> None:
    operations = opened()
    operations.requester.request("rebilly_transactions", [MONTH]).all()
    operations.backlog.add("rebilly_transactions", Month(2020, 1))  # before the first month that is kept
    definitions = build(operations)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        for cursor in ("{}", '{"cdr_in/2026-10": "e completed"}', "[1]", "odd"):
            context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
            result = definitions.resolve_sensor_def("exports_ready")(context)
            assert isinstance(result, dg.SensorResult)
            assert [request.job_name for request in result.run_requests or []] == ["load_rebilly_transactions"]


def test_the_ui_has_a_lane_checks_and_a_sensor_for_each(opened: Opened) -> None:
    operations = opened()
    definitions = build(operations)
    graph = definitions.resolve_asset_graph()
    for table in TABLES:
        keys = [[table, "export"], [table, "ready"], [table, "file"], [table]]
        assert {dg.AssetKey(key) for key in keys} <= graph.get_all_asset_keys()
        checks = {check.name for check in graph.asset_check_keys if check.asset_key == dg.AssetKey([table])}
        of_load = {
            "control_totals",
            "nothing_rejected",
            "inside_the_month",
            "as_served",
            "known_columns",
            "kept_out",
            "vendor_count",
        }
        assert checks == {*of_load, "deadline"}
        assert definitions.resolve_job_def(f"load_{table}").name == f"load_{table}"


@pytest.mark.parametrize("table", TABLES)
def test_a_month_whose_file_lacks_records_that_the_vendor_counted_is_loaded_and_warned_of(
    opened: Opened, vendors: Vendors, tmp_path: Path, table: str
) -> None:
    operations, (vendor, *_) = opened(), TABLES[table]
    vendors[vendor].faults.inject(Fault.FEWER_RECORDS, value=2)
    operations.requester.request(table, [MONTH, MONTH.shift(1)]).all()
    job = build(operations).resolve_job_def(f"load_{table}")
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        for month, missing in ((MONTH, 2), (MONTH.shift(1), 0)):
            run = job.execute_in_process(instance=instance, partition_key=str(month))
            (check,) = (one for one in run.get_asset_check_evaluations() if one.check_name == "vendor_count")
            (export,) = (one for one in operations.ledger.exports() if one.month == str(month))
            counted = vendors[vendor].truth_of(export.export_id).rows
            assert (check.passed, check.severity) == (not missing, dg.AssetCheckSeverity.WARN)
            assert check.description == f"The vendor counted {counted} records, the file holds {counted - missing}."
            assert (export.records_told, operations.ledger.loaded(table)[str(month)]) == (counted, export.export_id)


def test_a_tick_reads_every_list_once_and_one_that_cannot_be_read_hides_no_other(
    opened: Opened, vendors: Vendors, tmp_path: Path
) -> None:
    operations = opened()
    for table in TABLES:
        operations.requester.request(table, [MONTH]).all()
    definitions = build(operations)
    vendors["rebilly"].faults.inject(Fault.BAD_GATEWAY, times=None, on=Operation.LIST)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        context = dg.build_sensor_context(instance=instance, definitions=definitions)
        result = definitions.resolve_sensor_def("exports_ready")(context)
    assert isinstance(result, dg.SensorResult)
    launched = {request.job_name for request in result.run_requests or []}
    assert launched == {"load_packagex_shipment", "load_connectif_activities"}


def test_a_vendor_that_has_enough_to_do_is_asked_again_when_it_has_finished_something(
    opened: Opened, vendors: Vendors, home: Path, clock: ManualClock
) -> None:
    operations = opened(cdr_poll_seconds=1)
    busy = vendors["connectif"].faults.inject(Fault.BUSY, times=3, on=Operation.CREATE)
    months = [MONTH.shift(back) for back in (-2, -1, 0)]
    assert backfill(operations, *months, types=("connectif_activities",)) == {}
    assert busy.hits == 3
    assert operations.backlog.months("connectif_activities") == []
    assert ask(operations, "SELECT count(DISTINCT month) FROM connectif_activities") == [(3,)]
    assert len(vendors["connectif"].exports) == 3


def test_a_list_that_lags_and_a_vendor_that_refuses_us_end_no_other_month(
    opened: Opened, vendors: Vendors, home: Path
) -> None:
    operations = opened(cdr_poll_seconds=1)
    vendors["packagex"].faults.inject(Fault.LATE)
    unknown, listed = PermanentError("The vendor does not accept the API key; check it."), operations.listings.read

    def refused(vendor: str) -> Listing:
        if vendor == "rebilly":
            raise unknown
        return listed(vendor)

    operations.listings.read = refused  # type: ignore[method-assign]
    failed = backfill(operations, MONTH, types=("packagex_shipment", "rebilly_transactions"))
    assert failed == {Partition("rebilly_transactions", MONTH): str(unknown)}
    assert ask(operations, "SELECT count(*) > 0 FROM packagex_shipment") == [(True,)]


def test_months_that_wait_for_a_busy_vendor_are_asked_for_by_the_sensor(
    opened: Opened, vendors: Vendors, tmp_path: Path
) -> None:
    operations = opened()
    vendors["connectif"].faults.inject(Fault.BUSY, times=1, on=Operation.CREATE)
    months = [MONTH.shift(-1), MONTH]
    assert operations.requester.request("connectif_activities", months).all() == []
    assert operations.backlog.months("connectif_activities") == months
    definitions = build(operations)
    sensor = definitions.resolve_sensor_def("exports_ready")
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        result = sensor(dg.build_sensor_context(instance=instance, definitions=definitions))
        assert isinstance(result, dg.SensorResult)
        (request,) = result.run_requests or []
        assert (request.job_name, request.partition_key) == ("ask", "2026-09")
        assert (
            definitions.resolve_job_def("ask")
            .execute_in_process(
                instance=instance, partition_key=request.partition_key, asset_selection=request.asset_selection
            )
            .success
        )
    assert operations.backlog.months("connectif_activities") == [MONTH]
    assert operations.requester.request("connectif_activities", [MONTH.shift(9)]).done == []
    assert [one.resource for one in vendors["connectif"].exports] == ["activities"]


def test_a_sealed_month_that_waits_to_be_asked_for_again_is_so_once(
    opened: Opened, vendors: Vendors, clock: ManualClock, home: Path
) -> None:
    operations, name = opened(), "connectif_activities"
    for again in (False, True):  # a month is sealed when two exports agree
        assert backfill(operations, MONTH, types=(name,), force_new=again) == {}
        clock.advance(timedelta(days=3))
    assert operations.requester.request(name, [MONTH]).all() == []
    vendors["connectif"].faults.inject(Fault.BUSY, times=1, on=Operation.CREATE)
    assert operations.requester.request(name, [MONTH], force_new=True).all() == []
    created = [asked.created for _ in range(2) for asked in operations.requester.request(name, [MONTH]).all()]
    assert (created, operations.backlog.months(name)) == ([True], [])


def test_what_was_declared_personal_is_published_under_pseudonyms(opened: Opened, vendors: Vendors, home: Path) -> None:
    assert backfill(opened(), MONTH, types=("packagex_shipment",)) == {}
    clear = {name for (name,) in ask(opened(), "SELECT DISTINCT recipient_name FROM packagex_shipment") if name}
    hidden = opened(cdr_pseudonym_key="a secret of thirty-two characters")
    hidden.rebuilder.refresh()
    rows = ask(hidden, "SELECT recipient_name, weight FROM packagex_shipment")
    shown = {name for name, _ in rows if name}
    assert shown
    assert not shown & clear
    assert sum((weight or Decimal(0) for _, weight in rows), Decimal(0)) > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[export]]\nvendor = 'nobody'\nresource = 'x'", r"The vendor 'nobody' is not known: [^\n]+\."),
        ("[[export]]\nvendor = 'rebilly'", r"cannot be used: resource: [^\n]+; correct it\."),
        ("[[export]]\nvendor = 'rebilly'\nresource = 'x'\nfoo = 1", r"cannot be used: foo: [^\n]+; correct it\."),
        ("[[export]", r"cannot be read \([^\n]+\); correct it\."),
        ("other = 1", r"contains something other than \[\[export\]\] entries; correct it\."),
        (
            "[[export]]\nvendor = 'rebilly'\nresource = 'x'\nwindow = 'at'\nfields = { at = 'text' }",
            r"Export rebilly_x: its window 'at' is not a declared field of kind timestamp [^\n]+\.",
        ),
        (
            "[[export]]\nvendor = 'rebilly'\nresource = 'x'\nwindow = 'at'\nfields = { at = 'time' }",
            r"Export rebilly_x: field 'at' cannot be of kind 'time'; write one of text, timestamp, [^\n]+\.",
        ),
        *(
            (
                f"[[export]]\nvendor = 'rebilly'\nresource = 'x'\nwindow = 'at'\nfields = {{ at = '{old}' }}",
                rf"Export rebilly_x: the kind '{old}' of field 'at' is now called '{new}'; [^\n]+\.",
            )
            for old, new in (("instant", "timestamp"), ("zoned_instant", "timestamptz"))
        ),
        (EXPORTS + EXPORTS, r"declares rebilly_transactions twice; [^\n]+\."),
        ("[[export]]\nvendor = 'rebilly'\nresource = 'x y'", r"'rebilly_x y' cannot be a table; [^\n]+\."),
        (
            "[[export]]\nvendor = 'rebilly'\nresource = 'x_rejected'",
            r"'rebilly_x_rejected' cannot be a table; [^\n]+\.",
        ),
        *(
            (
                (
                    "[[export]]\nvendor = 'rebilly'\nresource = 'x'\nwindow = 'at'\n"
                    f"fields = {{ at = 'timestamp', {more} }}"
                ),
                rf"Export rebilly_x: a column cannot be called '{name}', [^\n]+\.",
            )
            for more, name in (
                ("Month = 'text'", "month"),
                ("id = 'text', ID = 'text'", "id"),
                ("'a\"b' = 'text'", 'a"b'),
                ("a_b = 'text', 'a/b' = 'text'", "a_b"),
            )
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "exports.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PermanentError, match=said):
        _ = Operations(Settings(cdr_data_dir=tmp_path / "data", cdr_exports=file, _env_file=None)).place.tables
