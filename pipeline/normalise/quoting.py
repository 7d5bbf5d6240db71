"""Find where lines and records end in bytes of CSV, by the rules of Python's csv module.

Nothing here uses Arrow's parser, which makes the columns. So a record that the parser loses is still counted.
"""

from functools import cache

import numpy as np

QUOTE, LF, CR = b'"\n\r'
_TAIL = 64 << 10


def line_marks(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask of the bytes that are LF or CR, and the offset of each CR that is the first half of a CRLF."""
    ends, returns = data == LF, data == CR
    if not returns.any():
        return ends, np.empty(0, int)
    halves = np.flatnonzero(returns[:-1] & ends[1:])
    return ends | returns, halves


def line_count(text: np.ndarray) -> int:
    """Return the number of lines; the last one may lack its line end."""
    if not len(text):
        return 0
    if (text == CR).any():
        ends, halves = line_marks(text)
        return int(np.count_nonzero(ends)) - len(halves) + int(not ends[-1])
    return int(np.count_nonzero(text == LF)) + int(text[-1] != LF)


def line_ends_inside(ends: np.ndarray, halves: np.ndarray, odd: np.ndarray, opened: np.ndarray) -> np.ndarray:
    """Remove the line ends in quoted cells from ``ends``, and return their offsets.

    Args:
        ends: The mask from ``line_marks``; it is changed.
        halves: The CR offsets from ``line_marks``.
        odd: The offsets from ``quoting``.
        opened: The states from ``quoting``.
    """
    if not len(odd):
        return odd
    places = np.flatnonzero(ends)
    inside: np.ndarray = places[np.append(np.False_, opened)[np.searchsorted(odd, places)]]
    ends[inside] = False
    return inside[~np.isin(inside, halves)] if len(inside) and len(halves) else inside


def record_end(data: bytes | memoryview, delimiter: str = ",") -> int:
    """Return the offset after the last whole record that ends in LF, or 0 without one."""
    # the last 64 KiB are nearly always enough, at a fraction of the work
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
    r"""Return three arrays with one item per record: the line ends before it, its first offset and its end offset.

    ``b'a,"b\nc"\n\nd,e\n'`` has 13 bytes and two records, so the result is ``[0, 3], [0, 9], [8, 13]``:

    - ``a,"b\nc"\n`` is at 0 to 8. Its first line end is in a quoted cell, so it does not end the record;
    - the line at 8 is blank, so it is not a record;
    - ``d,e\n`` has three line ends before it and is at 9 to 13.

    Args:
        data: Whole records.
        delimiter: The character between cells.
        records: The number of records, if known. If it equals the number of lines, quotes are not looked at.
    """
    text = np.frombuffer(data or b"\n", np.uint8)  # a blank line gives no record either
    ends, halves = line_marks(text)
    if not len(halves) and text[-1] == LF and np.count_nonzero(ends) == records:
        feeds = np.flatnonzero(ends)
        return np.arange(records), np.append(0, feeds[:-1] + 1), feeds + 1
    lines = np.setdiff1d(np.flatnonzero(ends), halves, assume_unique=True)
    line_ends_inside(ends, halves, *quoting(text, delimiter))
    ends[halves] = False
    stops = np.append(np.flatnonzero(ends) + 1, len(text))
    begins = np.append(0, stops[:-1])
    # a span that begins with a line end is a blank line, and the last span may be empty
    held = (begins < stops) & ~np.isin(text.take(begins, mode="clip"), (LF, CR))
    return np.searchsorted(lines, begins)[held], begins[held], stops[held]


@cache
def _before_cell(delimiter: str) -> np.ndarray:
    """Return for each of the 256 bytes whether a cell may begin after it."""
    return np.isin(np.arange(256), (ord(delimiter), LF, CR))


def quoting(text: np.ndarray, delimiter: str, *, known: bool = True) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the offset of each quote that may open or close a cell, and whether the text after it is quoted.

    1. Two quotes in a row are one character of a cell. So a run of quotes matters only if its length is odd.
    2. An odd run after a character of a cell always leaves nothing open. It either closes the cell or, in an unquoted
       cell, is a character.
    3. An odd run at the place where a cell could begin opens a cell, or closes the one that is open. So it toggles the
       state since the last run of step 2.

    In ``a,"b,""c"\n`` the runs begin at 2, 5 and 8. The run at 5 has two quotes and does not count. The one at 2
    follows a delimiter and opens a cell. The one at 8 follows ``c`` and closes it. So the result is
    ``[2, 8], [True, False]``.

    Args:
        text: The bytes, as an array of uint8.
        delimiter: The character between cells.
        known: The text begins with a record. If not, all text before the first run of step 2 counts as quoted.
    """
    quotes = np.flatnonzero(text == QUOTE)
    runs = np.flatnonzero(np.diff(quotes, prepend=-2) > 1)
    odd = quotes[runs][np.diff(runs, append=len(quotes)) % 2 == 1]
    after_text = (odd > 0) & ~_before_cell(delimiter)[text[odd - 1]]
    order = np.arange(len(odd))
    last_closed = np.maximum.accumulate(np.where(after_text, order, -1))
    toggled = (order - last_closed) % 2 == 1
    return odd, toggled | ((last_closed < 0) & (not known))
