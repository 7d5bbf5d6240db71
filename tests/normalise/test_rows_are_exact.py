"""Whatever the bytes, the rows are those that Python's csv, Decimal and datetime read from them: laws, not examples."""

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.normalise.didww import TABLES
from pipeline.normalise.schema import Column, Kind

Convert = Callable[..., Any]
Oracle = Callable[[str, bytes], Any]
Header = dict[str, tuple[str, ...]]

HOSTILE = [
    "", "NA", "None", "null", "NULL", "NaN", "nan", "inf", "0012", "00442071234567", "+442071234567", "=1+1",
    "@SUM(A1)", "-2+3", "a,b", 'say "hi"', '"', '""', "two\nlines", "two\r\nlines", "a\rb", "\n", "\r",
    "ends\n", " padded ", "\t", "Ünïcödé", "日本語", "🙂", "ё", "\ufeffbom", "\x00", "\u2028", "true", "1e3",
    "2026-10-01", "\\", "'", "<sip:0208@x;id=212>", "x" * 300,
]  # fmt: skip
DOUBTFUL = {
    Kind.TIMESTAMP: [
        "2026-02-30 10:00:00", "2026-02-29 10:00:00", "2028-02-29 10:00:00", "2026-10-31 24:00:00",
        "2026-10-31 23:59:60", "2026-10-31", "2026-10-31 23:59", "2026-10-31T23:59:59", "2026-10-31 23:59:59Z",
        "2026-10-31 23:59:59+02:00", "2026-10-31 23:59:59.1", "2026-10-31 23:59:59.123456",
        "2026-10-31 23:59:59.1234567", "31/10/2026 23:59:59", "0000-01-01 00:00:00", "0001-01-01 00:00:00",
        "0001-01-01 00:00:01", "0000-00-00 00:00:00", "0000-00-00", "0000-00-00T00:00:00.000", "1970-01-01",
        "1970-01-01 00:00:00", "1970-01-01 00:00:00.000000", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00",
        "1970-01-01 00:00:01", "1970-01-01 01:00:00", "1969-12-31 23:59:59", "1899-12-30 00:00:00",
        "2026-11-30 10:00:00", "9999-12-31 23:59:59", "2026-13-01 00:00:00", "2026-00-10 00:00:00",
        " 2026-10-31 23:59:59",
        "2026-10-31 23:59:59 ", "now", "1790000000", "2026-10-31 2x:59:59", "２026-10-31 23:59:59",
    ],
    Kind.INT32: [
        "0", "-0", "-1", "+1", "007", "2147483647", "2147483648", "-2147483648", "-2147483649",
        "99999999999999999999", "1.0", "1,5", "1e3", "0x10", "0X1f", "12a", "a", " 1", "1 ", "1_000", "٣",
        "NaN", "--1", "-",
    ],
    Kind.SECONDS: [
        "0", "-0", "-1", "+1", "007", "0000000060", "2678400", "2678401", "999999", "9999999", "-1790000000",
        "2147483648", "99999999999999999999", "59.0", "1e3", "0x10", "٣", "a", "-", " 1",
    ],
    Kind.MONEY: [
        "0", "-0", "-0.5", "+1.5", ".5", "5.", "0.000", "1e3", "1E-6", "1e-7", "0.1234567", "0.5000000",
        "0.0000000", "1.-5", "999999999999.999999", "-999999999999.999999", "1000000000000",
        "-1000000000000.0", "1234567890123", "1,5", "1.2.3", "0x10", "12a", "a", " 1", "1 ", "1_000", "NaN",
        "inf", "-", ".", "$1", "6.4E-3", "6.4212E-8", "1e-999999", "0.00642125", "0.0064215", "0.0064225", "-0.0000005",
        "0.0064212500", "+0.00642125", "999999999999.9999994", "999999999999.9999995", "1,234.50", "0.1234567a",
        "1e99", "1e999999", "9" * 40, "٣.٥",
    ],
    Kind.TEXT: [
        "", "ordinary",
    ],
}  # fmt: skip
ORDINARY = {
    Kind.TIMESTAMP: "2026-10-31 23:59:59",
    Kind.INT32: "1",
    Kind.SECONDS: "59",
    Kind.MONEY: "0.0125",
    Kind.TEXT: "Completed",
}

