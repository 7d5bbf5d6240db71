"""The JSON files beside a landed file: the requested export and the manifest, each written whole or not at all.

The names of the fields are the keys in the archive, so they must not change.
"""

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
    """An export that this installation requested, or found in the vendor's list and took over.

    ``made_for`` is the fingerprint of the dataset that it was requested for; older files have none.
    """

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
    made_for: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Manifest(RequestedExport):
    """A file that landed. Fields with a default are absent from older manifests.

    Attributes:
        landed_at: When the file was verified.
        url: The address of the file at the vendor.
        bytes: The size of the file as served.
        text_bytes: The size of the unpacked text.
        sha256: The checksum of the file as served.
        header: The first line of the text.
        erased: One entry for each time that numbers were erased, with the checksum before. ``bytes``, ``text_bytes``
            and ``sha256`` are then those of the rewritten file.
        expired: The file was deleted, and the manifest is all that remains of the month.
        records_told: The number of records in the file according to the vendor, where it says so.
        unread: Why the kind of the file could not be read when it landed; empty where it could.
        companions: By name, the same figures of the further files of the export.
        remade: The manifest was written later, from the file alone: the checksum is that of the file at that time.
    """

    landed_at: datetime
    url: str
    bytes: int
    text_bytes: int
    sha256: str
    header: str
    erased: Sequence[Mapping[str, Any]] = field(default_factory=list)
    expired: bool = False
    records_told: int | None = None
    unread: str = ""
    companions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remade: bool = False

    @property
    def checksum(self) -> str:
        """The checksums of the file and of its companions, separated by spaces."""
        return " ".join([self.sha256, *(str(entry["sha256"]) for entry in self.companions.values())])


@dataclass(frozen=True)
class Gone:
    """The vendor lists an export, but its file was not there: first at ``found_at``, last at ``looked_at``.

    ``looks`` is the number of attempts.
    """

    found_at: datetime
    looked_at: datetime
    looks: int


_Record = TypeVar("_Record", RequestedExport, Manifest)


def by_age(record: RequestedExport) -> tuple[datetime, str]:
    """Return the key that sorts records in the order in which the vendor created the exports."""
    return record.created_at, record.export_id


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a small file, whole or not at all, so that it survives a power cut.

    The caller holds the lock of the month. A ``.part`` file of a killed process is overwritten.
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
    """Read a record of this kind from a file; raises ``PermanentError`` where the file holds anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return kind(**{one.name: _parsed(one.type, content[one.name]) for one in fields(kind) if one.name in content})
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise PermanentError(
            f"{path.name} could not be read as a file of this archive; `cdr verify --repair` writes it again."
        ) from error


def read_gone(path: Path) -> Gone | None:
    """Return the content of a ``gone`` sidecar; None where it is missing or torn: then the file is fetched again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = datetime.fromisoformat(content["found_at"])
        looked = content.get("looked_at")  # older sidecars have neither this nor the number of attempts
        return Gone(found, datetime.fromisoformat(looked) if looked else found, int(content.get("looks", 1)))
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _parsed(kind: Any, value: Any) -> Any:
    """Return the value of a field as its type; raises ``TypeError`` or ``ValueError`` where it has another type."""
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment
    if not isinstance(value, kind if isinstance(kind, UnionType) else get_origin(kind) or kind):
        raise TypeError("of another type")
    return value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written to a manifest")
