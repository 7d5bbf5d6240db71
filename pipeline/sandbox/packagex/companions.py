"""The further files of an export: some of its records are in one of them, and not in the file."""

from collections.abc import Mapping
from dataclasses import replace

from pipeline.sandbox.account import Export

COMPANIONS = ("sanitized", "error")


def divided(export: Export, kept_out: Mapping[str, int], companion: str = "") -> Export:
    """The export as one of its files holds it: by its id and that of the companion, faults can tell them apart."""

    def wanted(place: int) -> bool:
        return next((name for name in COMPANIONS if _is_in(place, kept_out.get(name, 0))), "") == companion

    name = f"{export.id}-{companion}" if companion else export.id
    return replace(export, id=name, draft=replace(export.draft, wanted=wanted))


def _is_in(place: int, every: int) -> bool:
    return every > 0 and place % every == every - 1
