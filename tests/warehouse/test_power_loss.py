"""What a power cut leaves of a lake: the newest entry of a log empty or cut off, a Parquet file without its bytes."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipeline.errors import PermanentError
from pipeline.warehouse.lake import Lake

SCHEMA = pa.schema([("n", pa.int64()), ("month", pa.string())])
MONTH = "2026-10"


def replace(lake: Lake, month: str, stem: str, numbers: Iterable[int], parts: int = 1, table: str = "t") -> None:
    first = lake.new_file(table, month, stem)
    files = [first, *(first.with_name(f"{first.stem}-{part}.parquet") for part in range(2, parts + 1))]
    for file in files:
        pq.write_table(pa.table({"n": list(numbers)}), file)
    lake.replace_month(table, month, files, SCHEMA, {"stem": stem})


def entries(lake: Lake, table: str = "t") -> list[Path]:
    return sorted(lake.root.joinpath(*table.split("."), "_delta_log").glob("*.json"))


def contents(lake: Lake, table: str = "t") -> dict[str, list[int]]:
    return {
        month: [n for file in files for n in pq.read_table(file, partitioning=None)["n"].to_pylist()]
        for month, files in Lake(lake.root).files(table).items()
    }


@pytest.fixture
def three(lake: Lake) -> Lake:
    """September, and October in two versions."""
    replace(lake, "2026-09", "september", [9])
    replace(lake, MONTH, "old", [1, 2], parts=2)
    replace(lake, MONTH, "new", [3], parts=2)
    return lake


def without_bytes(entry: Path) -> None:
    entry.write_bytes(b"")


def zeros(entry: Path) -> None:
    entry.write_bytes(b"\0" * entry.stat().st_size)


def parquet_of(entry: Path) -> Path:
    added = [json.loads(line)["add"]["path"] for line in entry.read_bytes().splitlines() if b'"add"' in line]
    return entry.parents[1] / str(added[-1])


def empty_parquet(entry: Path) -> None:
    parquet_of(entry).write_bytes(b"")


def zero_parquet(entry: Path) -> None:
    zeros(parquet_of(entry))


def no_parquet(entry: Path) -> None:
    parquet_of(entry).unlink()


DAMAGES: list[Callable[[Path], None]] = [without_bytes, zeros, empty_parquet, zero_parquet, no_parquet]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_newest_commit_is_set_aside_and_the_version_before_it_shown(
    three: Lake, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(entries(three)[-1])
    assert contents(three) == {"2026-09": [9], MONTH: [1, 2, 1, 2]}
    [aside] = three.aside()
    assert aside.name.startswith("00000000000000000003.")
    assert [record.getMessage()[:32] for record in caplog.records] == ["t: 00000000000000000003.json of "]
    replace(Lake(three.root), MONTH, "new", [3])
    assert contents(three) == {"2026-09": [9], MONTH: [3]}


def test_an_entry_cut_off_anywhere_is_never_read_in_part(three: Lake, tmp_path: Path) -> None:
    whole = entries(three)[-1].read_bytes()
    lines = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for place in sorted({1, len(whole) // 2, len(whole) - 1, *lines, *(line + 1 for line in lines)}):
        copy = Lake(tmp_path / f"cut-{place}")
        shutil.copytree(three.root, copy.root)
        entries(copy)[-1].write_bytes(whole[:place])
        assert contents(copy) == {"2026-09": [9], MONTH: [1, 2, 1, 2]}, whole[:place]


def test_several_commits_that_were_lost_at_once_are_all_set_aside(three: Lake) -> None:
    without_bytes(entries(three)[-1])
    empty_parquet(entries(three)[-2])
    assert contents(three) == {"2026-09": [9]}


def test_the_first_commit_of_a_table_may_be_lost_too(lake: Lake) -> None:
    replace(lake, MONTH, "only", [1])
    for entry in entries(lake):
        without_bytes(entry)
    assert contents(lake) == {}
    replace(Lake(lake.root), MONTH, "only", [1])
    assert contents(lake) == {MONTH: [1]}


def test_a_torn_checkpoint_costs_nothing(three: Lake) -> None:
    DeltaTable(str(three.root / "t")).create_checkpoint()
    [checkpoint] = (three.root / "t" / "_delta_log").glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    assert contents(three) == {"2026-09": [9], MONTH: [3, 3]}


def test_a_checkpoint_does_not_keep_a_commit_that_is_damaged(three: Lake) -> None:
    DeltaTable(str(three.root / "t")).create_checkpoint()
    empty_parquet(entries(three)[-1])
    assert contents(three) == {"2026-09": [9], MONTH: [1, 2, 1, 2]}


def test_an_undamaged_log_is_left_alone_whatever_was_done_to_the_table(three: Lake, caplog: Any) -> None:
    for step in range(105):  # beyond a checkpoint of delta-rs's own
        replace(three, "2026-11", f"e{step}", [step])
    three.table("t").drop_month("2026-09")
    assert contents(three) == {MONTH: [3, 3], "2026-11": [104]}
    assert list((three.root / "t" / "_delta_log").glob("*.checkpoint.parquet"))
    assert (three.aside(), caplog.records) == ([], [])


@pytest.mark.parametrize("place", [0, 2])
def test_an_older_entry_that_is_damaged_is_told_and_the_table_begins_again_when_it_is_rebuilt(
    three: Lake, place: int
) -> None:
    entries(three)[place].write_bytes(b"")
    with pytest.raises(PermanentError, match=r"^The log of t cannot be read, [^\n]+ run `cdr rebuild`"):
        Lake(three.root).files("t")
    kept = sorted(three.root.glob("t/month=*/*.parquet"))
    again = Lake(three.root)
    again.set_aside_unreadable()
    assert again.files("t") == {}
    assert sorted(three.root.glob("t/month=*/*.parquet")) == kept  # published views may still read them
    replace(again, MONTH, "new", [3])
    assert contents(three) == {MONTH: [3]}


def test_what_sql_makes_begins_again_by_itself(lake: Lake) -> None:
    for month in ("2026-09", MONTH):
        replace(lake, month, "made", [1], table="marts.m")
    entries(lake, "marts.m")[0].write_bytes(b"")
    assert contents(lake, "marts.m") == {}
    replace(Lake(lake.root), MONTH, "made", [2], table="marts.m")
    assert contents(lake, "marts.m") == {MONTH: [2]}
