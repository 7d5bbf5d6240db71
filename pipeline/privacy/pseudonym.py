"""Pseudonyms: the same for the same number within a month, and of no use without the key.

An unkeyed hash of a phone number protects nobody, since all numbers can be hashed in an hour. Here a key that only the
pipeline has makes the key of each month (HMAC-SHA256), and that makes the token, so months cannot be linked either.
"""

import hmac
import re
from collections.abc import Iterable

import pyarrow as pa

HIDDEN_DIGITS = 5
"""So many digits at least are hidden, whatever the prefix: a short number shows fewer of its first ones, or none."""

_TOKEN_BYTES = 6
_MASK, _MARK = "x", "#"
# letters only: whatever takes the digits out of a text to dial them must not find any in the token
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_NUMBER = re.compile(r"(\+?)([0-9]+)", re.ASCII)


class Pseudonyms:
    """All pseudonyms under one key, of which numbers keep their first ``prefix`` digits."""

    def __init__(self, key: str, prefix: int) -> None:
        self._key = key.encode()
        self._prefix = prefix

    @property
    def fingerprint(self) -> str:
        """What tells these from others, and nothing else: the key is not in it."""
        return _token(self._key, f"print {self._prefix}")

    def of(self, month: str) -> "MonthPseudonyms":
        """Those of one month, ``YYYY-MM``."""
        return MonthPseudonyms(hmac.digest(self._key, month.encode(), "sha256"), self._prefix)


class MonthPseudonyms:
    """The pseudonyms of one month.

    ``442079460001`` becomes ``442079xxxxxx#`` and twelve letters: first digits and length stay, so country and area
    can be told. What is not a number, such as a name, becomes ``#`` and twelve letters.
    """

    def __init__(self, key: bytes, prefix: int) -> None:
        self._key = key
        self._prefix = prefix

    def __call__(self, text: str) -> str:
        """The pseudonym of a cell."""
        found = _NUMBER.fullmatch(text)
        if not found:
            return f"{_MARK}{_token(self._key, f'text {text}')}"
        plus, digits = found.groups()
        kept = max(0, min(self._prefix, len(digits) - HIDDEN_DIGITS))
        # leading zeros and a plus stay visible, so the token can be that of the number however it is written
        token = _token(self._key, f"number {digits.lstrip('0')}")
        return f"{plus}{digits[:kept]}{_MASK * (len(digits) - kept)}{_MARK}{token}"

    def column(self, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        """The pseudonyms of a column of text, or of a map from text to text; NULL stays NULL."""
        if cells.null_count == len(cells):
            return cells
        if pa.types.is_map(cells.type):
            return pa.chunked_array([pa.array(map(self._entries, cells.to_pylist()), cells.type)])
        return pa.chunked_array([self._coded(chunk) for chunk in cells.chunks], pa.string())

    def _coded(self, cells: pa.Array) -> pa.Array:
        """Each distinct cell costs one HMAC."""
        coded = cells.dictionary_encode()
        return pa.array(map(self, coded.dictionary.to_pylist()), pa.string()).take(coded.indices)

    def _entries(self, entries: Iterable[tuple[str, str | None]] | None) -> list[tuple[str, str | None]] | None:
        return None if entries is None else [(name, None if cell is None else self(cell)) for name, cell in entries]


def _token(key: bytes, text: str) -> str:
    """Twelve letters, 48 bits: among five million numbers of a month, two share a token once in twenty months."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")[:_TOKEN_BYTES].hex().translate(_LETTERS)
