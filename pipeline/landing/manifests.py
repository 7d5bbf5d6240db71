"""The notes beside a file: what was asked for, and the manifest of what landed; written whole or not at all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_origin

from pipeline.errors import PermanentError, writing
from pipeline.storage import finalize, make_folder, private_file


@dataclass(frozen=True)
class RequestedExport:
    """An export that this installation asked for, or adopted from the vendor's list."""

    vendor: str
    record_type: str
    month: str
    export_id: str
    reference: str
    window_start: datetime
    window_end: datetime
    created_at: datetime
    filters: Mapping[str, object]
    api_version: str
    made_for: str = field(default="", kw_only=True)  # a print of what was asked for; earlier notes have none


@dataclass(frozen=True)
class Manifest(RequestedExport):
    """A file that landed: ``bytes`` and ``sha256`` are of the file as served, ``text_bytes`` of what is in it.

    Files that landed beside it are ``companions``: of each, by its name, the same figures. Each time that numbers were
    ``erased`` from one of them, these are of the file as rewritten, and what they were is noted.
    Of a month that has ``expired`` the manifest is all there is.
    """

    landed_at: datetime
    url: str
    bytes: int
    text_bytes: int
    sha256: str
    header: str
    erased: Sequence[Mapping[str, Any]] = field(default_factory=list)
    expired: bool = False
    records_told: int | None = None  # how many the vendor says it holds, where it does; earlier manifests have none
    unread: str = ""  # why its kind could not be read when it landed
    companions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # earlier manifests have none
    remade: bool = False  # written later from the file alone: the checksum is of what was found then

    @property
    def checksum(self) -> str:
        """The checksum of its file, and of those beside it, if there are any."""
        return " ".join([self.sha256, *(str(line["sha256"]) for line in self.companions.values())])


@dataclass(frozen=True)
class Gone:
    """The file of an export that the vendor lists was not there: first at ``found_at``, last at ``looked_at``."""

    found_at: datetime
    looked_at: datetime
    looks: int


_Record = TypeVar("_Record", RequestedExport, Manifest)


def by_age(record: RequestedExport) -> tuple[datetime, str]:
    """Sorts records in the order in which the vendor created the exports."""
    return record.created_at, record.export_id


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a small file whole or not at all, and make it last through a power cut.

    The caller holds the lock of what it is about: what a killed process left behind is written over.
    """
    part = path.with_name(f"{path.name}.part")
    with writing(path.name, path.parent):
        try:
            make_folder(path.parent)
            with private_file(part, "w") as out:
                json.dump(content, out, indent=1, default=_plain, ensure_ascii=False)
            finalize(part, path)
        finally:
            part.unlink(missing_ok=True)


def read_json(path: Path, kind: type[_Record]) -> _Record:
    """Read what ``write_json`` wrote of one of these; raises ``PermanentError`` where the file holds anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return kind(**{one.name: _parsed(one.type, content[one.name]) for one in fields(kind) if one.name in content})
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise PermanentError(f"{path.name} is torn, or is no note of ours; `cdr verify --repair` mends it.") from error


def _parsed(kind: Any, value: Any) -> Any:
    """The value of a field as its type; raises ``TypeError`` or ``ValueError`` where it is of another."""
    if kind is datetime:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError("a time without a zone")
        return instant
    if not isinstance(value, kind if isinstance(kind, UnionType) else get_origin(kind) or kind):
        raise TypeError("of another type")
    return value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a manifest")
