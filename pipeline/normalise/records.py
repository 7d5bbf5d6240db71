"""How many records there are in bytes of CSV, and which of them cannot be what they seem: a quote was left open."""

import csv
import io
from dataclasses import dataclass

import numpy as np

from pipeline.errors import PermanentError
from pipeline.normalise.quoting import CR, LF, line_ends_inside, line_marks, quoting

LONGEST_BYTES = 64 << 10
MOST_LINES = 256
"""What a record of several lines holds at most: one that goes on is held open by a quote that was never closed."""

_TELLING = 8
"""Columns from which on a line with a cell for each of them is a record, and not a line of somebody's text."""

_WINDOW = 1 << 20


class QuoteAstrayError(PermanentError):
    """A quote was left open somewhere, so where a record ends has to be looked at record by record."""


@dataclass(frozen=True)
class Form:
    """What a record looks like: its delimiter, and how many cells it has."""

    delimiter: str = ","
    cells: int = 1


@dataclass(frozen=True)
class Scan:
    """The whole records at the beginning of data: where they end, how many they are if known, and on how many lines.

    Where a quote is left open its line alone is a record, one of the ``broken``, and the next line begins another.
    """

    end: int
    records: int | None
    lines: int
    broken: tuple[slice, ...] = ()


def scan(data: np.ndarray, form: Form, *, last: bool) -> Scan:
    """Find the whole records in data that begin with one, and are the ``last`` of a file or not.

    The same records are found however a file is cut into data. Only a window is looked at at once: it stays in the
    processor's cache, and data with many broken records are not looked at as many times.
    """
    at, records, lines, window = 0, 0, 0, _WINDOW
    broken: list[slice] = []
    while at < len(data):
        rest = at + window >= len(data)
        found = _sound(data[at : at + window], form, last=last and rest)
        at, records, lines = at + found.end, records + (found.records or 0), lines + found.lines
        if found.broken:
            line = slice(at, at + found.broken[0].stop)
            broken.append(line)
            at, records, lines = line.stop, records + 1, lines + int(data[line.stop - 1] in (LF, CR))
            window = _WINDOW
        elif rest:
            break
        else:
            window = _WINDOW if found.end else window * 2
    if last and data[-1] not in (LF, CR):
        lines += 1
    return Scan(at, records, lines, tuple(broken))


def _sound(data: np.ndarray, form: Form, *, last: bool) -> Scan:
    """The whole records up to the first that is broken; of that one, if there is any, the line."""
    if not last and data[-1] == CR:  # it may be half of a line end
        data = data[:-1]
    ends, halves = line_marks(data)
    odd, opened = quoting(data, form.delimiter)
    inside = line_ends_inside(ends, halves, odd, opened)
    still_open = bool(opened[-1:].any())
    end = len(data) if last and not still_open else _after_last(ends)
    within = len(inside) - int(np.searchsorted(inside, end))
    endless = within and (len(data) - end > LONGEST_BYTES or within > MOST_LINES)
    begin = _first_broken(data[:end], ends[:end], inside[: len(inside) - within], form)
    if begin is None and (endless or (last and still_open)):
        begin = end
    end = end if begin is None else begin
    doubled = np.count_nonzero(ends[halves[: np.searchsorted(halves, end)]])  # those inside are in it once already
    lines = np.count_nonzero(ends[:end]) - doubled + np.searchsorted(inside, end)
    broken = () if begin is None else (slice(0, _first_line(data[begin:], inside - begin)),)
    return Scan(end, _begun(ends[:end]), int(lines), broken)


def _after_last(ends: np.ndarray) -> int:
    """Where the last record ends that does."""
    tail = max(len(ends) - LONGEST_BYTES, 0)  # nearly always the last part tells
    for begin in (tail, 0):
        if len(found := np.flatnonzero(ends[begin:])):
            return begin + int(found[-1]) + 1
    return 0


def _begun(ends: np.ndarray) -> int:
    """How many records begin: behind a line end, or first of all, and not with another one, which is a blank line."""
    return int(np.count_nonzero(ends[:-1] > ends[1:])) + int(len(ends) > 0 and not ends[0])


def _first_line(data: np.ndarray, inside: np.ndarray) -> int:
    """How long the line is that ends in the first of the line ends inside quotes, or goes on to the end."""
    behind = inside[inside >= 0]
    return int(behind[0]) + 1 if len(behind) else len(data)


def _first_broken(data: np.ndarray, ends: np.ndarray, inside: np.ndarray, form: Form) -> int | None:
    """Where the first record of several lines begins that cannot be one."""
    if not len(inside):
        return None
    stops = np.append(np.flatnonzero(ends) + 1, len(data))
    for following in np.unique(np.searchsorted(stops, inside, side="right")):
        begin = int(stops[following - 1]) if following else 0
        if not _is_record(data[begin : stops[following]].tobytes(), form):
            return begin
    return None


def _is_record(data: bytes, form: Form) -> bool:
    """Whether several lines are one record.

    They are unless it is too long, has another number of cells, text behind a closing quote, or lines that are records
    by themselves: then some quote is astray.
    """
    lines = list(io.StringIO(data.decode("latin-1"), newline=""))
    if len(data) > LONGEST_BYTES or len(lines) > MOST_LINES + 1:
        return False
    try:
        cells = next(csv.reader(lines, delimiter=form.delimiter, strict=True))
    except csv.Error:
        return False
    alone = [line.count(form.delimiter) + 1 == form.cells for line in lines]
    within = any(one and '"' not in line for one, line in zip(alone[1:-1], lines[1:-1], strict=True))
    torn = alone[0] and alone[-1] and data.count(b'"') == len('""')
    swallowed = form.cells >= _TELLING and (within or torn)
    return len(cells) >= form.cells and not any(cells[form.cells :]) and not swallowed


def count_records(data: np.ndarray, lines: int, read: int, form: Form) -> int:
    """How many records there are in whole ones on so many ``lines``, of which the reader found so many to ``read``.

    Where it found as many as there are lines, each line is one, for no record ends within a line. Else each is looked
    at; raises ``QuoteAstrayError`` where one of them cannot be what it seems.
    """
    if lines == read:
        return lines
    found = scan(data, form, last=True)
    if found.broken:
        raise QuoteAstrayError("A quote is open across records.")
    return found.records or 0
