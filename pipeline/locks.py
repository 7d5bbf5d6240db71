"""Locks between the processes of this machine: one file for each lock, in the data directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from pipeline.errors import writing
from pipeline.storage import private_folder


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
