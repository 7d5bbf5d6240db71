"""The further files of an export, which hold some of its records instead of the main file."""

from collections.abc import Mapping
from dataclasses import replace

from pipeline.sandbox.account import Export

COMPANIONS = ("sanitized", "error")


def divided(export: Export, kept_out: Mapping[str, int], companion: str = "") -> Export:
    """Return the export with the records of one of its files.

    Its id has the name of the companion, so that a fault can match one file.

    Args:
        export: The export.
        kept_out: The number n by companion: every n-th record is in it alone.
        companion: The further file; empty for the main one.
    """

    def wanted(position: int) -> bool:
        return next((name for name in COMPANIONS if _is_in(position, kept_out.get(name, 0))), "") == companion

    name = f"{export.id}-{companion}" if companion else export.id
    return replace(export, id=name, draft=replace(export.draft, wanted=wanted))


def _is_in(position: int, every: int) -> bool:
    return every > 0 and position % every == every - 1
