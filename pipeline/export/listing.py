"""A vendor's list is every page of it; where it stays shorter than it says, it is what was seen, and in doubt."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from pipeline.export.protocol import Export, Listing

_MAX_READINGS = 3

Pages = Callable[[], Iterable[tuple[Iterable[Export], int]]]
"""Reads the list: of each page its exports, and how many exports the whole list has, as the page says."""


def whole(pages: Pages, what: str) -> Listing:
    """Every export once, as it was first seen; read again where exports came or went meanwhile and shifted the pages.

    One that comes while the list is read only shows another twice; one that goes lets another slip past. Where two
    readings show the same, no third would tell more. ``what`` is listed, as the doubt says.
    """
    known: dict[str, Export] = {}
    before: set[str] = set()
    for _ in range(_MAX_READINGS):
        found, rows, totals = _read(pages())
        known |= found
        if len(found) >= max(totals):
            return Listing(found.values())
        if found.keys() == before:
            break
        before = set(found)
    if len(found) >= totals[0]:
        return Listing(known.values())
    return _doubtful(known, f"GET {what} counts {totals[0]} exports and shows {len(found)}, in {rows} rows")


def agreed(read: Callable[[], tuple[int, Mapping[str, Export]]], what: str) -> Listing:
    """Every export of a list that does not say how long it is: one page, or a reading that misses none of the last.

    A reading misses an export because one that it had seen has gone, which the next does not see. ``read`` tells how
    many pages there were, and what they hold.
    """
    known: dict[str, Export] = {}
    before: Mapping[str, Export] | None = None
    for _ in range(_MAX_READINGS):
        pages, found = read()
        known |= found
        if pages == 1 or (before is not None and before.keys() <= found.keys()):
            return Listing(found.values())
        before = found
    return _doubtful(known, f"GET {what} shows other exports each time that it is read")


def _read(pages: Iterable[tuple[Iterable[Export], int]]) -> tuple[dict[str, Export], int, list[int]]:
    """What one reading shows, in how many rows, and how many exports there were by each page."""
    found: dict[str, Export] = {}
    rows, totals = 0, []
    for exports, total in pages:
        for export in exports:
            found.setdefault(export.id, export)
            rows += 1
        totals.append(total)
    return found, rows, totals


def _doubtful(known: Mapping[str, Export], why: str) -> Listing:
    doubt = f"{why}, so some may be missing: what was asked for lately and is not shown is not asked for again yet."
    _warn(doubt)
    return Listing(known.values(), doubt)


@lru_cache(maxsize=64)
def _warn(doubt: str) -> None:
    """Log it, once for each process, as lists are read every few seconds."""
    logging.getLogger(__name__).warning(doubt)
