"""Kill every command anywhere: whatever it was about to do, the archive, the lake and what is published stay whole."""

import os
import random
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

import duckdb
import pytest

from pipeline.operations.verify import faults
from pipeline.sandbox import ManualClock, Sandbox
from tests.crash.commands import COMMANDS, Place, run
from tests.crash.test_kill import KEY, LONGEST_SECONDS, MONTHS, NOW, assert_nothing_torn, left_behind
from tests.integration.totals import published, true_totals

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("COMMAND_KILLS", "100"))


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.commands"])
    return context


def killed(processes: ForkServerContext, seconds: float | None, *arguments: object) -> bool:
    """Run a command in a process of its own; whether it was killed after so many seconds, before its end."""
    process = processes.Process(target=run, args=arguments)
    process.start()
    process.join(seconds)
    alive = process.is_alive()
    process.kill()
    process.join()
    assert process.exitcode in ({0, -9} if alive else {0})
    return alive


def busiest_number(warehouse: Path) -> str:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        found = db.execute(
            "SELECT source_number FROM cdr_out WHERE length(source_number) > 6 GROUP BY ALL ORDER BY count(*) DESC"
        ).fetchone()
    assert found
    return str(found[0])


def test_a_command_that_is_killed_anywhere_costs_nothing_but_time(processes: ForkServerContext, tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("SEED", "1"))  # noqa: S311
    clock = ManualClock(NOW)
    with Sandbox(
        calls_per_day=4, clock=clock, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as vendor:
        kept = Place(vendor.url, KEY, str(tmp_path / "data"), NOW, tuple(MONTHS))
        killed(processes, None, "backfill", kept, "")
        here = kept.open()
        number = busiest_number(here.place.warehouse)

        kills = 0
        while kills < KILLS:
            # months expire in the second half: what is deleted stays deleted, and the others stay whole
            place = Place(kept.url, KEY, kept.data, NOW, kept.months, retained=0 if kills < KILLS // 2 else 1)
            command = chance.choice([name for name in COMMANDS if name != "retain" or place.retained])
            kills += killed(processes, chance.uniform(0, LONGEST_SECONDS), command, place, number)
            assert_nothing_torn(here.place.warehouse)

        for command in ("backfill", "erase", "retain", "rebuild", "report", "verify"):
            assert not killed(processes, None, command, place, number)
        here = place.open()
        assert list(faults(here.place)) == []
        for record_type in ("cdr_in", "cdr_out"):
            assert set(here.ledger.loaded(record_type)) == {str(month) for month in MONTHS[1:]}
            for month in MONTHS[1:]:
                export_id = here.ledger.loaded(record_type)[str(month)]
                assert published(here, record_type, month) == true_totals(vendor, export_id)
        with duckdb.connect(str(here.place.warehouse), read_only=True) as db:
            shown = db.execute("SELECT count(*) FROM cdr_out WHERE source_number = ?", [number]).fetchone()
        assert shown == (0,)
        assert len(vendor.exports) == len(MONTHS) * 2
        assert left_behind(here.settings.cdr_data_dir) == []
