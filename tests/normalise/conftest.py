"""Files made of bytes, converted for real, and what Python's own csv, Decimal and datetime say of the same bytes."""

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import count, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.didww import TABLES
from pipeline.normalise.schema import Column, Kind

MONTH = Month(2026, 10)
EXPORT = "e-1"

Row = dict[str, Any]
Convert = Callable[..., "Outcome"]
Header = dict[str, tuple[str, ...]]

_FIT = {
    Kind.TIMESTAMP: re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII),
    Kind.INT32: re.compile(r"-?\d+", re.ASCII),
    Kind.SECONDS: re.compile(r"-?\d+", re.ASCII),
    Kind.MONEY: re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE),
}


@dataclass(frozen=True)
class Outcome:
    """What a conversion said, and what its two files hold."""

    said: Converted
    rows: list[Row]
    rejects: list[Row]


@dataclass(frozen=True)
class Truth:
    """What should come of a file: typed rows, and (row number, line number, raw line, what the reason speaks of)."""

    rows: list[Row]
    rejects: list[tuple[int, int, str, str]]


@pytest.fixture(scope="session")
def columns_of() -> Header:
    """The header row of each record type, in the vendor's order."""
    return {record_type: tuple(table.header_versions[0].required) for record_type, table in TABLES.items()}


