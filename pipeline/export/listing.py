"""Read a vendor's list completely, although exports come and go while its pages are read."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from pipeline.export.protocol import Export, Listing

_MAX_READINGS = 3

Pages = Callable[[], Iterable[tuple[Iterable[Export], int]]]
"""Reads the list: yields for each page its exports, and how many exports the list has, as the page says."""


def whole(pages: Pages, what: str) -> Listing:
    """Return every export of a list that says how many it has.

    An export that is added while the list is read moves the others, so that one comes twice. One that goes moves
    another past the reader: then the list is read again. If two readings show the same, a third would show no more, and
    the result is in doubt.

    Args:
        pages: Reads the list.
        what: The address of the list, for the doubt.
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
    return _in_doubt(known, f"GET {what} counts {totals[0]} exports and shows {len(found)}, in {rows} rows")


def agreed(read: Callable[[], tuple[int, Mapping[str, Export]]], what: str) -> Listing:
    """Return every export of a list that does not say how many it has.

    A reading may miss an export because another one went meanwhile. So a list of several pages is read until a reading
    shows all that the reading before it showed.

    Args:
        read: Reads the list: returns how many pages it has, and its exports by id.
        what: The address of the list, for the doubt.
    """
    known: dict[str, Export] = {}
    before: Mapping[str, Export] | None = None
    for _ in range(_MAX_READINGS):
        pages, found = read()
        known |= found
        if pages == 1 or (before is not None and before.keys() <= found.keys()):
            return Listing(found.values())
        before = found
    return _in_doubt(known, f"GET {what} shows other exports each time that it is read")


def _read(pages: Iterable[tuple[Iterable[Export], int]]) -> tuple[dict[str, Export], int, list[int]]:
    """Return the exports by id, the number of rows, and the number of exports that each page says."""
    found: dict[str, Export] = {}
    rows, totals = 0, []
    for exports, total in pages:
        for export in exports:
            found.setdefault(export.id, export)
            rows += 1
        totals.append(total)
    return found, rows, totals


def _in_doubt(known: Mapping[str, Export], why: str) -> Listing:
    doubt = f"{why}, so some may be missing: what was requested lately and is not shown is not requested again yet."
    _warn(doubt)
    return Listing(known.values(), doubt)


@lru_cache(maxsize=64)
def _warn(doubt: str) -> None:
    """Log a doubt once for each process, because lists are read every few seconds."""
    logging.getLogger(__name__).warning(doubt)
