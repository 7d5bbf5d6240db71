"""Files that last: written aside, synced and renamed, so that a power cut leaves the old file or the new one, whole.

A rename alone is not enough: the name may be on the disk before the bytes are, and a new folder before it has a name.
What is personal is readable by its owner alone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

_OWNER = 0o600
_OTHERS = 0o007
_ENTER = 0o001


def finalize(part: Path, target: Path) -> None:
    """Give a finished file its name; when this returns, both are on the disk."""
    sync(part)
    move(part, target)


def move(file: Path, target: Path) -> None:
    """Rename a file or a folder; when this returns, the new name is on the disk, and the old one is not."""
    file.replace(target)
    for folder in {file.parent, target.parent}:
        sync(folder)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path to write to; it becomes ``target`` when the block ends well, else nothing is left of it.

    Its name ends in ``.part``, which tells what a killed process left.
    """
    part = target.with_name(f".{target.name}.{uuid4().hex[:12]}.part")
    try:
        yield part
        finalize(part, target)
    finally:
        part.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    with whole(target) as part:
        part.write_text(text, encoding="utf-8")


def make_folder(folder: Path) -> None:
    """Create the folder and those above it; when this returns, their names are on the disk."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync(one.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(folder: Path) -> None:
    """Create the folder for its owner alone; one that is there keeps the access that its owner gave."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync(folder.parent)


def private_file(path: Path, mode: str) -> IO[Any]:
    """Open a file for writing that, where it is new, only its owner may read."""
    encoding = None if "b" in mode else "utf-8"
    return open(path, mode, encoding=encoding, opener=lambda name, flags: os.open(name, flags, _OWNER))


def exposed(folder: Path) -> bool:
    """Whether every user of this machine can look into the folder."""
    if not folder.exists():
        return False
    reachable = all(parent.stat().st_mode & _ENTER for parent in folder.parents)
    return reachable and bool(folder.stat().st_mode & _OTHERS)