texts = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
timestamps = st.builds(
    "2026-{:02d}-{:02d} {:02d}:{:02d}:{:02d}".format,
    st.integers(9, 11), st.integers(1, 30), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59),
)  # fmt: skip
money = st.builds(
    lambda micros, decimals: f"{Decimal(micros).scaleb(-decimals):f}",
    st.integers(-(10**12) + 1, 10**12 - 1),
    st.integers(0, 6),
) | st.sampled_from(["0", "0.000", "999999999999.999999", "-999999999999.999999"])
CLEAN = {
    Kind.TEXT: texts,
    Kind.TIMESTAMP: timestamps,
    Kind.INT32: st.integers(-(2**31), 2**31 - 1).map(str),
    Kind.SECONDS: st.integers(0, 31 * 24 * 60 * 60).map(str),
    Kind.MONEY: money,
}


@pytest.fixture(autouse=True, scope="module")
def several_row_groups() -> Iterator[None]:
    """Even a short file is then written by several threads, to several files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.normalise.sink.ROW_GROUP", 4)
        yield


def clean(column: Column) -> st.SearchStrategy[str]:
    cells = CLEAN[column.kind]
    return cells if column.required else st.just("") | cells


def sometimes_bad(column: Column) -> st.SearchStrategy[str]:
    doubtful = st.sampled_from(DOUBTFUL[column.kind] + ([""] if column.required else []))
    return st.integers(0, 40).flatmap(lambda draw: clean(column) if draw else doubtful)


def written(cells: list[str], style: random.Random) -> str:
    """A record as some writer may have written it: quoted where it must be, and elsewhere as it likes."""
    return ",".join(_cell(cell, style) for cell in cells)


def _cell(cell: str, style: random.Random) -> str:
    if any(mark in cell for mark in ',\n\r"') or style.random() < 0.2:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _changed(cells: list[str], changes: list[tuple[int, str]]) -> list[str]:
    by_place = dict(changes)
    return [by_place.get(place, cell) for place, cell in enumerate(cells)]


@st.composite
def files(draw: st.DrawFn, record_type: str, header: tuple[str, ...], cells: Callable[[Column], Any]) -> bytes:
    extras = draw(st.lists(st.sampled_from(["New (USD)", "status", "Кто", "a,b"]), max_size=2, unique=True))
    columns = dict(zip(header, TABLES[record_type].columns, strict=True))
    style = random.Random(draw(st.integers(0, 999)))  # noqa: S311
    order = style.sample([*header, *extras], len(header) + len(extras)) if draw(st.booleans()) else [*header, *extras]
    ordinary = [ORDINARY[columns[name].kind] if name in columns else "new" for name in order]
    changes = st.integers(0, len(order) - 1).flatmap(
        lambda at: st.tuples(st.just(at), cells(columns[order[at]]) if order[at] in columns else texts)
    )
    rows = draw(st.lists(st.lists(changes, max_size=6), max_size=8))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = [written(order, style), *(written(_changed(ordinary, row), style) for row in rows)]
    text = end.join(lines) + (end if draw(st.booleans()) else "")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


QUOTES = random.Random(1)  # noqa: S311

sizes = st.integers(20, 1_000) | st.sampled_from([1, 4_096, 8 << 20])
gzip_cuts = st.lists(st.integers(0, 5_000), max_size=3)


def adds_up(outcome: Any, record_type: str, truth: Any) -> None:
    said = outcome.said
    assert said.text == said.loaded + said.rejected
    assert said.counted == said.text.rows
    assert (said.loaded.rows, said.rejected.rows) == (len(truth.rows), len(truth.rejects))
    assert said.loaded.sums == {
        name: sum((row[name] for row in truth.rows if row[name] is not None), Decimal(0))
        for name in TABLES[record_type].control
    }


@pytest.mark.parametrize("record_type", TABLES)
def test_the_rows_of_any_clean_file_are_those_that_python_reads(
    record_type: str, columns_of: Header, convert_bytes: Convert, truth_of: Oracle
) -> None:
    @settings(max_examples=15)
    @given(files(record_type, columns_of[record_type], clean), gzip_cuts, sizes, st.integers(1, 3))
    def law(data: bytes, cuts: list[int], block_bytes: int, workers: int) -> None:
        outcome = convert_bytes(record_type, data, cuts, block_bytes=block_bytes, workers=workers)
        truth = truth_of(record_type, data)
        assert outcome.rows == truth.rows
        assert not outcome.rejects
        assert not truth.rejects
        adds_up(outcome, record_type, truth)

    law()


HARM = [
    b"\n", b"\n\r\n\n", b"\na,b\n", b"\n,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", b'\n"a,\nb",c\n', b"\n \n", b"\xff", b"\xc3",
    b'x"y', b'x"', b',"",""', b'"q"r', b"\xed\xa0\x80", b',"open', b',"', b'"', b'"\n', b',"open\r\n', b',"a\n"b',
    b"\0", b"\r", b"a\rb", b",,\n", b',"",\n', b',"",\r\n', b"\xef\xbb\xbf", b"\n\xef\xbb\xbf",
]  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, record_type: str, header: tuple[str, ...]) -> bytes:
    """A file whose cells are bad here and there, and whose lines are: cut, too long, blank, not UTF-8, oddly quoted."""
    data = draw(files(record_type, header, sometimes_bad))
    first = data.find(b"\n")
    for at, piece in draw(st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from(HARM)), max_size=4)):
        commas = [place for place in range(first, len(data)) if data[place] == ord(",")] if first > 0 else []
        if commas:
            place = commas[at % len(commas)]
            data = data[:place] + piece + data[place:]
    return data


@pytest.mark.parametrize("record_type", TABLES)
def test_every_record_of_any_spoilt_file_is_loaded_or_rejected_with_its_place_and_its_text(
    record_type: str, columns_of: Header, convert_bytes: Convert, truth_of: Oracle
) -> None:
    @settings(max_examples=40)
    @given(spoilt(record_type, columns_of[record_type]), gzip_cuts, sizes, st.integers(1, 3))
    def law(data: bytes, cuts: list[int], block_bytes: int, workers: int) -> None:
        outcome = convert_bytes(record_type, data, cuts, block_bytes=block_bytes, workers=workers)
        truth = truth_of(record_type, data)
        assert outcome.rows == truth.rows
        assert [(r["row_number"], r["line_number"], r["raw_line"]) for r in outcome.rejects] == [
            reject[:3] for reject in truth.rejects
        ]
        for reject, (*_, why) in zip(outcome.rejects, truth.rejects, strict=True):
            assert reject["reason"].startswith(why)
        adds_up(outcome, record_type, truth)

    law()


@pytest.mark.parametrize(
    ("record_type", "column"),
    [
        ("cdr_in", "started_at"),
        ("cdr_in", "ended_at"),
        ("cdr_in", "attempt"),
        ("cdr_out", "billing_seconds"),
        ("cdr_out", "charged_usd"),
    ],
)
def test_a_cell_is_judged_the_same_whatever_else_its_block_holds(
    record_type: str, column: str, columns_of: Header, convert_bytes: Convert, truth_of: Oracle
) -> None:
    at = [known.name for known in TABLES[record_type].columns].index(column)
    sound = ["2026-10-01 10:00:00" if known.required else "" for known in TABLES[record_type].columns]
    cells = DOUBTFUL[TABLES[record_type].columns[at].kind]
    lines = [
        ",".join(columns_of[record_type]),
        *(written([*sound[:at], cell, *sound[at + 1 :]], QUOTES) for cell in cells),
    ]
    together = "\n".join(lines).encode()
    outcome = convert_bytes(record_type, together)
    assert outcome.rows == truth_of(record_type, together).rows
    alone = {row["row_number"] for row in convert_bytes(record_type, together, block_bytes=1).rows}
    assert {row["row_number"] for row in outcome.rows} == alone
    assert 0 < len(alone) < len(cells)


def test_a_large_month_is_written_to_several_files(convert_bytes: Convert, columns_of: Header) -> None:
    line = ",".join("2026-10-01 00:00:00" if n == 0 else "" for n in range(len(columns_of["cdr_out"])))
    data = "\n".join([",".join(columns_of["cdr_out"]), *[line] * 4_000]).encode()
    outcome = convert_bytes("cdr_out", data, workers=4, block_bytes=1_000)
    assert [row["row_number"] for row in outcome.rows] == list(range(1, 4_001))
    assert {file.name for file in outcome.said.files} == {"rows.parquet", "rows-2.parquet"}


def test_a_byte_order_mark_in_the_middle_of_a_file_belongs_to_its_cell(
    convert_bytes: Convert, columns_of: Header
) -> None:
    names = sorted(columns_of["cdr_out"], key=lambda name: name != "Status")
    line = ",".join({"Status": "\ufeffCompleted", names[1]: "2026-10-01 00:00:00"}.get(n, "") for n in names)
    data = "\n".join([",".join(names), line, line]).encode()
    statuses = [row["status"] for row in convert_bytes("cdr_out", data, block_bytes=len(line)).rows]
    assert statuses == ["\ufeffCompleted"] * 2
