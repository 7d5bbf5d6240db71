"""Where lines and records end in bytes of CSV, by the rules of Python's csv module, and what lies in quotes.

Nothing here asks the reader that makes the columns (Arrow's): what one of them swallows, the other still counts.
"""

from functools import cache

import numpy as np

QUOTE, LF, CR = b'"\n\r'
_TAIL = 64 << 10


def line_marks(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each byte, whether it is of a line end, which is LF, CR or both; and where it is the first of two."""
    ends, returns = data == LF, data == CR
    if not returns.any():
        return ends, np.empty(0, int)
    halves = np.flatnonzero(returns[:-1] & ends[1:])
    return ends | returns, halves


def line_count(text: np.ndarray) -> int:
    """How many lines there are, of which the last need not end."""
    if not len(text):
        return 0
    if (text == CR).any():
        ends, halves = line_marks(text)
        return int(np.count_nonzero(ends)) - len(halves) + int(not ends[-1])
    return int(np.count_nonzero(text == LF)) + int(text[-1] != LF)


def line_ends_inside(ends: np.ndarray, halves: np.ndarray, odd: np.ndarray, opened: np.ndarray) -> np.ndarray:
    """The line ends in quoted cells, which end no record: they are taken from ``ends``."""
    if not len(odd):
        return odd
    places = np.flatnonzero(ends)
    inside: np.ndarray = places[np.append(np.False_, opened)[np.searchsorted(odd, places)]]
    ends[inside] = False
    return inside[~np.isin(inside, halves)] if len(inside) and len(halves) else inside


def record_end(data: bytes | memoryview, delimiter: str = ",") -> int:
    """The offset after the last whole record that ends in LF, or 0 where there is none."""
    # the last part nearly always tells, at a fraction of the work
    return _end_in(data, max(len(data) - _TAIL, 0), delimiter) or _end_in(data, 0, delimiter)


def _end_in(data: bytes | memoryview, begin: int, delimiter: str) -> int:
    part = bytes(data[begin:])
    quotes, opened = quoting(np.frombuffer(part, np.uint8), delimiter, known=begin == 0)
    end = part.rfind(b"\n") + 1
    while end and (before := int(np.searchsorted(quotes, end))):
        if not opened[before - 1]:
            return begin + end
        end = part.rfind(b"\n", 0, int(quotes[before - 1])) + 1
    return 0 if begin else end


def record_bounds(
    data: bytes | memoryview, delimiter: str = ",", records: int = -1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each record of a block the number of line ends before it, and where it begins and ends.

    Where it has as many lines as it is known to have ``records``, each is one, and no quote need be looked at.
    """
    text = np.frombuffer(data or b"\n", np.uint8)  # a blank line is as good as none
    ends, halves = line_marks(text)
    if not len(halves) and text[-1] == LF and np.count_nonzero(ends) == records:
        feeds = np.flatnonzero(ends)
        return np.arange(records), np.append(0, feeds[:-1] + 1), feeds + 1
    lines = np.setdiff1d(np.flatnonzero(ends), halves, assume_unique=True)
    line_ends_inside(ends, halves, *quoting(text, delimiter))
    ends[halves] = False
    stops = np.append(np.flatnonzero(ends) + 1, len(text))
    begins = np.append(0, stops[:-1])
    # what begins with a line end is a blank line, and behind the last one there may be nothing
    held = (begins < stops) & ~np.isin(text.take(begins, mode="clip"), (LF, CR))
    return np.searchsorted(lines, begins)[held], begins[held], stops[held]


@cache
def _before_cell(delimiter: str) -> np.ndarray:
    """Of each byte, whether a cell may begin after it."""
    return np.isin(np.arange(256), (ord(delimiter), LF, CR))


def quoting(text: np.ndarray, delimiter: str, *, known: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Where quotes change something, and whether the text after each lies in a quoted cell; exact, as the reader is.

    A quote opens a cell only where the cell begins, and a pair of them is a character. So of the runs of quotes
    only the odd ones count: one that follows a cell's text leaves nothing open, any other changes what is.
    Unless it is ``known`` that the text begins with a record, all counts as quoted up to the first of the former.
    """
    quotes = np.flatnonzero(text == QUOTE)
    runs = np.flatnonzero(np.diff(quotes, prepend=-2) > 1)
    odd = quotes[runs][np.diff(runs, append=len(quotes)) % 2 == 1]
    in_text = (odd > 0) & ~_before_cell(delimiter)[text[odd - 1]]
    order = np.arange(len(odd))
    closed = np.maximum.accumulate(np.where(in_text, order, -1))
    return odd, ((order - closed) % 2 == 1) | ((closed < 0) & (not known))
