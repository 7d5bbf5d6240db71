"""Locks that the processes of this machine share: a file each, in the data folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from pipeline.errors import writing
from pipeline.storage import private_folder


@contextmanager
def held(data: Path, name: str) -> Iterator[None]:
    """Hold a lock of a data folder; it ends with the process. Raises ``PermanentError`` where it cannot be made."""
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
