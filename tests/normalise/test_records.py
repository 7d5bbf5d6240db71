"""Which records are what they seem: the documented bounds of a record, and what shows that a quote is astray."""

import numpy as np
import pytest

from pipeline.normalise.records import Form, Scan, UnclosedQuoteError, count_records, scan

LONGEST, MOST = 65_536, 256
EIGHT = "1,2,3,4,5,6,7,8"


def scanned(text: str, cells: int = 2, delimiter: str = ",", *, last: bool = True) -> Scan:
    return scan(np.frombuffer(text.encode(), np.uint8), Form(delimiter, cells), last=last)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\nc,d\n", Scan(8, 2, 2)),
        ("a,b\nc,d", Scan(4, 1, 1)),
        ("a,b\r\nc,d\r", Scan(5, 1, 1)),
        ("a\r\rb\r", Scan(3, 1, 2)),
        ("\ra\r", Scan(1, 0, 1)),
        ("a\n\r", Scan(2, 1, 1)),
        ("x" * 40_000 + '\n"\n' + "x" * 30_000, Scan(40_001, 1, 1)),
        ("a,b", Scan(0, 0, 0)),
        ('a,b\n"c\n', Scan(4, 1, 1)),
        ("\n" + "x" * LONGEST, Scan(1, 0, 1)),
        ("a\n" + "x" * LONGEST, Scan(2, 1, 1)),
        ("a\n" + "x" * LONGEST + "\n", Scan(LONGEST + 3, 2, 2)),
        ("x" * (LONGEST + 1), Scan(0, 0, 0)),
        ("x" * 3_000_000 + "\na", Scan(3_000_001, 1, 1)),
        ('"' + "x" * LONGEST, Scan(0, 0, 0)),
    ],
)
def test_of_data_that_go_on_all_is_found_but_what_may_not_have_ended(text: str, found: Scan) -> None:
    assert scanned(text, last=False) == found


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ('"\n' + "x" * (LONGEST - 2), None),
        ('"\n' + "x" * (LONGEST - 1), 2),
        ('"' + "\n" * MOST, None),
        ('"' + "\n" * (MOST + 1), 2),
        ('"' + "x" * LONGEST + "\n", LONGEST + 2),
    ],
)
def test_a_quote_that_stays_open_is_looked_for_up_to_the_bounds_of_a_record(text: str, broken: int | None) -> None:
    found = scanned(text, last=False)
    if broken is None:
        assert found == Scan(0, 0, 0)
    else:
        assert found.broken[0] == slice(0, broken)


@pytest.mark.parametrize(
    ("text", "cells", "whole"),
    [
        ('a,"' + "x" * (LONGEST - 6) + '\n"\n', 2, True),
        ('a,"' + "x" * (LONGEST - 5) + '\n"\n', 2, False),
        ('a,"' + "\n" * MOST + '"\n', 2, True),
        ('a,"' + "\n" * (MOST + 1) + '"\n', 2, False),
        ('"a\nb"\n', 1, True),
        ('"a\nb"\n', 2, False),
        ('a,"b\nc",,""\n', 2, True),
        ('a,"b\nc",d\n', 2, False),
        ('a,"b\nc"d\n', 2, False),
        (f'a,b,c,d,e,f,g,"x\n{EIGHT}\ny"\n', 8, False),
        (f'a,b,c,d,e,f,g,"x\n{EIGHT},9\ny"\n', 8, True),
        (f'a,b,c,d,e,f,g,"x\n{EIGHT[:-1]}""8\ny"\n', 8, True),
        ('a,b,c,d,e,f,"x\n1,2,3,4,5,6,7\ny"\n', 7, True),
        (f'"{EIGHT}\n1",2,3,4,5,6,7,8\n', 8, False),
        (f'"{EIGHT}\n1",2,3,4,5,6,7,"8"\n', 8, True),
        (f'"{EIGHT}\nx\n1",2,3,4,5,6,7,8\n', 8, False),
        (f'"{EIGHT}\n1,1",2,3,4,5,6,7,8\n', 8, True),
        ('"1\n1",2,3,4,5,6,7,8\n', 8, True),
        ('"1,2,3,4,5,6,7\n1",2,3,4,5,6,7\n', 7, True),
    ],
)
def test_several_lines_are_one_record_unless_something_shows_that_they_are_not(
    text: str, cells: int, *, whole: bool
) -> None:
    found, lines = scanned(text, cells), text.count("\n")
    assert (found.end, found.lines) == (len(text), lines)
    if whole:
        assert (found.records, found.broken) == (1, ())
    else:
        assert found.broken[0] == slice(0, text.index("\n") + 1)


def test_a_record_of_several_lines_is_judged_without_those_that_follow_it() -> None:
    assert scanned('a,"b\nc"\n' + "d,e\n" * 300) == Scan(1_208, 301, 302)


def test_the_cells_of_a_record_are_parted_by_its_own_delimiter() -> None:
    assert scanned('a;"b\nc"\n', delimiter=";") == Scan(8, 1, 2)
    assert scanned('a,"b\nc"\n', delimiter=";") == Scan(8, 2, 2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_of_several_open_quotes_each_costs_its_own_line(end: str) -> None:
    lines = [line + end for line in ("a,b", 'c,"d', 'e"f,g', "h,i", 'j,"k', "l,m")]
    text = "".join(lines)
    first, second = len(lines[0]), len("".join(lines[:4]))
    broken = (slice(first, first + len(lines[1])), slice(second, second + len(lines[4])))
    assert scanned(text) == Scan(len(text), 6, 6, broken)


def test_each_line_is_a_record_where_as_many_were_read_and_else_each_is_looked_at() -> None:
    def counted(text: str, lines: int, read: int) -> int:
        return count_records(np.frombuffer(text.encode(), np.uint8), lines, read, Form(",", 2))

    assert counted("a,b\nc,d\n", 2, 2) == 2
    assert counted('a,"b\nc"\n\nd,e\n', 4, 1) == 2
    assert counted("\n\n", 2, 0) == 0
    with pytest.raises(UnclosedQuoteError):
        counted('a,b\nc,"d\n', 2, 1)
