"""Columns of text from columns of numbers, a million cells at a time; an empty cell is null."""

import csv
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sandbox.traffic.record import usd

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def moments(seconds: Ints, shown: Flags | None = None) -> pa.Array:
    """``YYYY-MM-DD HH:MM:SS`` of seconds since 1970."""
    return pa.array(seconds, pa.timestamp("s"), mask=_hidden(shown)).cast(pa.string())


def numbers(values: Ints, shown: Flags | None = None) -> pa.Array:
    """Whole numbers."""
    return pa.array(values, pa.int64(), mask=_hidden(shown)).cast(pa.string())


def padded(values: Ints, digits: Ints) -> pa.Array:
    """Whole numbers with leading zeros, so many digits each."""
    return pc.utf8_slice_codeunits(numbers(values + 10**digits), 1)


def picks(texts: Sequence[str], which: Ints, shown: Flags | None = None) -> pa.Array:
    """One of a few texts each, as a CSV file writes it."""
    return pa.array([_written(text) or None for text in texts], pa.string()).take(pa.array(which, mask=_hidden(shown)))


def amounts(micros: Ints, decimals: Ints, shown: Flags | None = None) -> pa.Array:
    """Millionths of a dollar with so many decimals each."""
    different, which = np.unique(micros * 8 + decimals, return_inverse=True)
    return picks([usd(int(both) // 8, int(both) % 8) for both in different], which, shown)


def ids(rng: np.random.Generator, count: int, shown: Flags) -> pa.Array:
    """Call ids: 24 random hexadecimal digits."""
    digits = pa.py_buffer(rng.bytes(12 * count).hex().encode())
    offsets = pa.py_buffer(np.arange(0, 24 * count + 1, 24, dtype=np.int32))
    return pc.if_else(pa.array(shown), pa.Array.from_buffers(pa.string(), count, [None, offsets, digits]), None)


def _written(text: str) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([text])  # its own line end makes the module quote cells that hold either half of it
    return line.getvalue().removesuffix("\r\n") if text else ""


def _hidden(shown: Flags | None) -> Flags | None:
    return None if shown is None else ~shown
