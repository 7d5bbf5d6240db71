import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipeline.months import Month
from pipeline.sandbox import Fault, Sandbox
from tests.integration.totals import KEY
from tests.running import running_month

pytestmark = pytest.mark.slow

CDR = Path(sys.executable).with_name("cdr")
LAST = Month.of(datetime.now(UTC)).shift(-1)

ONE_MONTH = ("backfill", "--from", str(LAST), "--to", str(LAST))

Cdr = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def vendor() -> Iterator[Sandbox]:
    """A vendor in real time, for commands in processes of their own."""
    with Sandbox(
        calls_per_day=8, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as sandbox:
        yield sandbox


@pytest.fixture
def running(vendor: Sandbox) -> Month:
    """The running month, which has a call of each type even if it has only just begun."""
    month = running_month()
    for record_type in ("cdr_in", "cdr_out"):
        vendor.add_records(record_type, [{"Date/Time Start (UTC)": f"{month}-01 00:00:00", "Call ID": "first"}])
    return month


@pytest.fixture
def cdr(vendor: Sandbox, tmp_path: Path) -> Cdr:
    """Runs `cdr` as a user does, in an empty folder; settings may be overridden by keyword."""

    def run(*arguments: str, limit: int | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
        own = {
            "DIDWW_API_KEY": KEY,
            "DIDWW_API_URL": vendor.url,
            "CDR_DATA_DIR": str(tmp_path / "data"),
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",  # a limited process would leave half a file for the next
        }
        small_disk = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
        return subprocess.run(
            [str(CDR), *arguments],
            env={**own, **settings},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=small_disk,
        )

    return run


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The last line of stderr, where nothing else stands and no traceback; the key is nowhere."""
    assert "Traceback" not in result.stdout + result.stderr
    assert KEY not in result.stdout + result.stderr
    return result.stderr.strip().splitlines()[-1]


def posts(vendor: Sandbox) -> int:
    return sum(request.method == "POST" for request in vendor.requests)


def test_backfill_brings_in_every_month_and_the_second_time_asks_for_nothing(
    cdr: Cdr, vendor: Sandbox, running: Month, tmp_path: Path
) -> None:
    first = cdr("backfill", "--from", str(running.shift(-2)), "--to", f"{running}-01")
    assert (first.returncode, posts(vendor)) == (0, 6), first.stderr
    by_id = {export.id: vendor.truth_of(export.id) for export in vendor.exports}
    warehouse = tmp_path / "data" / "warehouse.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as db:
        exports = db.execute("SELECT export_id, rows, duration_seconds, control_totals FROM exports").fetchall()
    assert {export: (rows, seconds) for export, rows, seconds, _ in exports} == {
        export: (truth.rows, truth.seconds) for export, truth in by_id.items()
    }
    published = warehouse.stat().st_mtime_ns

    again = cdr("backfill", "--from", str(running.shift(-2)), "--to", str(running))
    assert (again.returncode, posts(vendor), warehouse.stat().st_mtime_ns) == (0, 6, published)

    assert cdr("backfill", "--from", str(running), "--to", str(running), "--again").returncode == 0
    assert posts(vendor) == 8

    status = json.loads(cdr("status", "--json").stdout)
    assert [row["state"] for row in status] == ["settling", "settling", "open"] * 2
    answer = cdr("sql", "SELECT count(*) AS months FROM coverage WHERE rows > 0", "--csv")
    assert answer.stdout.split() == ["months", "6"]


def test_rebuild_restores_lake_and_warehouse_from_the_archive_alone(cdr: Cdr, vendor: Sandbox, tmp_path: Path) -> None:
    assert cdr(*ONE_MONTH).returncode == 0
    query = "SELECT * FROM cdr_in ORDER BY row_number"
    before = cdr("sql", query, "--csv").stdout
    subprocess.run(
        ["rm", "-rf", str(tmp_path / "data" / "lake"), str(tmp_path / "data" / "warehouse.duckdb")], check=True
    )
    vendor.stop()
    assert cdr("rebuild").returncode == 0
    assert cdr("sql", query, "--csv").stdout == before != ""


BAD_INPUT = {
    "no key": (ONE_MONTH, {"DIDWW_API_KEY": ""}, 1, "set DIDWW_API_KEY"),
    "a wrong key": (ONE_MONTH, {"DIDWW_API_KEY": "x"}, 1, "check DIDWW_API_KEY"),
    "an unknown type in the settings": (("status",), {"CDR_RECORD_TYPES": "cdr_up"}, 1, "known are cdr_in, cdr_out"),
    "an unknown type on the line": ((*ONE_MONTH, "--type", "x"), {}, 2, "choose one of cdr_in, cdr_out"),
    "a month that is none": (("backfill", "--from", "2026-13", "--to", str(LAST)), {}, 2, "write it like 2026-10"),
    "a range turned round": (("backfill", "--from", "2026-11", "--to", "2026-10"), {}, 2, "swap them"),
    "a forgotten month": (("backfill", "--from", "2020-01", "--to", "2020-01"), {}, 1, "The vendor forgot 2020-01"),
    "a future month": (("backfill", "--from", "2999-01", "--to", "2999-01"), {}, 1, "2999-01 has not begun"),
    "no server": (("doctor",), {"DIDWW_API_URL": "http://127.0.0.1:9/v3"}, 1, ""),
    "an address that is none": (("status",), {"DIDWW_API_URL": "didww"}, 1, "must begin with https://"),
    "no warehouse yet": (("sql", "SELECT 1"), {}, 1, "`cdr backfill` first"),
    "a folder that is a file": (
        ONE_MONTH,
        {"CDR_DATA_DIR": "/dev/null/data"},
        1,
        "make the folder writable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_ends_with_one_sentence(cdr: Cdr, name: str) -> None:
    arguments, settings, code, says = BAD_INPUT[name]
    result = cdr(*arguments, **settings)
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    if says:
        assert says in sentence(result)


BAD_FILES = {
    "a page in place of the file": (Fault.HTML_PAGE, "does not begin with a CSV header"),
    "a column is missing": (Fault.MISSING_COLUMN, "has no column 'Call ID'"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_fails_its_month_and_leaves_the_old_one(
    cdr: Cdr, vendor: Sandbox, running: Month, name: str
) -> None:
    fault, says = BAD_FILES[name]
    here = ("--from", str(running), "--to", str(running), "--type", "cdr_in")
    assert cdr("backfill", *here).returncode == 0
    before = cdr("sql", "SELECT count(*), sum(total_usd), min(export_id) FROM cdr_in", "--csv").stdout
    vendor.faults.inject(fault, times=None)
    result = cdr("backfill", *here, "--again")
    assert result.returncode == 1
    assert says in sentence(result)
    vendor.faults.clear()
    assert cdr("sql", "SELECT count(*), sum(total_usd), min(export_id) FROM cdr_in", "--csv").stdout == before
    assert cdr("backfill", *here, "--again").returncode == 0


def test_a_full_disk_ends_with_one_sentence_and_nothing_half_written(cdr: Cdr, vendor: Sandbox, tmp_path: Path) -> None:
    rows = [{"Date/Time Start (UTC)": f"{LAST}-03 04:05:06", "Call ID": os.urandom(32).hex()} for _ in range(60_000)]
    vendor.replace_records("cdr_in", rows)
    here = (*ONE_MONTH, "--type", "cdr_in")
    result = cdr(*here, limit=1_500_000)  # Dagster's own files fit, the export does not
    assert result.returncode == 1
    assert "free some space" in sentence(result)
    left = [path for path in (tmp_path / "data").rglob("*") if path.name.endswith((".part", ".csv.gz", ".parquet"))]
    assert left == []
    assert cdr(*here).returncode == 0


def test_what_nobody_foresaw_is_told_in_a_sentence_too(cdr: Cdr) -> None:
    result = cdr(*ONE_MONTH, limit=4096)  # not even Dagster's own files fit
    assert result.returncode == 1
    assert "cdr --traceback" in sentence(result)
    assert "Traceback" in cdr("--traceback", *ONE_MONTH, limit=4096).stderr


def test_doctor_looks_at_everything_and_asks_for_nothing(cdr: Cdr, vendor: Sandbox) -> None:
    said = cdr("doctor").stdout
    for text in ("the key is good", "2026-04-16 is served", "can be written to", "GiB are free"):
        assert text in said
    assert posts(vendor) == 0
    assert "wrong" in cdr("doctor", DIDWW_API_KEY="x").stdout


def test_verify_names_a_damaged_file_and_says_nothing_is_wrong_otherwise(cdr: Cdr, tmp_path: Path) -> None:
    assert cdr(*ONE_MONTH, "--type", "cdr_in").returncode == 0
    assert cdr("verify").returncode == 0
    [file] = (tmp_path / "data" / "landing").rglob("*.csv.gz")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    result = cdr("verify")
    assert result.returncode == 1
    assert file.name.split(".")[0] in sentence(result)


def test_what_was_known_then_can_be_published_beside_what_is_known_now(
    cdr: Cdr, vendor: Sandbox, running: Month, tmp_path: Path
) -> None:
    here = ("backfill", "--from", str(running), "--to", str(running), "--type", "cdr_in")
    assert cdr(*here).returncode == 0
    query = (
        "SELECT (SELECT count(*) FROM cdr_in), (SELECT sum(attempts) FROM marts.daily_traffic), count(*) FROM exports"
    )
    before = cdr("sql", query, "--csv").stdout
    then = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S")
    vendor.add_records("cdr_in", [{"Date/Time Start (UTC)": f"{running}-01 00:00:01", "Call ID": "late"}])
    assert cdr(*here, "--again").returncode == 0
    assert cdr("sql", query, "--csv").stdout != before
    known_then = tmp_path / "then.duckdb"
    # whole seconds: the next one is after the first load, and long before the second, which starts a process
    assert cdr("publish", "--as-of", then, "--to", str(known_then)).returncode == 0
    with duckdb.connect(str(known_then), read_only=True) as db:
        assert ",".join(map(str, db.execute(query).fetchone() or ())) == before.splitlines()[-1]


def test_backfills_that_begin_at_once_on_a_new_directory_all_end_well(cdr: Cdr, vendor: Sandbox) -> None:
    with ThreadPoolExecutor(3) as crowd:
        results = list(crowd.map(lambda _: cdr(*ONE_MONTH, "--type", "cdr_in"), range(3)))
    assert [result.returncode for result in results] == [0] * 3, [result.stderr for result in results]
    assert cdr(*ONE_MONTH, "--type", "cdr_in").returncode == 0
    assert posts(vendor) == 1


def test_again_brings_late_records_of_a_finished_month(cdr: Cdr, vendor: Sandbox) -> None:
    here = (*ONE_MONTH, "--type", "cdr_in")
    assert cdr(*here).returncode == 0
    vendor.add_records("cdr_in", [{"Date/Time Start (UTC)": f"{LAST}-07 08:00:00", "Call ID": "late"}])
    assert cdr(*here, "--again").returncode == 0
    assert cdr("sql", "SELECT count(*) AS n FROM cdr_in WHERE call_id = 'late'", "--csv").stdout.split() == ["n", "1"]
    assert cdr("sql", "SELECT sum(rows_added) AS n FROM differences", "--csv").stdout.split() == ["n", "1"]


def test_a_type_that_is_not_kept_is_a_bad_argument(cdr: Cdr) -> None:
    result = cdr(*ONE_MONTH, "--type", "cdr_out", CDR_RECORD_TYPES="cdr_in")
    assert result.returncode == 2
    assert "CDR_RECORD_TYPES" in sentence(result)
