"""Count the records in bytes of CSV, and find the broken ones: those with a quote that is never closed."""

import csv
import io
from dataclasses import dataclass

import numpy as np

from pipeline.errors import PermanentError
from pipeline.normalise.quoting import CR, LF, line_ends_inside, line_marks, quoting

LONGEST_BYTES = 64 << 10
MOST_LINES = 256
"""The most lines in a record. A longer one has a quote that is never closed."""

_TELLING = 8
"""With this many columns, a line with a cell for each column is a record, not a line inside a quoted text."""

_WINDOW = 1 << 20


class UnclosedQuoteError(PermanentError):
    """A quote is never closed, so the end of each record must be looked for record by record."""


@dataclass(frozen=True)
class Form:
    """The form of a record: its delimiter and its number of cells."""

    delimiter: str = ","
    cells: int = 1


@dataclass(frozen=True)
class Scan:
    """The whole records at the beginning of data.

    ``end`` is the offset after them, ``records`` their number if known, ``lines`` the number of their lines. A line
    with a quote that is never closed is a record by itself, and one of the ``broken`` byte ranges.
    """

    end: int
    records: int | None
    lines: int
    broken: tuple[slice, ...] = ()


def scan(data: np.ndarray, form: Form, *, last: bool) -> Scan:
    """Find the whole records in data. The result does not depend on how the file is cut into data.

    The data are scanned in windows of 1 MiB: a window fits the processor's cache, and after a broken record only its
    window is scanned again.

    Args:
        data: Bytes that begin with a record, as an array of uint8.
        form: The form of a record.
        last: The data are the end of the file.
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
    """Find the whole records before the first broken one, and the line of that one, if there is one."""
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
    # a CRLF is two bytes of ends, but one line; inside has one offset for it
    doubled = np.count_nonzero(ends[halves[: np.searchsorted(halves, end)]])
    lines = np.count_nonzero(ends[:end]) - doubled + np.searchsorted(inside, end)
    broken = () if begin is None else (slice(0, _first_line(data[begin:], inside - begin)),)
    return Scan(end, _begun(ends[:end]), int(lines), broken)


def _after_last(ends: np.ndarray) -> int:
    """Return the offset after the last record that ends, or 0."""
    tail = max(len(ends) - LONGEST_BYTES, 0)  # the last part is nearly always enough
    for begin in (tail, 0):
        if len(found := np.flatnonzero(ends[begin:])):
            return begin + int(found[-1]) + 1
    return 0


def _begun(ends: np.ndarray) -> int:
    """Return the number of records: one begins at the start and after each line end, unless the line is blank."""
    return int(np.count_nonzero(ends[:-1] > ends[1:])) + int(len(ends) > 0 and not ends[0])


def _first_line(data: np.ndarray, inside: np.ndarray) -> int:
    """Return the length of the first line: to the first line end inside quotes, else to the end of the data."""
    behind = inside[inside >= 0]
    return int(behind[0]) + 1 if len(behind) else len(data)


def _first_broken(data: np.ndarray, ends: np.ndarray, inside: np.ndarray, form: Form) -> int | None:
    """Return the offset of the first record of several lines that cannot be one record; None without one."""
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

    They are not, because a quote is never closed, if one of these is true:

    - they are too long, or have too few or too many cells;
    - there is text after a closing quote;
    - some of the lines are records by themselves.
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
    """Return the number of records in data, counted in the bytes.

    If the parser found as many records as there are lines, each line is a record, because a record ends only at a line
    end. If not, the records are counted one by one.

    Args:
        data: Whole records, as an array of uint8.
        lines: The number of their lines.
        read: The number of records that the parser found.
        form: The form of a record.

    Raises:
        UnclosedQuoteError: One of the records has a quote that is never closed.
    """
    if lines == read:
        return lines
    found = scan(data, form, last=True)
    if found.broken:
        raise UnclosedQuoteError("A quote is open across records.")
    return found.records or 0
