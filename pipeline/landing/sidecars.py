"""The sidecar files beside an archived file: which export they are of, and what they say, read once a version."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pipeline.errors import PermanentError
from pipeline.landing.manifests import Manifest, RequestedExport, read_json
from pipeline.months import Month

Record = TypeVar("Record", RequestedExport, Manifest)
"""What a sidecar file holds."""

SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, order=True)
class ExportKey:
    """What identifies an export in the archive, and decides the path of all its files."""

    vendor: str
    record_type: str
    month: Month
    export_id: str

    @classmethod
    def of(cls, path: Path) -> "ExportKey":
        """Return the export of a file by its path; raises ``PermanentError`` for a path that no export has."""
        vendor, record_type, month = path.parts[-4:-1]
        export_id = path.name.partition(".")[0]
        if str(Month.parse(month)) != month or not SAFE_ID.fullmatch(export_id):
            raise PermanentError(f"{path.name} does not belong in the archive; move it out.")
        return cls(vendor, record_type, Month.parse(month), export_id)


def readable(paths: Iterable[Path], kind: type[Record]) -> Iterator[Record]:
    """Yield the content of each sidecar that can be read; `cdr verify` reports the others."""
    for path in paths:
        with suppress(PermanentError, FileNotFoundError):
            stat = path.stat()
            yield _content(path, kind, (stat.st_ino, stat.st_mtime_ns, stat.st_size))  # type: ignore[arg-type] # a class has a hash


@lru_cache(maxsize=50_000)
def _content(path: Path, kind: type[Record], version: tuple[int, int, int]) -> Record:
    """Return the content of a sidecar; it is parsed again only after it was replaced, which changes its version."""
    return read_sidecar(path, kind)


def read_sidecar(path: Path, kind: type[Record]) -> Record:
    """Return the content of a sidecar; raises ``PermanentError`` where it is torn or describes another export."""
    expected, record = ExportKey.of(path), read_json(path, kind)
    if expected != ExportKey(record.vendor, record.record_type, Month.parse(record.month), record.export_id):
        raise PermanentError(f"{path.name} describes another export; `cdr verify --repair` writes it again.")
    return record


def sidecar(file: Path, kind: str) -> Path:
    """Return the path of a sidecar of a file; ``kind`` is ``asked``, ``landed`` or ``gone``."""
    return file.with_name(f"{file.name.partition('.')[0]}.{kind}.json")
