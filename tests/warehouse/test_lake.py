import multiprocessing
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder

from pipeline.errors import PermanentError
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.readback import Expected
from pipeline.warehouse.relations import create

COLUMNS = [("n", pa.int64()), ("usd", pa.decimal128(18, 6)), ("made_at", pa.timestamp("us", "UTC"))]
SCHEMA = pa.schema([*COLUMNS, ("month", pa.string())])

Put = Callable[..., Path]


def write(lake: Lake, table: str, month: str, stem: str, numbers: Iterable[int]) -> Path:
    file = lake.new_file(table, month, stem)
    rows = [{"n": n, "usd": Decimal(n) / 4, "made_at": datetime(2026, 10, 1, tzinfo=UTC)} for n in numbers]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(COLUMNS)), file, store_schema=False)
    return file


def replace(lake: Lake, table: str, month: str, stem: str, numbers: Iterable[int]) -> Path:
    file = write(lake, table, month, stem, numbers)
    lake.replace_month(table, month, [file], SCHEMA, {"stem": stem})
    return file


def contents(lake: Lake, table: str, schema: pa.Schema = SCHEMA) -> dict[str, list[int]]:
    with duckdb.connect() as db:
        create(db, "shown", [file for files in lake.files(table).values() for file in files], schema)
        found = db.execute("SELECT month, list(n ORDER BY n) FROM shown GROUP BY month").fetchall()
    return dict(found)


def test_a_month_is_replaced_and_no_other(lake: Lake) -> None:
    for month in ("2026-09", "2026-10", "2026-11"):
        replace(lake, "t", month, "old", [1, 2])
    replace(lake, "t", "2026-10", "new", [3])
    assert contents(lake, "t") == {"2026-09": [1, 2], "2026-10": [3], "2026-11": [1, 2]}
    assert lake.version_keys("t") == {"2026-09": "old", "2026-10": "new", "2026-11": "old"}


def test_replacing_twice_is_replacing_once(lake: Lake) -> None:
    first = replace(lake, "t", "2026-10", "e", [1, 2])
    second = replace(lake, "t", "2026-10", "e", [1, 2])
    assert contents(lake, "t") == {"2026-10": [1, 2]}
    assert lake.files("t") == {"2026-10": [second]}
    assert first.exists()  # history is kept


@pytest.mark.parametrize(
    "expected", [Expected(3, {}), Expected(2, {"usd": Decimal("0.76")}), Expected(2, {"n": Decimal(4)})]
)
def test_a_file_that_is_not_what_was_expected_is_not_committed(lake: Lake, expected: Expected) -> None:
    replace(lake, "t", "2026-10", "old", [7])
    file = write(lake, "t", "2026-10", "new", [1, 2])
    with pytest.raises(PermanentError, match="does not hold the control totals"):
        lake.replace_month("t", "2026-10", [file], SCHEMA, {"stem": "new"}, expected)
    assert contents(lake, "t") == {"2026-10": [7]}
    assert [note["stem"] for note in lake.commit_metadata("t")] == ["old"]


def test_a_file_that_is_what_was_expected_is_committed(lake: Lake) -> None:
    file = write(lake, "t", "2026-10", "new", [1, 2])
    expected = Expected(2, {"usd": Decimal("0.75"), "n": Decimal(3)})
    lake.replace_month("t", "2026-10", [file], SCHEMA, {"stem": "new"}, expected)
    assert contents(lake, "t") == {"2026-10": [1, 2]}


def test_a_file_that_was_written_but_never_committed_is_not_there(lake: Lake) -> None:
    kept = replace(lake, "t", "2026-10", "old", [7])
    write(lake, "t", "2026-10", "new", [1, 2])
    write(lake, "t", "2026-11", "new", [1, 2])
    assert Lake(lake.root).files("t") == {"2026-10": [kept]}
    assert contents(lake, "t") == {"2026-10": [7]}


def replace_many(root: Path, month: str, times: int) -> None:
    lake = Lake(root)
    for number in range(times):
        replace(lake, "t", month, f"e{number}", [number])


def test_two_processes_that_replace_different_months_lose_nothing(lake: Lake) -> None:
    spawn = multiprocessing.get_context("spawn")
    months = ("2026-09", "2026-10")
    writers = [spawn.Process(target=replace_many, args=(lake.root, month, 8)) for month in months]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert contents(lake, "t") == {"2026-09": [7], "2026-10": [7]}
    assert sorted(str(note["stem"]) for note in lake.commit_metadata("t")) == sorted([f"e{n}" for n in range(8)] * 2)


def test_notes_come_back_in_the_order_of_their_commits_with_the_time(lake: Lake) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    for number in range(12):
        replace(lake, "t", f"2026-{number % 3 + 1:02d}", f"e{number}", [number])
    notes = list(lake.commit_metadata("t"))
    assert [note["stem"] for note in notes] == [f"e{number}" for number in range(12)]
    times = [note["committed_at"] for note in notes]
    assert all(isinstance(time, datetime) and before <= time <= datetime.now(UTC) for time in times)
    assert times == sorted(times, key=str)


