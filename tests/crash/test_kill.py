"""Kill the process anywhere, hundreds of times: nothing is lost, nothing is doubled, nothing is left behind."""

import multiprocessing
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path

import duckdb
import pytest

from pipeline.months import Month, month_range
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from tests.crash.worker import bring_everything, operations
from tests.integration.totals import published, true_totals

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONTHS = month_range(Month(2026, 9), Month(2026, 11))
KILLS = int(os.environ.get("KILLS", "200"))
LONGEST_SECONDS = 2.0
KEY = "k"


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Starts processes that have imported everything already, and used none of it: Delta does not survive a fork."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.worker"])
    return context


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(
        calls_per_day=4,
        clock=ManualClock(NOW),
        pending=timedelta(0),
        processing=timedelta(0),
        api_key=KEY,
        rate_limit=None,
        foreign=5,
    ) as vendor:
        yield vendor


def assert_whole(here: Operations, sandbox: Sandbox) -> int:
    """Every total equals the vendor's; every export at the vendor is ours once; returns the rows."""
    rows = 0
    ours = {asked.export_id for asked in here.place.archive.requested()}
    assert {export.id for export in sandbox.exports} >= ours
    for record_type in ("cdr_in", "cdr_out"):
        for month in MONTHS:
            export_id = here.ledger.loaded(record_type)[str(month)]
            assert published(here, record_type, month) == true_totals(sandbox, export_id)
            rows += published(here, record_type, month)[0]
    return rows


def assert_nothing_torn(warehouse: Path) -> None:
    """Whatever is published is whole: marts count the rows beside them. An expired month has no rows."""
    if warehouse.exists():
        with duckdb.connect(str(warehouse), read_only=True) as db:
            torn = db.execute(
                "SELECT (SELECT count(*) FROM cdr_in) + (SELECT count(*) FROM cdr_out), "
                "(SELECT coalesce(sum(attempts), 0) FROM marts.daily_traffic "
                "WHERE month IN (SELECT month FROM cdr_in UNION SELECT month FROM cdr_out))"
            ).fetchone()
        assert torn is not None
        assert torn[0] == torn[1]


def left_behind(data: Path) -> list[Path]:
    swapped = [path for path in data.glob(".warehouse.duckdb.*") if path.suffix != ".lock"]
    return [*data.rglob("*.part"), *swapped]


def test_a_process_that_is_killed_anywhere_costs_nothing_but_time(
    sandbox: Sandbox, processes: ForkServerContext, tmp_path: Path
) -> None:
    chance = random.Random(os.environ.get("SEED", "1"))  # noqa: S311
    kills = finished = rows = exports = 0
    while kills < KILLS:
        data = tmp_path / f"data{finished}"
        here = operations(sandbox.url, KEY, str(data), NOW)
        before = len(sandbox.exports)
        while True:
            process = processes.Process(target=bring_everything, args=(sandbox.url, KEY, str(data), NOW))
            process.start()
            process.join(chance.uniform(0, LONGEST_SECONDS) if kills < KILLS else None)
            if process.is_alive():
                process.kill()
                kills += 1
            process.join()
            assert_nothing_torn(here.place.warehouse)
            if process.exitcode == 0:
                break
            assert process.exitcode == -9
        finished += 1
        rows += assert_whole(here, sandbox)
        exports += len(sandbox.exports) - before
        assert len(sandbox.exports) - before <= 6
        assert left_behind(data) == []
    assert exports == 6  # later archives adopted what the first one asked for
    print(f"{kills} kills, {finished * 6} months loaded, {rows} rows, 0 lost, 0 doubled")  # noqa: T201


def test_eight_backfills_at_once_ask_once_and_load_once(
    sandbox: Sandbox, processes: ForkServerContext, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    crowd = [processes.Process(target=bring_everything, args=(sandbox.url, KEY, str(data), NOW)) for _ in range(8)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0] * 8
    here = operations(sandbox.url, KEY, str(data), NOW)
    assert_whole(here, sandbox)
    assert len(sandbox.exports) == 6
    for record_type in ("cdr_in", "cdr_out"):
        assert len(list(here.place.lake.commit_metadata(record_type))) == 3
    with duckdb.connect(str(here.place.warehouse), read_only=True) as db:
        assert db.execute("SELECT count(*), sum(cost_usd) > 0 FROM coverage WHERE rows > 0").fetchone() == (6, True)
    assert left_behind(data) == []
