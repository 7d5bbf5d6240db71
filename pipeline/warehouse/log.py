"""Sync the log of one Delta table to disk, and find what a power cut damaged in it.

delta-rs syncs nothing, so an entry may be empty or cut off after a power cut. delta-rs reads an empty entry as a commit
that changed nothing. It reads an entry cut off between two lines as a commit that changed less.
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
"""A folder beside the log, hidden like the log when the table's files are listed."""

COUNT = "cdr_files"
"""The key under which a commit counts the files that it adds and removes; a torn entry contradicts it."""

_CHECKPOINTS = "*.checkpoint*.parquet"
_NEWEST_CHECKPOINT = "_last_checkpoint"

State = frozenset[tuple[str, int, int]]


def state(log: Path) -> State:
    """Return the names, sizes and times of a log, which differ after each change; empty if the log is missing."""
    try:
        found = [(entry.name, entry.stat()) for entry in os.scandir(log)]
    except FileNotFoundError:
        return frozenset()
    return frozenset((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


@contextmanager
def synced(log: Path) -> Iterator[None]:
    """Sync to disk what a commit in the block writes: its entry, a checkpoint, and their names."""
    make_folder(log)
    before = state(log)
    yield
    for name, *_ in state(log) - before:
        sync(log / name)
    sync(log)


def damaged(log: Path) -> list[tuple[Path, str]]:
    """Return the files that a power cut damaged at the end of the log, each with what is wrong with it.

    Damaged can be checkpoints and the newest entry. A checkpoint repeats entries, so one that repeats a damaged entry
    may go too.
    """
    checkpoints = sorted(log.glob(_CHECKPOINTS))
    newest = max(_entries(log), default=None)
    wrong = _damage(newest) if newest else ""
    found = [(file, "is torn") for file in checkpoints if not _is_parquet(file)]
    if newest and wrong:
        found = [(newest, wrong), *((file, f"holds {newest.name}") for file in checkpoints if file.name > newest.stem)]
    pointer = log / _NEWEST_CHECKPOINT
    return [*found, (pointer, "names a checkpoint")] if found and pointer.exists() else found


def repaired(log: Path) -> Iterator[tuple[str, str]]:
    """Set aside what is damaged at the end of the log; yield the name of each file and what was wrong with it."""
    while found := damaged(log):
        for file, wrong in found:
            set_aside(file)
            yield file.name, wrong


def empty(log: Path) -> str | None:
    """Return the name of an empty entry that others follow, whose change is in no snapshot; None if all are whole."""
    return min((name for name, size, _ in state(log) if name.endswith(".json") and not size), default=None)


def set_aside(file: Path) -> Path:
    """Move a part of the log, or all of it, to where Delta does not look; return the new path."""
    folder = (file.parent if file.name == FOLDER else file.parent.parent) / ASIDE
    make_folder(folder)
    target = folder / f"{file.stem.lstrip('_')}.{uuid4().hex[:8]}{file.suffix}"
    move(file, target)
    return target


def _entries(log: Path) -> Iterator[Path]:
    return (entry for entry in log.glob("*.json") if entry.stem.isdecimal())


def _damage(entry: Path) -> str:
    """Return what is wrong with an entry; empty if the entry is whole."""
    text = entry.read_bytes()
    if not text.strip():
        return "is empty"
    try:
        actions: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
        counts = [one["commitInfo"].get(COUNT) for one in actions if "commitInfo" in one]
        added = [one["add"] for one in actions if "add" in one]
        removed = sum("remove" in one for one in actions)
    except (ValueError, TypeError, AttributeError):
        return "is torn"
    if not actions or counts not in ([], [None], [file_counts(len(added), removed)]):
        return "is torn"
    files = [(entry.parent.parent / unquote(one["path"]), one["size"]) for one in added]
    bad = next((file for file, size in files if not _is_parquet(file, size)), None)
    return f"names {bad.name}, which is missing or torn" if bad else ""


def file_counts(added: int, removed: int) -> str:
    """Write how many files a commit adds and removes."""
    return f"{added}+{removed}"


def _is_parquet(file: Path, size: int | None = None) -> bool:
    try:
        if size not in (None, file.stat().st_size):
            return False
        pq.read_metadata(file)
    except (OSError, pa.ArrowInvalid):
        return False
    return True
