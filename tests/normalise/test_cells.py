"""Cells that are no reason to lose a call, or that no call can have: what becomes of each."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.dataset import Dataset
from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.schema import Kind
from pipeline.normalise.table import declared_table

Convert = Callable[..., Any]
Header = dict[str, tuple[str, ...]]
Lines = Callable[..., bytes]

CALL = {
    "Date/Time Start (UTC)": "2026-10-05 10:00:00",
    "Date/Time Connect (UTC)": "2026-10-05 10:00:05",
    "Date/Time End (UTC)": "2026-10-05 10:01:05",
    "Call Duration (sec)": "60",
    "Charged (USD)": "0.01",
}
START, CONNECT, END, SECONDS, USD = CALL


@pytest.fixture
def lines(columns_of: Header) -> Lines:
    """A file of cdr_out: a sound call with the cells of each line changed."""

    def write(*changed: dict[str, str]) -> bytes:
        names = columns_of["cdr_out"]
        text = [names, *([(CALL | cells).get(name, "") for name in names] for cells in changed)]
        return "\n".join(map(",".join, text)).encode()

    return write


@pytest.mark.parametrize(
    "zero",
    [
        "1970-01-01 00:00:00", "1970-01-01T00:00:00Z", "1970-01-01 00:00:00.000", "1970-01-01", "0001-01-01 00:00:00",
        "0001-01-01T00:00:00Z", "0000-00-00 00:00:00", "0000-00-00", "0000-00-00T00:00:00+00:00", "0000-01-01 00:00:00",
        "1970-01-01T01:00:00+01:00", "1970-01-01 01:00:00", "1969-12-31 19:00:00", "1899-12-30 00:00:00",
        "1601-01-01 00:00:00", "9999-12-31 23:59:59", "2038-01-19 03:14:07",
    ],
)  # fmt: skip
def test_a_date_that_stands_for_no_time_is_none_and_is_told(zero: str, lines: Lines, convert_bytes: Convert) -> None:
    outcome = convert_bytes("cdr_out", lines({}, {CONNECT: zero}, {}, {CONNECT: zero, END: zero}))
    assert [(row["connected_at"] is None, row["ended_at"] is None) for row in outcome.rows] == [
        (False, False), (True, False), (False, False), (True, True),
    ]  # fmt: skip
    assert [row["extra"] for row in outcome.rows] == [
        None,
        [("connected_at as served", zero)],
        None,
        [("connected_at as served", zero), ("ended_at as served", zero)],
    ]
    assert outcome.said.altered == {"connected_at": 2, "ended_at": 1}


@pytest.mark.parametrize("zero", ["1970-01-01 00:00:00", "0001-01-01 00:00:00", "0000-00-00 00:00:00"])
def test_a_zero_date_places_no_call(zero: str, lines: Lines, convert_bytes: Convert) -> None:
    outcome = convert_bytes("cdr_out", lines({}, {START: zero}))
    assert [reject["reason"] for reject in outcome.rejects] == ["started_at is not a time but a zero date"]
    assert (outcome.said.rejected.sums["charged_usd"], outcome.said.altered) == (Decimal("0.01"), {})


@pytest.mark.parametrize("connect", ["2026-10-05 09:59:58", "2026-09-30 10:00:00", "2026-11-06 10:00:00"])
def test_a_time_that_can_be_is_kept_however_odd(connect: str, lines: Lines, convert_bytes: Convert) -> None:
    (row,) = convert_bytes("cdr_out", lines({CONNECT: connect})).rows
    assert row["connected_at"] == datetime.fromisoformat(connect).replace(tzinfo=UTC)


@pytest.mark.parametrize("seconds", ["-1", "-1790000000", "2678401", "2147483648", "99999999999999999999", "60.0"])
@pytest.mark.parametrize("column", [SECONDS, "Billing Duration (sec)"])
def test_no_call_lasts_less_than_nothing_or_more_than_a_month(
    seconds: str, column: str, lines: Lines, convert_bytes: Convert
) -> None:
    outcome = convert_bytes("cdr_out", lines({}, {column: seconds}, {column: "2678400"}, {column: "0"}))
    assert [row["row_number"] for row in outcome.rows] == [1, 3, 4]
    assert "is not whole seconds from 0 to 2678400, which are 31 days" in outcome.rejects[0]["reason"]


@pytest.mark.parametrize(
    ("served", "kept", "exact"),
    [
        ("0.0064212500", "0.006421", False), ("0.00642125", "0.006421", False), ("0.0064215", "0.006422", False),
        ("0.0064225", "0.006422", False), ("6.4212E-8", "0", False), ("-0.0000015", "-0.000002", False),
        ("6.4E-3", "0.0064", True), ("1e-05", "0.00001", True), ("+0.5", "0.5", True),
        ("0.0064210000", "0.006421", True), ("0.1" + "0" * 60, "0.1", True),
    ],
)  # fmt: skip
def test_a_price_that_is_written_longer_than_it_is_kept_loses_no_call(
    served: str, kept: str, exact: bool, lines: Lines, convert_bytes: Convert
) -> None:
    outcome = convert_bytes("cdr_out", lines({}, {USD: served}, {USD: served}, {}))
    assert [row["charged_usd"] for row in outcome.rows] == [Decimal(n) for n in ("0.01", kept, kept, "0.01")]
    beside = None if exact else [("charged_usd as served", served)]
    assert [row["extra"] for row in outcome.rows] == [None, beside, beside, None]
    assert outcome.said.altered == ({} if exact else {"charged_usd": 2})
    assert outcome.said.text == outcome.said.loaded


@pytest.mark.parametrize(
    "amount", ["1,234.50", "1.234,50", "$1", "0.1.2", "999999999999.9999995", "1e12", "nan", "1e999"]
)
def test_what_is_no_amount_for_certain_is_rejected(amount: str, lines: Lines, convert_bytes: Convert) -> None:
    outcome = convert_bytes("cdr_out", lines({}, {USD: f'"{amount}"'}))
    assert [reject["reason"] for reject in outcome.rejects] == [
        "charged_usd is not an amount with up to 12 digits before the point"
    ]


def test_a_negative_amount_is_a_credit(lines: Lines, convert_bytes: Convert) -> None:
    (row,) = convert_bytes("cdr_out", lines({USD: "-0.25"})).rows
    assert (row["charged_usd"], row["extra"]) == (Decimal("-0.25"), None)


def test_cells_that_hold_something_else_stand_beside_columns_that_nobody_knows(
    lines: Lines, convert_bytes: Convert
) -> None:
    header, *records = lines({}, {CONNECT: "1970-01-01 00:00:00", USD: "0.00642125"}, {}).decode().split("\n")
    text = "\n".join([f"{header},New,Newer", f"{records[0]},a,b", f"{records[1]},,c", f"{records[2]},,"])
    for block_bytes in (1, 8 << 20):
        outcome = convert_bytes("cdr_out", text.encode(), block_bytes=block_bytes)
        assert [row["extra"] for row in outcome.rows] == [
            [("New", "a"), ("Newer", "b")],
            [
                ("Newer", "c"),
                ("connected_at as served", "1970-01-01 00:00:00"),
                ("charged_usd as served", "0.00642125"),
            ],
            [],
        ]


def test_what_a_rejected_record_had_altered_is_not_counted(lines: Lines, convert_bytes: Convert) -> None:
    said = convert_bytes("cdr_out", lines({USD: "0.00642125", SECONDS: "-1"}, {USD: "0.00642125"})).said
    assert (said.altered, said.rejected.rows) == ({"charged_usd": 1}, 1)
    assert said.text == said.loaded + said.rejected


FIELDS = {"id": "integer", "at": "timestamptz", "born_at": "timestamptz", "held_seconds": "integer", "usd": "money"}
THING = Dataset("things", "rebilly", "things", FIELDS, "at")


@pytest.fixture
def things(tmp_path: Path) -> Callable[..., tuple[Converted, list[dict[str, Any]], list[str]]]:
    """Converts a file of a declared export; its rows, and why records were rejected."""

    def run(*records: str) -> tuple[Converted, list[dict[str, Any]], list[str]]:
        file = tmp_path / "served.csv.gz"
        file.write_bytes(gzip.compress("\n".join([",".join(FIELDS), *records]).encode()))
        rows, rejects = tmp_path / "rows.parquet", tmp_path / "rejects.parquet"
        said = convert(file, Origin("things", Month(2026, 10), "e-1"), declared_table(THING), rows, rejects)
        return said, pq.read_table(rows).to_pylist(), pq.read_table(rejects)["reason"].to_pylist()

    return run


def test_whole_numbers_of_declared_exports_have_64_bits(things: Callable[..., Any]) -> None:
    numbers = [2**31, -(2**63), 2**63 - 1, 1_790_000_000_000]
    _, rows, reasons = things(*(f"{number},2026-10-05T10:00:00Z,,," for number in [*numbers, 2**63, -(2**63) - 1]))
    assert [row["id"] for row in rows] == numbers
    assert reasons == ["id is not a whole number of at most 64 bits"] * 2


def test_what_is_added_up_keeps_32_bits_so_that_no_sum_overflows(things: Callable[..., Any]) -> None:
    assert [column.kind for column in declared_table(THING).columns if column.name == "held_seconds"] == [Kind.INT32]
    said, rows, reasons = things(*(f"1,2026-10-05T10:00:00Z,,{number}," for number in (2**31 - 1, -5, 2**31)))
    assert [row["held_seconds"] for row in rows] == [2**31 - 1, -5]
    assert reasons == ["held_seconds is not a whole number of at most 32 bits"]
    assert said.loaded.sums["held_seconds"] == 2**31 - 6


def test_a_date_long_ago_is_a_time_where_it_is_none_of_a_call(things: Callable[..., Any]) -> None:
    born = ["1969-07-20T20:17:40Z", "1970-01-01T00:00:01Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]
    said, rows, _ = things(*(f"1,2026-10-05T10:00:00Z,{at},," for at in born))
    assert [row["born_at"] and row["born_at"].year for row in rows] == [1969, 1970, None, None]
    assert said.altered == {"born_at": 2}
