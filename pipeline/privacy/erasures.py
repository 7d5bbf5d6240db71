"""The log of erased numbers, so that a rebuild or a later export does not restore them. It contains no number.

It contains the fingerprint of each number: an HMAC-SHA256 under a key of this log. With the log and the key, all phone
numbers can be tried. So neither file may leave the data directory, except into its backup.
"""

import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.errors import PermanentError, writing
from pipeline.privacy.personal import number_in
from pipeline.storage import finalize, make_folder

Find = Callable[[Iterable[str]], Mapping[str, str]]
"""Returns the cells that are an erased number, each with the fingerprint of the number."""

_SHORTEST = 3


class Erasures:
    """The log ``erasures.jsonl`` and its key ``erasures.key`` in a data directory. The first erasure creates both."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "erasures.jsonl"
        self._key = folder / "erasures.key"

    def add(self, number: str, now: datetime) -> str:
        """Add a number, once, and return its fingerprint; raises ``PermanentError`` where it is not a phone number."""
        digits = number_in(number)
        if digits is None or len(digits) < _SHORTEST:
            raise PermanentError("That is not a phone number; write it like 442079460001, with its country code.")
        with writing("The log of erasures", self._log.parent):
            make_folder(self._log.parent)
            with FileLock(self._log.with_name(".erasures.lock")):
                if not self._log.exists() and not self._key.exists():
                    _write(self._key, secrets.token_hex(32))
                known, fingerprint = self._entries(), _fingerprint(self._secret(), digits)
                if fingerprint not in {entry["number"] for entry in known}:
                    entries = [*known, {"number": fingerprint, "erased_at": now.isoformat()}]
                    _write(self._log, "".join(f"{json.dumps(entry)}\n" for entry in entries))
        return fingerprint

    def finder(self) -> "Find | None":
        """Return a function that finds the numbers now in the log; None where the log is empty."""
        fingerprints = {entry["number"] for entry in self._entries()}
        if not fingerprints:
            return None
        key = self._secret()

        def find(cells: Iterable[str]) -> dict[str, str]:
            found = {cell: _fingerprint(key, digits) for cell in cells if (digits := number_in(cell))}
            return {cell: fingerprint for cell, fingerprint in found.items() if fingerprint in fingerprints}

        return find

    def _secret(self) -> bytes:
        if not self._key.exists():
            raise PermanentError(
                f"{self._key} is missing, so erased numbers could come back unnoticed; restore it from a backup."
            )
        return self._key.read_bytes()

    def _entries(self) -> list[dict[str, Any]]:
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]


def _fingerprint(key: bytes, digits: str) -> str:
    return hmac.digest(key, digits.encode(), "sha256").hex()


def _write(path: Path, text: str) -> None:
    """Write a file for its owner only, whole or not at all, so that it survives a power cut."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    finalize(part, path)
