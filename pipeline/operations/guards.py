"""The guards of a load: refuse an older export, one with far fewer rows, and one that cannot be right.

A refused load changes nothing: the month stays, the file is kept, and the message says how to force the load.
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
"""The share of rows that may lie outside the month; a report cut at midnight of another time zone has about 2 %."""

_SETTING = "CDR_MAX_REJECTED_SHARE says how many may be"

FEW = 10
"""So many records are always allowed, up to half of the file: shares of a small file say nothing."""


@dataclass(frozen=True)
class Known:
    """An export that is loaded, and when the vendor created it; None if that is unknown."""

    export_id: str
    created_at: datetime | None

    def is_later_than(self, manifest: Manifest) -> bool:
        """Return whether it was created after the export of a manifest."""
        return self.created_at is not None and manifest.created_at < self.created_at


@dataclass(frozen=True)
class Guards:
    """Refuses loads that need ``force``.

    Args:
        max_shrink: The share of a month's rows that a load may remove.
        max_rejected: The share of a file's records that may be rejected.
    """

    max_shrink: float
    max_rejected: float

    def check_age(self, manifest: Manifest, loaded: Known) -> None:
        """Refuse an export that is older than the ``loaded`` one."""
        if loaded.is_later_than(manifest):
            raise _refused(manifest, f"is older than {loaded.export_id}, which is loaded")

    def check_records(self, manifest: Manifest, converted: Converted, rejects: Path, table: Table) -> None:
        """Refuse a file with too many rejected records, or with too many records of another month.

        Args:
            manifest: The file.
            converted: Its converted rows.
            rejects: The Parquet file of its rejected records.
            table: How its rows are typed.
        """
        aside = converted.set_aside  # the vendor set them aside: they say nothing about the file
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
        """Refuse an export that removes too many of the rows that are loaded.

        Args:
            manifest: The file.
            after: The rows after the load.
            lost: The rows that the load removes.
        """
        if lost > self.max_shrink * (after + lost):
            raise _refused(manifest, f"has {lost} rows fewer than the {after + lost} that are loaded")


def _allowed(rows: int, share: float) -> float:
    return max(share * rows, min(FEW, rows / 2))


def _most_frequent(rejects: Path) -> tuple[str, int]:
    """Return the most frequent reason of rejected records, and the count of records with it."""
    reasons = pq.read_table(rejects, columns=["reason"])["reason"]
    return Counter(one for one in reasons.to_pylist() if not one.startswith(REASON)).most_common(1)[0]


def _refused(manifest: Manifest, why: str) -> PermanentError:
    return PermanentError(
        f"{manifest.record_type} {manifest.month}: export {manifest.export_id} {why}, so nothing was replaced and its "
        "file is kept; if that is right, load it with `cdr backfill --force`, or with `force` in the UI; with "
        "`cdr rebuild --force` if the vendor no longer has the month."
    )
