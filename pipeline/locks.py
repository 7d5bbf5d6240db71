"""Locks between the processes of this machine: one file for each lock, in the data directory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import writing
from pipeline.storage import private_folder

_POLL_SECONDS = 0.05


@contextmanager
def held(data: Path, name: str) -> Iterator[None]:
    """Hold a lock during the block, at most until the process ends; raises ``PermanentError`` if that fails."""
    folder = data / ".locks"
    with writing("A lock", folder):
        private_folder(data)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def slot(data: Path, name: str, count: int) -> Iterator[None]:
    """Hold one of ``count`` locks of a name, so that so many processes do at once what costs memory.

    Args:
        data: The data folder.
        name: The name of the locks.
        count: How many there are.
    """
    folder = data / ".locks"
    with writing("A lock", folder):
        private_folder(data)
        folder.mkdir(parents=True, exist_ok=True)
    lock = _first_free([FileLock(folder / f"{name}.{number}.lock") for number in range(count)])
    try:
        yield
    finally:
        lock.release()


def _first_free(locks: list[FileLock]) -> FileLock:
    while True:
        for lock in locks:
            with suppress(Timeout):
                lock.acquire(timeout=0)
                return lock
        time.sleep(_POLL_SECONDS)
