"""One block of CSV: every record is a row, or is rejected with its place, and none is both."""

from typing import Any

import pyarrow as pa
import pytest

from pipeline.normalise.blocks import Block
from pipeline.normalise.parse import DICTIONARY_TEXT, UNCLOSED_QUOTE, Parsed, Reject, parse


def read(data: bytes, surplus: int = 0, **block: Any) -> Parsed:
    return parse(Block(data, 1, **block), ("x", "y"), surplus=surplus)


def rows(parsed: Parsed) -> list[list[str | None]]:
    return [list(row.values()) for row in parsed.text.to_pylist()]


@pytest.mark.parametrize(
    ("data", "cells"),
    [
        (b"", []),
        (b"\n", []),
        (b"a,b\n", [["a", "b"]]),
        (b"a,b", [["a", "b"]]),
        (b',""\n', [[None, None]]),
        (b"\xef\xbb\xbfa,b\n", [["\ufeffa", "b"]]),
        (b'a,b\nc,d\r\ne,""\ng,h', [["a", "b"], ["c", "d"], ["e", None], ["g", "h"]]),
        (b"NA,NULL\nnull,nan\n", [["NA", "NULL"], ["null", "nan"]]),
        (b'"a,\n""",b\n', [['a,\n"', "b"]]),
    ],
)
def test_records_with_a_cell_for_each_name_are_rows(data: bytes, cells: list[list[str | None]]) -> None:
    parsed = read(data, lines=len(data.splitlines()))
    assert (rows(parsed), parsed.rejects, parsed.broken, parsed.replaced) == (cells, [], [], [])
    assert parsed.positions.tolist() == list(range(len(cells)))
    assert parsed.records == parsed.counted == len(cells)


def test_records_with_too_few_or_too_many_cells_are_rejected_in_their_places() -> None:
    parsed = read(b'a,b\nc\nd,e,\nf,g,h\ni,j,k,\nl,m,"",n\no,p\n,q,r\n', surplus=1, records=8)
    assert rows(parsed) == [["a", "b"], ["d", "e"], ["o", "p"]]
    assert parsed.positions.tolist() == [0, 2, 6]
    cells = {1: 1, 3: 3, 4: 4, 5: 4, 7: 3}
    assert parsed.rejects == [Reject(place, f"has {n} cells instead of 2") for place, n in cells.items()]
    assert (parsed.records, parsed.counted) == (8, 8)


def test_as_many_cells_as_there_should_be_are_no_surplus() -> None:
    parsed = read(b"a\nb,c\n", records=2)
    assert (rows(parsed), parsed.rejects) == ([["b", "c"]], [Reject(0, "has 1 cells instead of 2")])


def test_a_cell_more_is_a_fault_where_the_file_has_no_surplus_or_another() -> None:
    faults = [Reject(0, "has 3 cells instead of 2")]
    assert read(b"a,b,\nc,d\n", lines=2).rejects == read(b"a,b,\nc,d\n", surplus=2, lines=2).rejects == faults
    assert rows(read(b'a,b,,""\nc,,\n', surplus=2, records=2)) == [["a", "b"]]


def test_another_delimiter_parts_the_surplus_too() -> None:
    parsed = read(b"a;b;\nc,c;d\n", surplus=1, delimiter=";", lines=2)
    assert rows(parsed) == [["a", "b"], ["c,c", "d"]]


def test_where_bytes_and_rows_differ_nothing_is_taken_away_and_the_count_tells() -> None:
    parsed = read(b"a,b,\nc,d\n", records=3)
    assert (parsed.records, parsed.counted) == (2, 3)


def test_bytes_that_are_no_text_are_replaced_and_told_of_their_records_alone() -> None:
    parsed = read(b"a,\xc3\xa9\nb,\xff\nc,c\n\x80,d\n\xc3\xa9,e\n", lines=5)
    assert rows(parsed) == [["a", "\u00e9"], ["b", "\ufffd"], ["c", "c"], ["\ufffd", "d"], ["\u00e9", "e"]]
    assert parsed.replaced == [1, 3]


def test_a_line_whose_quote_is_open_is_broken_whether_its_cells_can_be_told_or_not() -> None:
    data = b'a,b\nc,"d\n"e\nf,g\n'
    parsed = read(data, records=4, broken=(slice(4, 9), slice(9, 12)))
    assert parsed.rejects == [Reject(2, UNCLOSED_QUOTE)]
    assert (parsed.positions.tolist(), parsed.broken) == ([0, 1, 3], [1])
    assert [rows(parsed)[place] for place in (0, 2)] == [["a", "b"], ["f", "g"]]


def test_amounts_are_words_and_other_cells_are_text() -> None:
    table = parse(Block(b"a,1\nb,1\n", 1, lines=2), ("x", "y"), {"y"}).text
    assert (table.schema.types, table["y"].combine_chunks().dictionary.to_pylist()) == (
        [pa.string(), DICTIONARY_TEXT],
        ["1"],
    )
