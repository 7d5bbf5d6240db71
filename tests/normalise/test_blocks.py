import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PermanentError
from pipeline.normalise.blocks import LONGEST_LINE, Block, read_blocks, split_records
from pipeline.normalise.quoting import line_count, quoting, record_bounds, record_end
from pipeline.normalise.records import MOST_LINES, Form, scan

marks = st.text(alphabet='a,"\n\r', max_size=40)


def python_records(text: str) -> list[list[str]]:
    return [cells for cells in csv.reader(io.StringIO(text, newline="")) if cells]


def records_of(data: bytes) -> list[bytes]:
    return [record for _, record in split_records(Block(data, 1))]


@given(marks)
def test_records_are_split_where_python_splits_them(text: str) -> None:
    records = [record.decode() for record in records_of(text.encode())]
    assert [python_records(record) for record in records] == [[cells] for cells in python_records(text)]


@given(marks)
def test_lines_are_counted_as_python_counts_them(text: str) -> None:
    assert line_count(np.frombuffer(text.encode(), np.uint8)) == len(list(io.StringIO(text, newline="")))


@given(marks)
def test_a_block_ends_where_a_record_ends_and_as_late_as_possible(text: str) -> None:
    data = text.encode()
    end = record_end(data)
    head, rest = records_of(data[:end]), records_of(data[end:])
    assert [*head, *rest] == records_of(data)
    assert not any(record.endswith(b"\n") for record in rest[:-1])


@given(st.text(alphabet='a,"\n\r', max_size=120), st.integers(1, 40), st.integers(1, 40))
def test_as_many_records_are_counted_however_the_data_are_cut(text: str, size: int, window: int) -> None:
    data, form = np.frombuffer(text.encode() or b"\n", np.uint8), Form(",", 2)
    whole = scan(data, form, last=True)
    at, records, lines, broken = 0, 0, 0, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.normalise.records._WINDOW", window)
        for stop in [*range(size, len(data), size), len(data)]:
            found = scan(data[at:stop], form, last=stop == len(data))
            broken += [slice(at + line.start, at + line.stop) for line in found.broken]
            at, records, lines = at + found.end, records + (found.records or 0), lines + found.lines
    assert (at, records, lines, tuple(broken)) == (whole.end, whole.records, whole.lines, whole.broken)
    assert records == len(split_records(Block(data.data, 1, broken=whole.broken)))
    assert lines == len(list(io.StringIO(text or "\n", newline="")))


@given(marks, st.integers(70_000, 300_000))
def test_a_block_of_any_length_ends_where_its_last_part_alone_would_say(text: str, records: int) -> None:
    before = b'1,"",2\n' * (records // 7)
    data = text.encode()
    assert record_end(before + data) == len(before) + record_end(data)


def test_the_last_part_of_a_block_tells_nothing_while_a_quote_before_it_may_be_open() -> None:
    first, long = b"0,a\n", b'1,"' + b"x\n" * 200_000
    assert record_end(first + long + b',","open\n') == len(first)
    assert record_end(first + long + b',"\n2,b\n') == len(first + long + b',"\n2,b\n')


def test_a_stray_quote_and_a_quoted_line_break_together_do_not_cut_a_record(tmp_path: Path) -> None:
    records = [b'5" pipe,1\n', b'"two\nlines",2\n', b"c,3\n", b'"two\nlines",4\n'] * 20
    file = tmp_path / "stray.csv.gz"
    file.write_bytes(gzip.compress(b"name,n\n" + b"".join(records)))
    for block_bytes in range(1, 60, 4):
        _, *blocks = read_blocks(file, block_bytes)
        assert [record for block in blocks for _, record in split_records(block)] == records
        assert not any(block.broken for block in blocks)
        assert sum(block.records or 0 for block in blocks) == len(records)


def test_a_block_tells_on_which_line_of_the_file_it_begins(tmp_path: Path) -> None:
    file = tmp_path / "lines.csv.gz"
    file.write_bytes(gzip.compress(b'\xef\xbb\xbfname\r\n\r\n"two\r\nlines"\r\nc\r\n'))
    blocks = [(bytes(block.data), block.first_line) for block in read_blocks(file, 1)]
    assert [block for block in blocks if block[0].strip()] == [(b"name", 1), (b'"two\r\nlines"\r\n', 3), (b"c\r\n", 5)]


def test_a_record_longer_than_a_block_stays_whole(tmp_path: Path) -> None:
    file = tmp_path / "long.csv.gz"
    long = b'"' + b"line, and more of it" * 2_000 + b"\n" * MOST_LINES + b'",1\n'
    file.write_bytes(gzip.compress(b"name,n\n" + long + b"b,2\n"))
    _, *blocks = read_blocks(file, 4_096)
    assert b"".join(block.data for block in blocks) == long + b"b,2\n"
    assert [record for block in blocks for _, record in split_records(block)] == [long, b"b,2\n"]


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "endless.csv.gz"
    part = b"x" * (1 << 20)
    file.write_bytes(gzip.compress(b"name,n\na,1\n" + b'"') + gzip.compress(part, 1) * (2 * LONGEST_LINE // len(part)))
    with pytest.raises(PermanentError, match=r"^Line 3 has more than \d+ bytes, so nothing was loaded"):
        list(read_blocks(file))


def test_the_worked_examples_of_quotes_and_bounds_are_true() -> None:
    text = np.frombuffer(b'a,"b,""c"\n', np.uint8)
    assert [one.tolist() for one in quoting(text, ",")] == [[2, 8], [True, False]]
    assert [one.tolist() for one in record_bounds(b'a,"b\nc"\n\nd,e\n')] == [[0, 3], [0, 9], [8, 13]]
