"""A month's records as the vendor's file, written block by block: ordered by start, quoted now and then."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.months import Month
from pipeline.normalise.didww import TABLES
from pipeline.normalise.schema import RECORD_TYPES
from pipeline.sandbox.traffic import rhythm
from pipeline.sandbox.traffic.columns import COLUMNS
from tests.benchmarks.generator.cells import Ints
from tests.benchmarks.generator.inbound import inbound
from tests.benchmarks.generator.outbound import outbound
from tests.benchmarks.samples import beside

MAKERS = {"cdr_in": inbound, "cdr_out": outbound}
BLOCK_ROWS = 200_000
BAD_EVERY = 100

# what is wrong with a bad record: the cell that replaces that of a column
BAD_CELLS = (
    ("Date/Time Start (UTC)", "2026-02-29 12:00:00"),
    ("Date/Time Connect (UTC)", "2026-10-05"),
    ("Date/Time End (UTC)", "soon"),
    ("Disconnect Code", "404,surplus"),  # a cell too many
    ("Duration (sec)", "12s"),
    ("Call Duration (sec)", "12s"),
    ("Total (USD)", "1234567890123.1"),
    ("Charged (USD)", "1234567890123.1"),
)


def write(file: Path, record_type: str, month: str, rows: int, *, bad: bool) -> None:
    """Write the export, and beside it what is known of it."""
    rng = np.random.default_rng([rows, *month.encode(), *record_type.encode()])
    names = COLUMNS[record_type]
    truth: Counter[str] = Counter()
    part = file.with_name(f"{file.name}.part")
    with part.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as out:
        out.write(",".join(names).encode() + b"\n")
        for records in _blocks(rng, record_type, month, rows):
            good, lines = _spoilt(records, names) if bad else (records, _lines(records.select(names)))
            out.write(_text(lines))
            truth["count(*)"] += good.num_rows
            truth.update({name: pc.sum(good[name]).as_py() for name in good.column_names if name not in names})
    part.replace(file)
    kinds = {column.name: column.kind.name for column in RECORD_TYPES[record_type]}
    columns = {ours: kinds[ours] for ours in map(TABLES[record_type].header_versions[0].required.__getitem__, names)}
    about = {"record_type": record_type, "month": month, "rows": rows, "bad_rows": rows - truth["count(*)"]}
    beside(file).write_text(json.dumps({**about, "columns": columns, "truth": truth}, indent=1), "utf-8")


def _blocks(rng: np.random.Generator, record_type: str, month: str, rows: int) -> Iterator[pa.Table]:
    starts = _starts(rng, Month.parse(month), rows)
    for these in np.array_split(starts, -(-rows // BLOCK_ROWS)):
        yield MAKERS[record_type](rng, these)


def _starts(rng: np.random.Generator, month: Month, rows: int) -> Ints:
    """When calls start, in seconds since 1970, ascending: by the rhythm of the day and of the week."""
    first = int(month.start.timestamp())
    hours = np.arange(first, int(month.end.timestamp()), 3600)
    weekday = (hours // 86_400 + 3) % 7
    by_hour = np.where(weekday < 5, *(np.array(day)[hours // 3600 % 24] for day in _DAYS))
    weights = by_hour * np.array(rhythm._WEEK)[weekday]
    counts = rng.multinomial(rows, weights / weights.sum())
    starts = np.repeat(hours, counts) + rng.integers(0, 3600, rows)
    return np.sort(starts)


_DAYS = tuple(np.array(day) / sum(day) for day in (rhythm._HOURS_OF_WORK, rhythm._HOURS_OF_REST))


def _lines(cells: pa.Table) -> pa.ChunkedArray:
    """The records as text; of those without a quote some write empty cells as ``""``, and some quote every cell."""
    lines = pc.binary_join_element_wise(*cells.columns, ",", null_handling="replace", null_replacement="")
    at = np.arange(len(lines))
    plain = pc.invert(pc.match_substring(lines, '"'))
    doubled, quoted = pc.and_(plain, pa.array(at % 5 == 2)), pc.and_(plain, pa.array(at % 50 == 3))
    lines = pc.if_else(doubled, pc.replace_substring(lines, ",,", ',"",'), lines)
    cells_quoted = pc.replace_substring(lines, ",", '","')
    return pc.if_else(quoted, pc.binary_join_element_wise('"', cells_quoted, '"', ""), lines)


def _spoilt(records: pa.Table, names: tuple[str, ...]) -> tuple[pa.Table, pa.ChunkedArray]:
    """The records that can be typed, and the lines of all: every hundredth has something wrong."""
    at = np.arange(records.num_rows)
    wrong, cells = [both for both in BAD_CELLS if both[0] in names], records.select(names)
    for kind, (name, cell) in enumerate(wrong):
        bad = (at % BAD_EVERY == 0) & (at // BAD_EVERY % len(wrong) == kind)
        cells = cells.set_column(names.index(name), name, pc.if_else(pa.array(bad), cell, cells[name]))
    return records.filter(pa.array(at % BAD_EVERY != 0)), _lines(cells)


def _text(lines: pa.ChunkedArray) -> bytes:
    ended = pc.binary_join_element_wise(lines, "", "\n").combine_chunks()
    _, offsets, text = ended.buffers()
    return bytes(text[: np.frombuffer(offsets, np.int32)[len(ended)]])