def test_a_new_column_is_added_and_older_months_show_it_empty(lake: Lake) -> None:
    replace(lake, "t", "2026-09", "old", [1])
    wider = SCHEMA.insert(1, pa.field("note", pa.string())).insert(1, pa.field("seen_at", pa.timestamp("us", "UTC")))
    file = lake.new_file("t", "2026-10", "new")
    row = {"n": 2, "usd": Decimal(1), "note": "x", "seen_at": datetime(2026, 10, 1, tzinfo=UTC)}
    pq.write_table(pa.Table.from_pylist([row], schema=wider.remove(5)), file, store_schema=False)
    lake.replace_month("t", "2026-10", [file], wider, {})
    assert {field.name for field in DeltaTable(str(lake.root / "t")).schema().fields} == set(wider.names)
    with duckdb.connect() as db:
        create(db, "all_months", [file for files in lake.files("t").values() for file in files], wider)
        create(db, "older", lake.files("t")["2026-09"], wider)
        assert db.execute("SELECT n, note, seen_at FROM all_months ORDER BY n").fetchall() == [
            (1, None, None),
            (2, "x", datetime(2026, 10, 1)),  # noqa: DTZ001
        ]
        assert db.execute("SELECT n, note, seen_at FROM older").fetchall() == [(1, None, None)]
        described = [row[:2] for row in db.execute("DESCRIBE older").fetchall()]
        assert described == [row[:2] for row in db.execute("DESCRIBE all_months").fetchall()]


def test_other_types_are_refused_for_calls_and_the_old_month_stays(lake: Lake) -> None:
    replace(lake, "t", "2026-10", "old", [7])
    other = SCHEMA.set(0, pa.field("n", pa.string()))
    with pytest.raises(PermanentError, match="t was written with other types; run `cdr rebuild`"):
        lake.replace_month("t", "2026-10", [write(lake, "t", "2026-10", "new", [1])], other, {})
    assert contents(lake, "t") == {"2026-10": [7]}


def test_whole_numbers_become_longer_without_a_rebuild(lake: Lake) -> None:
    """A declared integer had 32 bits once: older months are read beside newer ones, and may be written again."""
    short, long = (pa.schema([("n", kind), ("month", pa.string())]) for kind in (pa.int32(), pa.int64()))

    def put(month: str, number: int, schema: pa.Schema) -> None:
        file = lake.new_file("t", month, f"{month}-{number}")
        pq.write_table(pa.table({"n": pa.array([number], schema.field("n").type)}), file, store_schema=False)
        lake.replace_month("t", month, [file], schema, {})

    for month, number, schema in (("2026-09", 1, short), ("2026-10", 2**40, long), ("2026-08", 3, short)):
        put(month, number, schema)
    everything = pa.table(
        QueryBuilder().register("t", DeltaTable(str(lake.root / "t"))).execute("SELECT n FROM t").read_all()
    )
    assert sorted(everything["n"].to_pylist()) == [1, 3, 2**40]
    files = lake.files("t")
    for shown, numbers in ((files, [1, 3, 2**40]), ({"2026-09": files["2026-09"]}, [1])):
        with duckdb.connect() as db:
            create(db, "months", [file for found in shown.values() for file in found], long)
            assert [row[0] for row in db.execute("SELECT n FROM months ORDER BY n").fetchall()] == numbers
            assert db.execute("DESCRIBE months").fetchall()[0][:2] == ("n", "BIGINT")


def test_a_mart_begins_anew_where_its_columns_change(lake: Lake) -> None:
    for month in ("2026-09", "2026-10"):
        replace(lake, "marts.m", month, "old", [1])
    narrower = pa.schema([("n", pa.int64()), ("month", pa.string())])
    file = lake.new_file("marts.m", "2026-10", "new")
    pq.write_table(pa.table({"n": [2]}), file)
    lake.replace_month("marts.m", "2026-10", [file], narrower, {})
    assert contents(lake, "marts.m", narrower) == {"2026-10": [2]}


def test_a_month_without_rows_is_a_month_that_is_known(lake: Lake) -> None:
    replace(lake, "t", "2026-10", "old", [1])
    replace(lake, "t", "2026-10", "empty", [])
    replace(lake, "t", "2026-11", "empty", [])
    assert lake.version_keys("t") == {"2026-10": "empty", "2026-11": "empty"}
    assert contents(lake, "t") == {}


def test_a_table_that_is_not_there_is_empty(lake: Lake) -> None:
    assert (lake.files("t"), lake.version_keys("t"), list(lake.commit_metadata("t"))) == ({}, {}, [])


def test_a_stem_may_hold_dots(lake: Lake) -> None:
    replace(lake, "t", "2026-10", "d7.e-1", [1])
    assert lake.version_keys("t") == {"2026-10": "d7.e-1"}


@pytest.mark.parametrize("name", ["plain", "with space", "100%", "Überweg", "日本", "o'brien", 'say "so"', "a[b]*"])
def test_files_are_absolute_and_readable_whatever_the_data_directory_is_called(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path / name / "lake")
    file = replace(lake, "marts.m", "2026-10", "e", [1, 2])
    assert lake.files("marts.m") == {"2026-10": [file]}
    assert file.is_absolute()
    assert file.is_relative_to(tmp_path / name)
    assert contents(lake, "marts.m") == {"2026-10": [1, 2]}
    assert len(list(lake.commit_metadata("marts.m"))) == 1


@pytest.mark.parametrize("name", ["a%20b", "what?", "c#", "back\\slash"])
def test_a_directory_that_delta_would_misread_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(PermanentError, match="which Delta misreads; move the data directory"):
        Lake(tmp_path / name / "lake")


def test_a_lake_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file where the folder should be")
    with pytest.raises(PermanentError, match="make the folder writable"):
        Lake(tmp_path / "lake").new_file("t", "2026-10", "e")
