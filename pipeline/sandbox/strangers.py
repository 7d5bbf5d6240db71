"""Exports of other people in the same account: a client must not take them for its own."""

import uuid
from datetime import datetime, timedelta
from random import Random

from pipeline.months import Month
from pipeline.sandbox.columns import CDR_IN, CDR_OUT
from pipeline.sandbox.estate import OUT_TRUNKS, trunk_id
from pipeline.sandbox.exports import Export
from pipeline.sandbox.ledger import Ledger
from pipeline.sandbox.record import MOMENT_FORMAT

_REFERENCES = (None, None, None, "test", "exp-ref-001", "billing {month}", "acme/{type}/{month}")
_P_OLD_FILTERS = 0.15
_P_NARROWED = 0.3
_P_UNFINISHED = 0.12
_OLDEST_DAYS = 26


def strangers(rng: Random, ledger: Ledger, now: datetime, count: int) -> list[Export]:
    """``count`` exports that somebody made in the last weeks, in all statuses."""
    return [stranger(rng, ledger, now - timedelta(days=rng.uniform(0.1, _OLDEST_DAYS))) for _ in range(count)]


def stranger(rng: Random, ledger: Ledger, created_at: datetime, export_id: str | None = None) -> Export:
    """One export of somebody else, created then; some were abandoned by the vendor and never finish."""
    export_type = rng.choice((CDR_IN, CDR_OUT))
    month = Month.of(created_at).shift(-rng.randrange(3))
    end = min(month.end, created_at.replace(microsecond=0))
    narrowed_to = _narrowing(rng, export_type) if rng.random() < _P_NARROWED else None
    reference = rng.choice(_REFERENCES)
    unfinished = rng.random() < _P_UNFINISHED
    return Export(
        export_type=export_type,
        filters=_filters(rng, export_type, month, end, narrowed_to),
        created_at=created_at,
        snapshot=ledger.snapshot(export_type, month.start, end, created_at, narrowed_to),
        processing_at=None if unfinished and rng.random() < 0.5 else created_at + timedelta(seconds=1),
        completed_at=None if unfinished else created_at + timedelta(minutes=rng.uniform(0.1, 30)),
        external_reference_id=reference and reference.format(month=month, type=export_type),
        callback_url="http://10.201.10.1/test.php" if rng.random() < 0.2 else None,
        callback_method="get" if rng.random() < 0.2 else None,
        foreign=True,
        id=export_id or _uuid(rng),
        file_name=f"{_uuid(rng)}.csv.gz",
    )


def _narrowing(rng: Random, export_type: str) -> str:
    return "123456789" if export_type == CDR_IN else trunk_id(rng.choice(OUT_TRUNKS))


def _filters(rng: Random, export_type: str, month: Month, end: datetime, narrowed_to: str | None) -> dict[str, object]:
    filters: dict[str, object]
    if rng.random() < _P_OLD_FILTERS:
        # Made through an older API version, which knew years and months, now as numbers and now as text.
        as_text = rng.random() < 0.5
        year, number = (str(month.year), str(month.number)) if as_text else (month.year, month.number)
        filters = {"year": year, "month": number}
    else:
        filters = {"from": month.start.strftime(MOMENT_FORMAT), "to": end.strftime(MOMENT_FORMAT)}
    if narrowed_to is not None:
        filters["did_number" if export_type == CDR_IN else "voice_out_trunk.id"] = narrowed_to
    return filters


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
