"""What lies in quotes and where records end, beside a reader that goes byte by byte."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.normalise.quoting import line_count, quoting, record_bounds, record_end

marks = st.text(alphabet='a,"\n\r', max_size=40).map(str.encode)


def array(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


def byte_by_byte(text: bytes) -> Iterator[bool]:
    """Of each byte, whether a line end in its place would lie in a quoted cell."""
    quoted, begins, at = False, True, 0
    while at < len(text):
        byte, quote = text[at : at + 1], text[at : at + 1] == b'"'
        yield quoted
        if quoted and text[at : at + 2] == b'""':
            yield quoted
            at += 1
        elif quote:
            quoted = not quoted and begins
        begins = not quoted and byte in b",\n\r"
        at += 1


@given(marks)
@example(b'"""\n"')
@example(b'a"\n')
@example(b'"a"a"\n')
def test_quotes_are_those_of_a_reader_that_goes_byte_by_byte(text: bytes) -> None:
    odd, opened = quoting(array(text), ",")
    places = np.flatnonzero(array(text) != ord('"'))
    inside = np.append(False, opened)[np.searchsorted(odd, places)]
    assert inside.tolist() == np.array([*byte_by_byte(text)], bool)[places].tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_quote_opens_a_cell_behind_a_delimiter_or_a_line_end_and_behind_no_other_byte(delimiter: str) -> None:
    opens = [byte for byte in range(256) if quoting(array(bytes([byte]) + b'"'), delimiter)[1][-1:].any()]
    assert bytes(opens) == bytes(sorted(f"\n\r{delimiter}".encode()))


def test_where_a_record_may_have_begun_before_all_is_quoted_up_to_a_quote_that_ends_a_text() -> None:
    text = b',",a",b"c,"'
    assert [[*map(int, found)] for found in quoting(array(text), ",", known=False)] == [[1, 4, 7, 10], [1, 0, 0, 1]]
    assert [*map(int, quoting(array(b'a",","'), ",", known=False)[1])] == [0, 1, 0]


@given(marks, st.integers(1, 30))
@example(b'a"\na,b\n', 100)
@example(b'"\na"\n,"\n', 5)
def test_the_end_of_the_last_record_is_the_same_however_much_is_looked_at(text: bytes, tail: int) -> None:
    ends = [at + 1 for at, inside in enumerate(byte_by_byte(text)) if text[at : at + 1] == b"\n" and not inside]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.normalise.quoting._TAIL", tail)
        assert record_end(text) == max(ends, default=0)


@given(marks)
@example(b"a\nb\n")
@example(b"\na")
@example(b"a\rb\r")
def test_records_that_are_known_to_be_lines_have_the_bounds_of_any_others(text: bytes) -> None:
    found = record_bounds(text)
    known = record_bounds(text, records=len(found[0]))
    assert [some.tolist() for some in known] == [some.tolist() for some in found]


def test_of_each_record_the_line_ends_before_it_are_told_and_its_own_belongs_to_it() -> None:
    lines, begins, ends = record_bounds(b'a\r\n"b\r\nb"\r\r\n\nc\n"d\rd"\ne')
    assert lines.tolist() == [0, 1, 5, 6, 8]
    assert begins.tolist() == [0, 3, 13, 15, 21]
    assert ends.tolist() == [3, 10, 15, 21, 22]


@pytest.mark.parametrize(
    ("text", "lines"), [(b"", 0), (b"\r\r", 2), (b"\r\n", 1), (b"a", 1), (b"a\n\rb", 3), (b"\n\n", 2)]
)
def test_any_line_end_ends_a_line_and_the_last_need_not_end(text: bytes, lines: int) -> None:
    assert line_count(array(text)) == lines
