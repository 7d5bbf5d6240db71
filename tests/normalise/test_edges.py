import gzip
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.normalise.convert import Origin, convert
from pipeline.normalise.didww import TABLES
from pipeline.normalise.records import LONGEST_BYTES, MOST_LINES
from pipeline.normalise.schema import RECORD_TYPES

Convert = Callable[..., Any]
Header = dict[str, tuple[str, ...]]

OUT = {"Date/Time Start (UTC)": "2026-10-01 10:00:00", "Call Duration (sec)": "59", "Charged (USD)": "0.010"}


@pytest.fixture
def out(columns_of: Header) -> Callable[..., str]:
    """A sound line of cdr_out, with cells changed by the vendor's column names."""

    def line(**changed: str) -> str:
        cells = OUT | {name.replace("_", " "): cell for name, cell in changed.items()}
        return ",".join(cells.get(name, "") for name in columns_of["cdr_out"])

    return line


@pytest.fixture
def header(columns_of: Header) -> str:
    return ",".join(columns_of["cdr_out"])


def rejected(outcome: Any) -> list[tuple[int, int, str]]:
    return [(reject["row_number"], reject["line_number"], reject["reason"]) for reject in outcome.rejects]


@pytest.mark.parametrize("record_type", RECORD_TYPES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\r\n\n"])
def test_a_header_alone_is_a_month_without_calls(
    record_type: str, end: str, columns_of: Header, convert_bytes: Convert
) -> None:
    outcome = convert_bytes(record_type, (",".join(columns_of[record_type]) + end).encode())
    assert (outcome.rows, outcome.rejects) == ([], [])
    assert outcome.said.loaded.sums == dict.fromkeys(TABLES[record_type].control, Decimal(0))
    assert (outcome.said.first_start, outcome.said.last_start) == (None, None)


@pytest.mark.parametrize("record_type", ["sms_in", "sms_out"])
def test_records_without_an_amount_are_counted_all_the_same(
    record_type: str, columns_of: Header, convert_bytes: Convert
) -> None:
    names = columns_of[record_type]
    lines = [",".join(cells) for cells in (names, ["2026-10-01 10:00:00", *names[1:]], ["2026-10-01", *names[1:]])]
    outcome = convert_bytes(record_type, "\n".join(lines).encode())
    assert rejected(outcome) == [(2, 3, "sent_at is not a time like 2026-10-31 23:59:59")]
    assert (outcome.said.text.rows, outcome.said.loaded.rows, outcome.said.rejected.rows) == (2, 1, 1)


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_no_month_without_calls(data: bytes, convert_bytes: Convert) -> None:
    with pytest.raises(PermanentError, match="has no column 'Date/Time Start"):
        convert_bytes("cdr_in", data)


def test_a_missing_column_is_named(header: str, convert_bytes: Convert) -> None:
    with pytest.raises(PermanentError, match=r"has no column 'Charged \(USD\)', so nothing was loaded"):
        convert_bytes("cdr_out", header.replace(",Charged (USD)", "").encode())


def test_a_column_that_comes_twice_is_named(header: str, convert_bytes: Convert) -> None:
    with pytest.raises(PermanentError, match="has the column 'Network' twice"):
        convert_bytes("cdr_out", f"{header},Network\n".encode())


def test_an_unknown_column_is_kept_even_under_the_name_of_one_of_ours(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    text = f'{header},status,Answer Delay\n{out(Status="Completed")},new,"1,5"\n{out()},"",\n{out()},x\n'
    outcome = convert_bytes("cdr_out", text.encode())
    assert outcome.said.extras == ("status", "Answer Delay")
    assert [row["extra"] for row in outcome.rows] == [[("status", "new"), ("Answer Delay", "1,5")], []]
    assert outcome.rows[0]["status"] == "Completed"
    assert rejected(outcome) == [(3, 4, "has 20 cells instead of 21")]


def test_a_block_without_a_single_time_of_connection_is_loaded(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    assert len(convert_bytes("cdr_out", "\n".join([header, out(), out()]).encode()).rows) == 2


def test_a_block_of_which_every_record_is_bad_is_rejected_whole(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    bad = [out().replace(",59,", ",\udcff,"), out().replace(",59,", ",\udcc3,")]
    outcome = convert_bytes("cdr_out", "\n".join([header, *bad]).encode("utf-8", "surrogateescape"), block_bytes=1)
    reason = "duration_seconds is not whole seconds from 0 to 2678400, which are 31 days"
    assert rejected(outcome) == [(1, 2, reason), (2, 3, reason)]
    assert "\\xff" in outcome.rejects[0]["raw_line"]
    assert (outcome.said.replaced, outcome.said.rejected.unknown["duration_seconds"]) == (0, 2)


@pytest.mark.parametrize("block_bytes", [1, 8 << 20])
def test_a_wrong_byte_in_a_name_costs_no_call_and_the_record_is_kept_as_served(
    block_bytes: int, header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    wrong = out(Network="Jos\udce9", Call_ID="2")
    text = "\n".join([f"{header},New", out() + ",", wrong + ",x", out(Network="José") + ","])
    outcome = convert_bytes("cdr_out", text.encode("utf-8", "surrogateescape"), block_bytes=block_bytes)
    assert [row["network"] for row in outcome.rows] == [None, "Jos\ufffd", "José"]
    raw = wrong.replace("\udce9", "\\xe9") + ",x"
    assert [row["extra"] for row in outcome.rows] == [[], [("New", "x"), ("raw_line", raw)], []]
    assert (outcome.said.loaded.rows, outcome.said.replaced, outcome.rejects) == (3, 1, [])
    assert outcome.said.loaded.sums["charged_usd"] == outcome.said.text.sums["charged_usd"] == Decimal("0.03")


def test_a_stray_quote_is_a_character_like_any_other(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    lines = [header, out(Network='5" pipe'), *[out(Network="plain")] * 50, out(Network='"two\nlines"'), out()]
    for block_bytes in (64, 500, 8 << 20):
        outcome = convert_bytes("cdr_out", "\n".join(lines).encode(), block_bytes=block_bytes)
        assert not outcome.rejects
        assert [row["network"] for row in outcome.rows] == ['5" pipe', *["plain"] * 50, "two\nlines", None]


@pytest.mark.parametrize("column", ["Network", "Call_ID"])
@pytest.mark.parametrize("block_bytes", [1_500, 8 << 20])
@pytest.mark.parametrize("astray", [[300], [3, 4], [2, 399], [100, 160, 161]])
@pytest.mark.parametrize("rest", ["plain", "quoted", "of two lines"])
def test_a_quote_that_is_never_closed_costs_its_own_record_and_no_other(
    rest: str,
    astray: list[int],
    block_bytes: int,
    column: str,
    header: str,
    out: Callable[..., str],
    convert_bytes: Convert,
) -> None:
    sound = {"plain": out(), "quoted": out(Status='"Comp, leted"'), "of two lines": out(Status='"two\nlines"')}[rest]
    lines = [sound] * 400
    for place in astray:
        lines[place - 1] = out(**{column: '"open'})
    text = "\n".join([header, *lines]) + "\n"
    outcome = convert_bytes("cdr_out", text.encode(), block_bytes=block_bytes)
    assert [row["row_number"] for row in outcome.rows] == [n for n in range(1, 401) if n not in astray]
    height = 1 + sound.count("\n")
    before = [(place, 2 + (place - 1 - at) * height + at) for at, place in enumerate(astray)]
    assert rejected(outcome) == [(place, line, "has a quote that is never closed") for place, line in before]
    assert [reject["raw_line"] for reject in outcome.rejects] == [lines[place - 1] for place in astray]
    # its cells are where they always are, so its amounts are known
    assert outcome.said.text.sums["charged_usd"] == 400 * Decimal("0.01")
    assert set(outcome.said.rejected.unknown.values()) == {0}


def test_two_quotes_astray_in_one_column_do_not_make_one_call_of_many(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    for second in (3, 4, 9):
        lines = [out()] * 10
        lines[2], lines[second] = out(Network='"open'), out(Network='shut"')
        outcome = convert_bytes("cdr_out", "\n".join([header, *lines]).encode())
        assert [reject["row_number"] for reject in outcome.rejects] == [3]
        assert outcome.said.loaded.rows == 9


@pytest.mark.parametrize("size", [("x", LONGEST_BYTES), ("\n", MOST_LINES + 1)])
def test_a_cell_of_several_lines_has_a_documented_bound(
    size: tuple[str, int], header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    filling, most = size
    for block_bytes in (100, 8 << 20):
        for cell, loaded in (("\n" + filling * (most // 2), 2), ("\n" + filling * most, 1)):
            text = "\n".join([header, out(Network=f'"{cell}"'), out(Network="plain")])
            outcome = convert_bytes("cdr_out", text.encode(), block_bytes=block_bytes)
            assert outcome.said.loaded.rows == loaded
            assert outcome.rows[-1]["network"] == "plain"
            assert outcome.said.counted == outcome.said.loaded.rows + len(outcome.rejects)


def test_empty_cells_behind_the_last_column_of_every_record_are_nothing(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    for head in (header, header + ",", header + ",,"):
        lines = [
            head,
            out() + ",,",
            out(Network='"two\nlines"') + ',"",',
            out(),
            out() + ",,,,",
            out() + ",x",
            out() + ",,x",
            out(Network="Telefonica, O2") + ",,",
        ]
        for block_bytes in (1, 8 << 20):
            outcome = convert_bytes("cdr_out", "\r\n".join(lines).encode(), block_bytes=block_bytes)
            assert [row["row_number"] for row in outcome.rows] == [1, 2, 3]
            assert [reason for *_, reason in rejected(outcome)] == [
                f"has {cells} cells instead of 19" for cells in (23, 20, 21, 22)
            ]
            assert outcome.said.extras == ()


def test_a_delimiter_that_strays_into_a_record_moves_no_cell_of_it(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    # the last column is empty: without it the record would have as many cells as it should, each a column further
    names = header.split(",")
    last = ",".join([*out().split(",")[: len(names) - 1], ""])
    strayed = last.replace(last.split(",")[4], "a,b", 1)
    outcome = convert_bytes("cdr_out", "\n".join([header, last, strayed]).encode())
    assert [row["row_number"] for row in outcome.rows] == [1]
    assert [reason for *_, reason in rejected(outcome)] == ["has 20 cells instead of 19"]


def test_amounts_that_cannot_be_told_are_said_to_be_unknown(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    lines = [header, out(), out() + ",x", "cut", out().replace("0.010", "free"), out().replace("2026-10-01", "never")]
    said = convert_bytes("cdr_out", "\n".join(lines).encode()).said
    assert (said.text.rows, said.rejected.rows) == (5, 4)
    assert said.text.unknown == said.rejected.unknown
    assert said.rejected.unknown["charged_usd"] == 3
    assert said.rejected.unknown["duration_seconds"] == 2
    assert set(said.loaded.unknown.values()) == {0}
    assert said.text.sums["charged_usd"] == Decimal("0.02")


def test_blank_lines_are_no_records_but_count_as_lines(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    bad = out().replace(",59,", ",5x,")
    lines = [header, "", out(), "", "", bad, "\r", out(), out() + ",x"]
    outcome = convert_bytes("cdr_out", "\n".join(lines).encode())
    assert [row["row_number"] for row in outcome.rows] == [1, 3]
    assert [(number, line) for number, line, _ in rejected(outcome)] == [(2, 6), (4, 9)]


def test_a_lone_carriage_return_ends_a_record_as_it_does_for_python(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    outcome = convert_bytes("cdr_out", f"{header}\n{out()}\n{out(Network='a' + chr(13) + 'b')}\n{out()}\n".encode())
    assert [row["row_number"] for row in outcome.rows] == [1, 4]
    assert [number for number, _, _ in rejected(outcome)] == [2, 3]


def test_a_rejected_record_is_found_beyond_a_cell_of_many_lines(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    long = out(Network='"' + "long\n" * 200 + '"')
    outcome = convert_bytes("cdr_out", "\n".join([header, long, out() + ",x"]).encode())
    assert rejected(outcome) == [(2, 203, "has 20 cells instead of 19")]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "mixed"])
def test_lines_may_end_in_any_way(end: str, header: str, out: Callable[..., str], convert_bytes: Convert) -> None:
    ends = ["\r", "\n", "\r\n"] if end == "mixed" else [end]
    lines = [header, *[out(Network='"a\nb"')] * 5, out(Network='"open'), *[out()] * 5, out() + ",x"]
    text = "".join(line + ends[at % len(ends)] for at, line in enumerate(lines))
    for data in (text, text.rstrip("\r\n")):
        for block_bytes in (1, 300, 8 << 20):
            outcome = convert_bytes("cdr_out", data.encode(), block_bytes=block_bytes)
            assert [row["row_number"] for row in outcome.rows] == [*range(1, 6), *range(7, 12)]
            assert [(number, line) for number, line, _ in rejected(outcome)] == [(6, 12), (12, 18)]


def test_a_large_file_whose_lines_end_in_carriage_returns(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    text = "\r".join([header, *[out()] * 5_000])
    assert convert_bytes("cdr_out", text.encode(), block_bytes=100_000).said.loaded.rows == 5_000


def test_calls_outside_the_month_are_kept_and_counted(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    starts = ["2026-09-30 23:59:59", "2026-10-01 00:00:00", "2026-10-31 23:59:59", "2026-11-01 00:00:00"]
    lines = [out().replace(OUT["Date/Time Start (UTC)"], start) for start in starts]
    for block_bytes in (1, 8 << 20):
        said = convert_bytes("cdr_out", "\n".join([header, *lines]).encode(), block_bytes=block_bytes).said
        assert (said.loaded.rows, said.outside_month) == (4, 2)
        assert said.first_start == datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
        assert said.last_start == datetime(2026, 11, 1, tzinfo=UTC)


def test_totals_are_written_alike_whether_or_not_a_cell_was_bad(
    header: str, out: Callable[..., str], convert_bytes: Convert
) -> None:
    silent, wrong = out().replace(",59,", ",0,"), out().replace(",59,", ",x,")
    clean = convert_bytes("cdr_out", f"{header}\n{silent}\n{silent}\n".encode()).said.text
    spoilt = convert_bytes("cdr_out", f"{header}\n{silent}\n{wrong}\n".encode()).said.text
    assert {n: f"{total:f}" for n, total in clean.sums.items()} == {n: f"{total:f}" for n, total in spoilt.sums.items()}


def test_an_absurd_amount_upsets_no_total(header: str, out: Callable[..., str], convert_bytes: Convert) -> None:
    amounts = ["9" * 40, "0.000001", "1e999999999", "123e45678901234567890123", "nan", "999999999999.999999"]
    outcome = convert_bytes("cdr_out", "\n".join([header, *(out().replace("0.010", a) for a in amounts)]).encode())
    assert [row["row_number"] for row in outcome.rows] == [2, 6]
    assert outcome.said.text.sums["charged_usd"] == Decimal("1000000000000.000000")


ORIGIN = Origin("cdr_out", Month(2026, 10), "e-1")


@pytest.mark.parametrize("harm", ["cut", "tables", "middle", "checksum"])
def test_a_file_damaged_after_landing_leaves_no_parquet(
    harm: str, tmp_path: Path, header: str, out: Callable[..., str]
) -> None:
    lines = [out().replace(",59,", f",{number},") for number in range(5_000)]
    served = bytearray(gzip.compress("\n".join([header, *lines]).encode()))
    middle = len(served) // 2
    if harm == "cut":
        del served[middle:]
    elif harm == "tables":
        served[12:40] = b"\xff" * 28  # where deflate says what its codes mean
    elif harm == "middle":
        served[middle : middle + 50] = b"\xff" * 50
    else:
        served[-8] ^= 0xFF
    file = tmp_path / "served.csv.gz"
    file.write_bytes(served)
    rows, rejects = tmp_path / "lake" / "rows.parquet", tmp_path / "lake" / "rejects.parquet"
    rows.parent.mkdir()
    with pytest.raises(PermanentError, match=r"served\.csv\.gz is damaged .* restore it from a backup"):
        convert(file, ORIGIN, TABLES["cdr_out"], rows, rejects, block_bytes=10_000)
    assert not list(rows.parent.iterdir())


LIMITED = """
import resource, sys
from pathlib import Path
from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.normalise.convert import Origin, convert
from pipeline.normalise.didww import TABLES
from pipeline.normalise.records import LONGEST_BYTES, MOST_LINES
file, folder, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    said = convert(file, Origin("cdr_out", Month(2026, 10), "e-1"), TABLES["cdr_out"],
                   folder / "rows.parquet", folder / "rejects.parquet", workers=2)
except PermanentError as error:
    print("refused", error)
else:
    print(said.loaded.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def limited(file: Path, folder: Path, limit: int) -> list[str]:
    command = [sys.executable, "-c", LIMITED, str(file), str(folder), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return done.stdout.split(maxsplit=1)


@pytest.fixture
def repeated(tmp_path: Path, header: str, columns_of: Header) -> Callable[[int], Path]:
    """A file of that many blocks of 10,000 calls, made by repeating one gzip member."""
    sound = "2026-10-01 10:00:{:02d},2026-10-01 10:00:01,,Completed,{},4420{},97286{},{},60,200,"
    sound += "Bye,Trunk,UK,BT,Local,0.01,0.0{},,{:032x}"
    assert sound.count(",") == len(columns_of["cdr_out"]) - 1
    lines = (sound.format(n % 60, n, n, n * 7, n % 500, n % 997, n * n) for n in range(10_000))
    member = gzip.compress(("\n".join(lines) + "\n").encode(), 1)

    def made(blocks: int) -> Path:
        file = tmp_path / f"{blocks}.csv.gz"
        file.write_bytes(gzip.compress(f"{header}\n".encode()) + member * blocks)
        return file

    return made


def test_a_disk_that_fills_up_leaves_nothing_and_says_so(tmp_path: Path, repeated: Callable[[int], Path]) -> None:
    for limit in (4, 60_000):
        said = limited(repeated(1), tmp_path / "lake", limit)
        assert said[0] == "refused", said
        assert not list((tmp_path / "lake").iterdir())


def test_memory_does_not_grow_with_the_file(tmp_path: Path, repeated: Callable[[int], Path]) -> None:
    few, many = (limited(repeated(blocks), tmp_path / f"lake{blocks}", 0) for blocks in (40, 100))
    assert (few[0], many[0]) == ("400000", "1000000")
    assert int(many[1]) < 1.2 * int(few[1])
