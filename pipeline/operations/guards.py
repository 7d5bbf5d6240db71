"""What a load must not do unasked: replace a month by an older export, by far fewer rows, or by what cannot be right.

A month that is refused stays as it is, its file is kept, and the reason says how to load it all the same.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.errors import PermanentError
from pipeline.landing.manifests import Manifest
from pipeline.normalise.companions import REASON
from pipeline.normalise.convert import Converted
from pipeline.normalise.table import Table

MAX_OUTSIDE_SHARE = 0.05
"""Of a month's rows, how many may lie outside it; a report cut at the midnights of another zone has some 2 % there."""

_SETTING = "CDR_MAX_REJECTED_SHARE says how many may be"

FEW = 10
"""So many records, if they are no more than half of a file's, are never too many: a small file has no shares."""


@dataclass(frozen=True)
class Known:
    """An export that is loaded, and when the vendor created it, where that is known."""

    export_id: str
    created_at: datetime | None

    def is_later_than(self, manifest: Manifest) -> bool:
        """Whether it was created after another."""
        return self.created_at is not None and manifest.created_at < self.created_at


@dataclass(frozen=True)
class Guards:
    """What a load may do unasked: the share of a month's rows that may vanish, and of records that may be rejected."""

    max_shrink: float
    max_rejected: float

    def check_age(self, manifest: Manifest, loaded: Known) -> None:
        """Refuse an export that is older than the one that is ``loaded``."""
        if loaded.is_later_than(manifest):
            raise _refused(manifest, f"is older than {loaded.export_id}, which is loaded")

    def check_records(self, manifest: Manifest, converted: Converted, rejects: Path, table: Table) -> None:
        """Refuse a file of which too many records were rejected, or are another month's."""
        aside = converted.set_aside  # by the vendor: that says nothing of the file
        records, rejected = converted.text.rows - aside, converted.rejected.rows - aside
        if rejected > _allowed(records, self.max_rejected):
            reason, count = _most_frequent(rejects)
            why = f"of {count} the reason is '{reason}' ({_SETTING})"
            raise _refused(manifest, f"has {rejected} records of {records} that cannot be read; {why}")
        left = 0 if table.open_ended else converted.left_out
        outside, rows = converted.outside_month + left, converted.loaded.rows + left
        if outside > _allowed(rows, MAX_OUTSIDE_SHARE):
            raise _refused(manifest, f"has {outside} records of {rows} that are another month's")

    def check_shrink(self, manifest: Manifest, after: int, lost: int) -> None:
        """Refuse an export that takes away too many of the rows that are loaded."""
        if lost > self.max_shrink * (after + lost):
            raise _refused(manifest, f"has {lost} rows fewer than the {after + lost} that are loaded")


def _allowed(rows: int, share: float) -> float:
    return max(share * rows, min(FEW, rows / 2))


def _most_frequent(rejects: Path) -> tuple[str, int]:
    """The reason that most of the rejected records have, and how many those are."""
    reasons = pq.read_table(rejects, columns=["reason"])["reason"]
    return Counter(one for one in reasons.to_pylist() if not one.startswith(REASON)).most_common(1)[0]


def _refused(manifest: Manifest, why: str) -> PermanentError:
    return PermanentError(
        f"{manifest.record_type} {manifest.month}: export {manifest.export_id} {why}, so nothing was replaced and its "
        "file is kept; if that is right, load it with `cdr backfill --force`, or with `force` in the UI; with "
        "`cdr rebuild --force` where the vendor does not have the month any more."
    )