@pytest.fixture(scope="session")
def convert_bytes(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Gzip bytes (in several members where ``cuts`` say so), convert the file, and read back both results."""
    names = count()

    def run(record_type: str, data: bytes, cuts: Sequence[int] = (), **options: Any) -> Outcome:
        folder = tmp_path_factory.mktemp(f"convert-{next(names)}")
        bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        file = folder / "served.csv.gz"
        file.write_bytes(b"".join(gzip.compress(data[a:b], 1) for a, b in pairwise(bounds)) or gzip.compress(b""))
        rows, rejects = folder / "rows.parquet", folder / "rejects.parquet"
        said = convert(file, Origin(record_type, MONTH, EXPORT), TABLES[record_type], rows, rejects, **options)
        written = (row for part in said.files for row in _read(part))
        return Outcome(said, sorted(written, key=itemgetter("row_number")), _read(rejects))

    return run


def _read(path: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


@pytest.fixture(scope="session")
def truth_of() -> Callable[[str, bytes], Truth]:
    """The oracle: reads a whole file with the csv module, and types each cell with Decimal and datetime."""

    def tell(record_type: str, data: bytes) -> Truth:
        known = TABLES[record_type].header_versions[0].required
        text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")  # a character per byte: cells are decoded below
        records = _records(text)
        header = [cell.encode("latin-1").decode() for cell in next(records)[2] or []]
        rows, rejects, surplus = [], [], 0
        for number, (line, raw, cells) in enumerate(records, 1):
            served = raw.rstrip("\r\n").encode("latin-1").decode("utf-8", "backslashreplace")
            if number == 1 and cells and not any(cells[len(header) :]):
                surplus = len(cells[len(header) :])
            try:
                row = _typed(record_type, known, header, cells, surplus)
            except ValueError as error:
                rejects.append((number, line, served, str(error)))
            else:
                if not _is_utf8(raw):
                    row["extra"] = [*(row["extra"] or []), ("raw_line", served)]
                rows.append({**row, "export_id": EXPORT, "row_number": number})
        return Truth(rows, rejects)

    return tell


def _records(
    text: str, most_bytes: int = 64 << 10, most_lines: int = 256
) -> Iterator[tuple[int, str, list[str] | None]]:
    """The line, the text and the cells of each record; no cells where a quote was left open, on that line alone."""
    lines = list(io.StringIO(text, newline=""))
    width, at = 0, 0
    while at < len(lines):
        cells, stop = _read_one(lines, at)
        if stop > at + 1 or stop > len(lines):
            alone = [line.count(",") + 1 == width for line in lines[at:stop]]
            within = any(line.count(",") + 1 == width and '"' not in line for line in lines[at + 1 : stop - 1])
            torn = alone[0] and alone[-1] and "".join(lines[at:stop]).count('"') == 2
            fits = (
                stop <= len(lines)
                and _strictly("".join(lines[at:stop]))
                and len(cells) >= width
                and not any(cells[width:])
                and sum(map(len, lines[at:stop])) <= most_bytes
                and stop - at <= most_lines + 1
                and not within
                and not torn
            )
            if not fits:
                yield at + 1, lines[at], None
                at += 1
                continue
        if cells:
            width = width or len(cells)
            yield at + 1, "".join(lines[at:stop]), cells
        at = stop


def _read_one(lines: list[str], at: int) -> tuple[list[str], int]:
    """The record that begins on a line, and the line behind it, which is beyond the last where a quote stays open."""
    stop = at

    def following() -> Iterator[str]:
        nonlocal stop
        for line in [*lines[at:], ""]:
            stop += 1
            yield line

    return next(csv.reader(following()), []), stop


def _strictly(record: str) -> bool:
    try:
        return bool(next(csv.reader(io.StringIO(record, newline=""), strict=True)))
    except csv.Error:
        return False


def _is_utf8(raw: str) -> bool:
    try:
        return bool(raw.encode("latin-1").decode())
    except UnicodeDecodeError:
        return False


def _typed(record_type: str, known: Mapping[str, str], header: list[str], cells: list[str] | None, surplus: int) -> Row:
    if cells is None:
        raise ValueError("has a quote that is never closed")
    texts = [cell.encode("latin-1").decode("utf-8", "replace") for cell in cells]
    if len(texts) == len(header) + surplus and not any(texts[len(header) :]):
        del texts[len(header) :]
    if len(texts) != len(header):
        raise ValueError(f"has {len(cells)} cells instead of {len(header)}")
    by_name = {known.get(head, f"extra {head}"): text for head, text in zip(header, texts, strict=True)}
    row: Row = {column.name: _value(column, by_name[column.name]) for column in TABLES[record_type].columns}
    for name in {"connected_at", "ended_at"} & row.keys():
        if row[name] and abs(row[name] - row["started_at"]) > timedelta(days=32):
            row[name] = None
    extra = [(head, by_name[f"extra {head}"]) for head in header if by_name.get(f"extra {head}")]
    extra += [(f"{name} as served", by_name[name]) for name in row if _altered(row[name], by_name[name])]
    has_extras = any(head not in known for head in header)
    return {**row, "extra": extra if has_extras or extra else None}


def _altered(value: object, text: str) -> bool:
    return Decimal(text) != value if isinstance(value, Decimal) else bool(text) and value is None


def _value(column: Column, text: str) -> object:
    if not text:
        if column.required:
            raise ValueError(f"{column.name} is empty")
        return None
    if column.kind is Kind.TEXT:
        return text
    try:
        value = _number_or_time(column.kind, text)
    except (ValueError, InvalidOperation) as error:
        raise ValueError(f"{column.name} is not ") from error
    if value is None and column.required:
        raise ValueError(f"{column.name} is not a time but a zero date")
    return value


def _number_or_time(kind: Kind, text: str) -> object:
    if kind is Kind.TIMESTAMP and _is_zero_date(text):
        return None
    if not _FIT[kind].fullmatch(text):
        raise ValueError(text)
    if kind is Kind.TIMESTAMP:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    if kind is not Kind.MONEY:
        least, most = (-(2**31), 2**31 - 1) if kind is Kind.INT32 else (0, 31 * 24 * 60 * 60)
        if not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)
    amount = round(Decimal(text), 6)
    if abs(amount) >= 10**12:
        raise ValueError(text)
    return amount


def _is_zero_date(text: str) -> bool:
    day, rest = text[:10], re.sub(r"[T :.Z]", "", text[10:])
    if day in {"0000-00-00", "0000-01-01", "0001-01-01", "1970-01-01"} and not rest.strip("0"):
        return True
    try:
        return datetime.fromisoformat(text) == datetime(1970, 1, 1, tzinfo=UTC)
    except ValueError:
        return False
