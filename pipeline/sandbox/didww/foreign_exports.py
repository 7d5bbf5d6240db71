"""Exports of others in the same account, which a client must not take for its own."""

import uuid
from datetime import datetime, timedelta
from random import Random

from pipeline.months import Month
from pipeline.sandbox.didww.exports import Export
from pipeline.sandbox.didww.filters import RowFilters
from pipeline.sandbox.didww.ledger import Ledger
from pipeline.sandbox.didww.versions import Version
from pipeline.sandbox.traffic.columns import CDR_IN, CDR_OUT
from pipeline.sandbox.traffic.fixtures import OUT_TRUNKS, trunk_id
from pipeline.sandbox.traffic.record import MOMENT_FORMAT

_REFERENCES = (None, None, None, "test", "exp-ref-001", "billing {month}", "acme/{type}/{month}")
_P_OLD_FILTERS = 0.15
_P_NARROWED = 0.3
_P_UNFINISHED = 0.12
_OLDEST_DAYS = 26
_OLD = "2022-05-10"
_OLD_TYPES = (CDR_IN, CDR_OUT)


def foreign_exports(rng: Random, ledger: Ledger, now: datetime, count: int, version: Version) -> list[Export]:
    """Return foreign exports of the last weeks, in all statuses.

    Args:
        rng: The source of chance.
        ledger: The records.
        now: The vendor's time.
        count: How many exports to make.
        version: The account's API version.
    """
    moments = (now - timedelta(days=rng.uniform(0.1, _OLDEST_DAYS)) for _ in range(count))
    return [foreign_export(rng, ledger, moment, version) for moment in moments]


def foreign_export(
    rng: Random, ledger: Ledger, created_at: datetime, version: Version, export_id: str | None = None
) -> Export:
    """Return one foreign export; some never finish.

    Args:
        rng: The source of chance.
        ledger: The records.
        created_at: The time of its creation.
        version: The account's API version.
        export_id: Its id; None for a random one.
    """
    export_type = rng.choice(tuple(version.row_filters))
    month = Month.of(created_at).shift(-rng.randrange(3))
    end = min(month.end, created_at.replace(microsecond=0))
    row_filters = _row_filters(rng, export_type) if rng.random() < _P_NARROWED else {}
    reference = rng.choice(_REFERENCES) if not version.by_month else None
    unfinished = rng.random() < _P_UNFINISHED
    # Some were made through an older version, whose windows are a year and a month, as numbers or as text.
    by_month = (rng.random() < _P_OLD_FILTERS and export_type in _OLD_TYPES) or version.by_month
    window = _month(rng, month) if by_month else _span(month, end)
    return Export(
        export_type=export_type,
        filters={**window, **row_filters},
        created_at=created_at,
        snapshot=ledger.snapshot(export_type, month.start, end, created_at, row_filters),
        processing_at=None if unfinished and rng.random() < 0.5 else created_at + timedelta(seconds=1),
        completed_at=None if unfinished else created_at + timedelta(minutes=rng.uniform(0.1, 30)),
        version=_OLD if by_month else version.name,
        external_reference_id=reference and reference.format(month=month, type=export_type),
        callback_url="http://10.201.10.1/test.php" if rng.random() < 0.2 else None,
        callback_method="get" if rng.random() < 0.2 else None,
        foreign=True,
        id=export_id or _uuid(rng),
        file_name=f"{_uuid(rng)}.csv.gz",
    )


def _row_filters(rng: Random, export_type: str) -> RowFilters:
    if export_type == CDR_OUT:
        return {"voice_out_trunk.id": trunk_id(rng.choice(OUT_TRUNKS))}
    return {"did_number" if export_type == CDR_IN else "source_address_eq": "123456789"}


def _month(rng: Random, month: Month) -> RowFilters:
    year, number = month.year, month.number
    return {"year": str(year), "month": str(number)} if rng.random() < 0.5 else {"year": year, "month": number}


def _span(month: Month, end: datetime) -> RowFilters:
    return {"from": month.start.strftime(MOMENT_FORMAT), "to": end.strftime(MOMENT_FORMAT)}


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
