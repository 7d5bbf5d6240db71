"""Atomic, durable files: after a power cut, a file is either the old one or the new one, complete.

A file is written under a temporary name, synced and renamed. A rename alone is not enough: the new name may reach the
disk before the bytes. Files with personal data are readable by their owner only.
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
    """Give a complete file its name. When this returns, the bytes and the name are on the disk."""
    sync(part)
    move(part, target)


def move(file: Path, target: Path) -> None:
    """Rename a file or a folder. When this returns, the new name is on the disk, and the old name is gone."""
    file.replace(target)
    for folder in {file.parent, target.parent}:
        sync(folder)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yield a path to write to. It becomes ``target`` when the block succeeds, and is removed when the block fails.

    Its name ends in ``.part``, so that files of killed processes can be recognised.
    """
    part = target.with_name(f".{target.name}.{uuid4().hex[:12]}.part")
    try:
        yield part
        finalize(part, target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def removed_on_error() -> Iterator[list[Path]]:
    """Yield a list of files to add to; all of them are removed where the ``with`` block fails."""
    files: list[Path] = []
    try:
        yield files
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        raise


def write_text(target: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    with whole(target) as part:
        part.write_text(text, encoding="utf-8")


def make_folder(folder: Path) -> None:
    """Create a folder and its parents. When this returns, their names are on the disk."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync(one.parent)


def sync(path: Path) -> None:
    """Wait until the bytes of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(folder: Path) -> None:
    """Create a folder that only its owner can open. An existing folder keeps its permissions."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync(folder.parent)


def private_file(path: Path, mode: str) -> IO[Any]:
    """Open a file for writing. A new file is readable by its owner only."""
    encoding = None if "b" in mode else "utf-8"
    return open(path, mode, encoding=encoding, opener=lambda name, flags: os.open(name, flags, _OWNER))


def exposed(folder: Path) -> bool:
    """Whether every user of this machine can list the folder."""
    if not folder.exists():
        return False
    reachable = all(parent.stat().st_mode & _ENTER for parent in folder.parents)
    return reachable and bool(folder.stat().st_mode & _OTHERS)
