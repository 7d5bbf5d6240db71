"""The log of one Delta table: made to last, which delta-rs does not do, and mended after a power cut.

delta-rs syncs nothing. What it wrote may be empty or cut off after a power cut, and it reads an empty entry as one that
changed nothing, an entry cut off between two lines as one that changed less.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.storage import make_folder, move, sync

FOLDER = "_delta_log"
ASIDE = "_set_aside"
"""Beside the log, and like it hidden where the table's files are listed."""

COUNT = "cdr_files"
"""The key under which a commit tells how many files it adds and removes, so that a part of it is known for one."""

_CHECKPOINTS = "*.checkpoint*.parquet"
_NEWEST_CHECKPOINT = "_last_checkpoint"

State = frozenset[tuple[str, int, int]]


def state(log: Path) -> State:
    """What tells whether a log has changed: names, sizes and times; empty where there is none."""
    try:
        found = [(entry.name, entry.stat()) for entry in os.scandir(log)]
    except FileNotFoundError:
        return frozenset()
    return frozenset((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


@contextmanager
def lasting(log: Path) -> Iterator[None]:
    """Sync what a commit in the block writes: its entry, a checkpoint, and their names."""
    make_folder(log)
    before = state(log)
    yield
    for name, *_ in state(log) - before:
        sync(log / name)
    sync(log)


def damaged(log: Path) -> list[tuple[Path, str]]:
    """What a power cut spoilt of the newest part of the log, and how: a torn checkpoint, or the newest entry.

    A checkpoint says again what the entries say, so that one may go as well that holds what is spoilt.
    """
    checkpoints = sorted(log.glob(_CHECKPOINTS))
    newest = max(_entries(log), default=None)
    wrong = _damage(newest) if newest else ""
    spoilt = [(file, "is torn") for file in checkpoints if not _is_parquet(file)]
    if newest and wrong:
        spoilt = [(newest, wrong), *((file, f"holds {newest.name}") for file in checkpoints if file.name > newest.stem)]
    pointer = log / _NEWEST_CHECKPOINT
    return [*spoilt, (pointer, "names a checkpoint")] if spoilt and pointer.exists() else spoilt


def empty(log: Path) -> str | None:
    """The name of an entry that is empty although others follow: what it brought is in no snapshot."""
    return min((name for name, size, _ in state(log) if name.endswith(".json") and not size), default=None)


def set_aside(file: Path) -> Path:
    """Move a part of the log, or all of it, to where Delta does not see it; returns where that is."""
    folder = (file.parent if file.name == FOLDER else file.parent.parent) / ASIDE
    make_folder(folder)
    target = folder / f"{file.stem.lstrip('_')}.{uuid4().hex[:8]}{file.suffix}"
    move(file, target)
    return target


def _entries(log: Path) -> Iterator[Path]:
    return (entry for entry in log.glob("*.json") if entry.stem.isdecimal())


def _damage(entry: Path) -> str:
    """What is wrong with an entry; empty where nothing is."""
    text = entry.read_bytes()
    if not text.strip():
        return "is empty"
    try:
        actions: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
        told = [one["commitInfo"].get(COUNT) for one in actions if "commitInfo" in one]
        added = [one["add"] for one in actions if "add" in one]
        removed = sum("remove" in one for one in actions)
    except (ValueError, TypeError, AttributeError):
        return "is torn"
    if not actions or told not in ([], [None], [counted(len(added), removed)]):
        return "is torn"
    files = [(entry.parent.parent / unquote(one["path"]), one["size"]) for one in added]
    bad = next((file for file, size in files if not _is_parquet(file, size)), None)
    return f"names {bad.name}, which is missing or torn" if bad else ""


def counted(added: int, removed: int) -> str:
    """How a commit tells the number of its files."""
    return f"{added}+{removed}"


def _is_parquet(file: Path, size: int | None = None) -> bool:
    try:
        if size not in (None, file.stat().st_size):
            return False
        pq.read_metadata(file)
    except (OSError, pa.ArrowInvalid):
        return False
    return True
