"""What only the owner may read: the data folder, and each file of the archive wherever it is copied to."""

import os
from pathlib import Path
from typing import IO, Any

_OWNER = 0o600
_OTHERS = 0o007
_ENTER = 0o001


def private_folder(folder: Path) -> None:
    """Create the folder for its owner alone; one that is there keeps the access that its owner gave."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


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
