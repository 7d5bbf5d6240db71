"""The records of the archived files, read by the csv module and typed as the sentences of the schema say."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

DIRECTION = {"cdr_in": "in", "cdr_out": "out"}
_NO_TIME = {"", "1970-01-01 00:00:00", "0001-01-01 00:00:00", "0000-00-00 00:00:00"}
_FARTHEST = timedelta(days=32)
_LONGEST = timedelta(days=31).total_seconds()
_MONEY = {
    "toll_free": "Toll-free (USD)",
    "pstn": "PSTN (USD)",
    "metered": "Metered (USD)",
    "cnam": "CNAM IN (USD)",
    "total": "Total (USD)",
    "rate": "Rate (USD)",
    "charged": "Charged (USD)",
}
_SECONDS = {"duration": ("Duration (sec)", "Call Duration (sec)"), "billing": ("Billing Duration (sec)",)}
_TEXT = {
    "status": ("Status",),
    "source": ("Source",),
    "called": ("Destination DID", "Destination Number"),
    "code": ("Disconnect Code",),
    "reason": ("Response", "Disconnect Reason"),
    "initiator": ("Disconnect Initiator",),
    "trunk": ("Voice IN Trunk", "Voice OUT Trunk"),
    "trunk_group": ("Trunk Group",),
    "capacity_group": ("Capacity Group",),
    "country": ("Destination Country",),
    "network": ("Network",),
    "call_type": ("Call Type",),
    "call_id": ("Call ID",),
}


class RejectedError(ValueError):
    """A record that cannot be loaded as it is."""


@dataclass(frozen=True)
class Record:
    """A row of cdr_in or cdr_out; what its direction does not have is None."""

    direction: str
    month: str
    export_id: str
    line: int
    started: datetime
    connected: datetime | None
    ended: datetime | None
    attempt: int | None
    text: Mapping[str, str | None]
    seconds: Mapping[str, int | None]
    money: Mapping[str, Decimal | None]

    @property
    def answered(self) -> bool:
        return self.connected is not None

    @property
    def lasted(self) -> int | None:
        """Connected seconds, where they are known."""
        return self.seconds["duration"]

    @property
    def duration(self) -> int:
        return self.lasted or 0

    @property
    def cost(self) -> Decimal:
        return self.money["total" if self.direction == "in" else "charged"] or Decimal(0)


@dataclass(frozen=True)
class File:
    """A loaded export: when its window ends, the records that could be loaded, and cells of those that could not."""

    direction: str
    month: str
    export_id: str
    until: datetime
    cells: list[dict[str, str]]
    records: list[Record]
    rejected: list[dict[str, str]]


def read(landing: Path) -> Iterator[File]:
    """Every file of the archive with what its note says of it; each month here has one."""
    for note in sorted(landing.glob("didww/cdr_*/*/*.landed.json")):
        said = json.loads(note.read_text("utf-8"))
        path = next(p for p in note.parent.glob(f"{said['export_id']}*") if p.suffix != ".json")
        text = gzip.decompress(path.read_bytes()).decode()
        cells = list(csv.DictReader(io.StringIO(text, newline="")))
        until = datetime.fromisoformat(said["window_end"]).replace(tzinfo=None)
        yield _file(File(DIRECTION[said["record_type"]], said["month"], said["export_id"], until, cells, [], []))


def _file(file: File) -> File:
    for line, cells in enumerate(file.cells, 1):
        try:
            file.records.append(_record(file, line, cells))
        except RejectedError:
            file.rejected.append(cells)
    return file


def _record(file: File, line: int, cells: Mapping[str, str]) -> Record:
    started = _time(cells["Date/Time Start (UTC)"], None)
    if started is None:
        raise RejectedError
    return Record(
        file.direction,
        file.month,
        file.export_id,
        line,
        started,
        _time(cells["Date/Time Connect (UTC)"], started),
        _time(cells["Date/Time End (UTC)"], started),
        int(cells["Attempt"]) if cells.get("Attempt") else None,
        {name: _first(cells, headers) or None for name, headers in _TEXT.items()},
        {name: _whole(_first(cells, headers)) for name, headers in _SECONDS.items()},
        {name: amount(cells.get(header) or "") for name, header in _MONEY.items()},
    )


def _first(cells: Mapping[str, str], headers: tuple[str, ...]) -> str:
    return next((cells[header] for header in headers if header in cells), "")


def _time(cell: str, near: datetime | None) -> datetime | None:
    if cell in _NO_TIME:
        return None
    try:
        time = datetime.fromisoformat(cell)
    except ValueError:
        raise RejectedError from None
    return None if near and abs(time - near) > _FARTHEST else time


def _whole(cell: str) -> int | None:
    if cell and not (cell.isdecimal() and int(cell) <= _LONGEST):
        raise RejectedError
    return int(cell) if cell else None


def amount(cell: str) -> Decimal | None:
    """The amount to six decimals, half to even."""
    if not cell:
        return None
    rounded = Decimal(cell).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    if abs(rounded) >= 10**12:
        raise RejectedError
    return rounded
