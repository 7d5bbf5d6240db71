"""The reader beside Python's csv module, which shares nothing with it: the same cells, and as many records."""

import csv
import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import PermanentError
from pipeline.normalise.batch import type_block
from pipeline.normalise.blocks import Block
from pipeline.normalise.didww import TABLES
from pipeline.normalise.header import Layout
from pipeline.normalise.parse import parse
from pipeline.normalise.records import Form, scan

PIECES = [
    "", "a", "\0", "\0\0", "\r", "\n", "\r\n", "\ufeff", '"', '""', ",", ";", "é", "🙂", "\u2028", "x" * 31, "x" * 64,
    "NA", " ", "\t",
]  # fmt: skip
CELLS_OF_A_CHUNK = 33_000
"""Arrow's parser hands over cells in chunks of fewer than so many; a block of more shows what happens at their edge."""

Convert = Callable[..., Any]
Oracle = Callable[[str, bytes], Any]
Header = dict[str, tuple[str, ...]]


def written(rows: list[list[str]], style: random.Random) -> bytes:
    """Records as some writer may have written them: cells in quotes where they must be, and elsewhere as it likes."""
    return "".join(",".join(_cell(cell, style) for cell in row) + style.choice(["\n", "\r\n"]) for row in rows).encode()


def _cell(cell: str, style: random.Random) -> str:
    if any(mark in cell for mark in ',\n\r"') or style.random() < 0.2:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def cells(parsed: pa.Table) -> list[list[str]]:
    return [[cell or "" for cell in row.values()] for row in parsed.to_pylist()]


@pytest.mark.parametrize("seed", range(3))
def test_a_block_of_many_cells_has_the_cells_that_python_reads(seed: int) -> None:
    style = random.Random(seed)  # noqa: S311
    width = style.choice([1, 2, 5, 19, 40])
    rows = [
        ["k", *("".join(style.choices(PIECES, k=style.choice([0, 0, 1, 1, 2]))) for _ in range(width))]
        for _ in range(2 * CELLS_OF_A_CHUNK // (width + 1))
    ]
    data = written(rows, style)
    found = scan(np.frombuffer(data, np.uint8), Form(",", width + 1), last=True)
    parsed = parse(Block(data, 1, records=found.records), tuple(map(str, range(width + 1))))
    assert (parsed.rejects, parsed.records, parsed.counted, found.broken) == ([], len(rows), len(rows), ())
    assert cells(parsed.text) == rows == list(csv.reader(io.StringIO(data.decode(), newline="")))


@pytest.mark.parametrize("inside", ["\0", "\r", "\n", '"', "\0\n", "\r\n\0", '",', "\ufeff"])
def test_what_is_special_is_read_at_every_alignment(inside: str) -> None:
    style = random.Random(inside)  # noqa: S311
    for before in range(130):
        rows = [["x" * before, inside, "z"], ["y", f"{inside}{inside}", ""], ["1", "2", "3"]] * 3
        data = written(rows, style)
        assert scan(np.frombuffer(data, np.uint8), Form(",", 3), last=True).records == len(rows)
        assert cells(parse(Block(data, 1), ("a", "b", "c")).text) == rows


@pytest.mark.parametrize("block_bytes", [5_000, 8 << 20])
def test_a_month_of_odd_cells_is_the_one_that_python_reads(
    block_bytes: int, columns_of: Header, convert_bytes: Convert, truth_of: Oracle
) -> None:
    style = random.Random(block_bytes)  # noqa: S311
    names = columns_of["cdr_out"]
    texts = [n for n, column in enumerate(TABLES["cdr_out"].columns) if column.kind.value == "text"]
    rows = []
    for _ in range(2 * CELLS_OF_A_CHUNK // len(names)):
        row = ["2026-10-01 10:00:00", *[""] * (len(names) - 1)]
        for place in style.sample(texts, 2):
            row[place] = "".join(style.choices(PIECES, k=2))
        rows.append(row)
    data = written([list(names), *rows], style)
    outcome, truth = convert_bytes("cdr_out", data, block_bytes=block_bytes), truth_of("cdr_out", data)
    assert outcome.rows == truth.rows
    assert outcome.said.counted == len(rows)


def test_a_load_whose_counts_differ_is_refused() -> None:
    block = Block(b"a\nb\n", 7, records=3)
    with pytest.raises(PermanentError, match=r"^It has 3 records from line 7 on, but 2 were read, so nothing was"):
        type_block(block, Layout(("status",), ()), TABLES["cdr_out"], "It")
