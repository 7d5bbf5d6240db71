"""Pseudonyms of numbers: equal for the same number within a month, and useless without the key.

A hash without a key protects no number, because all phone numbers can be hashed in an hour. So an HMAC-SHA256 with the
pipeline's key gives a key for each month, and an HMAC with that key gives the token. Months cannot be linked.
"""

import hmac
import re
from collections.abc import Iterable

import pyarrow as pa

HIDDEN_DIGITS = 5
"""The fewest digits to hide. A short number shows fewer first digits than the prefix, or none."""

_TOKEN_BYTES = 6
_MASK, _MARK = "x", "#"
# letters only: a program that extracts digits to dial them must find none in the token
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_NUMBER = re.compile(r"(\+?)([0-9]+)", re.ASCII)


class Pseudonyms:
    """All pseudonyms under one key. Numbers keep their first ``prefix`` digits."""

    def __init__(self, key: str, prefix: int) -> None:
        self._key = key.encode()
        self._prefix = prefix

    @property
    def fingerprint(self) -> str:
        """A text that differs between keys and between prefixes, and does not reveal the key."""
        return _token(self._key, f"print {self._prefix}")

    def of(self, month: str) -> "MonthPseudonyms":
        """Return the pseudonyms of one month, ``YYYY-MM``."""
        return MonthPseudonyms(hmac.digest(self._key, month.encode(), "sha256"), self._prefix)


class MonthPseudonyms:
    """The pseudonyms of one month.

    ``442079460001`` becomes ``442079xxxxxx#`` and twelve letters. The first digits and the length stay, so country and
    area can be told. Text that is not a number, such as a name, becomes ``#`` and twelve letters.
    """

    def __init__(self, key: bytes, prefix: int) -> None:
        self._key = key
        self._prefix = prefix

    def __call__(self, text: str) -> str:
        """Return the pseudonym of a cell."""
        found = _NUMBER.fullmatch(text)
        if not found:
            return f"{_MARK}{_token(self._key, f'text {text}')}"
        plus, digits = found.groups()
        kept = max(0, min(self._prefix, len(digits) - HIDDEN_DIGITS))
        # leading zeros and a plus stay visible, so they need not be part of the token
        token = _token(self._key, f"number {digits.lstrip('0')}")
        return f"{plus}{digits[:kept]}{_MASK * (len(digits) - kept)}{_MARK}{token}"

    def column(self, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the pseudonyms of a column of text, or of a map from text to text. NULL stays NULL."""
        if cells.null_count == len(cells):
            return cells
        if pa.types.is_map(cells.type):
            return pa.chunked_array([pa.array(map(self._entries, cells.to_pylist()), cells.type)])
        return pa.chunked_array([self._coded(chunk) for chunk in cells.chunks], pa.string())

    def _coded(self, cells: pa.Array) -> pa.Array:
        """Return the pseudonyms of a chunk, with one HMAC for each distinct cell."""
        coded = cells.dictionary_encode()
        return pa.array(map(self, coded.dictionary.to_pylist()), pa.string()).take(coded.indices)

    def _entries(self, entries: Iterable[tuple[str, str | None]] | None) -> list[tuple[str, str | None]] | None:
        return None if entries is None else [(name, None if cell is None else self(cell)) for name, cell in entries]


def _token(key: bytes, text: str) -> str:
    """Return twelve letters (48 bits). Of five million numbers, two share a token in one month of twenty."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")[:_TOKEN_BYTES].hex().translate(_LETTERS)
