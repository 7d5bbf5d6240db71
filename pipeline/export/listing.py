"""A vendor's list is every page of it, or no list at all."""

from collections.abc import Callable, Iterable

from pipeline.errors import TransientError
from pipeline.export.protocol import Export

_MAX_READINGS = 3

Pages = Callable[[], Iterable[tuple[Iterable[Export], int]]]
"""Reads the list anew: of each page its exports, and how many exports the whole list has, as the page says."""


def whole(pages: Pages, what: str) -> list[Export]:
    """Every export once, as it was first seen; read again where exports came or went meanwhile and shifted the pages.

    If there are fewer than any page counted, one slipped past us. ``what`` is listed, as the error says.
    """
    found: dict[str, Export] = {}
    most = 0
    for _ in range(_MAX_READINGS):
        found, most = {}, 0
        for exports, total in pages():
            for export in exports:
                found.setdefault(export.id, export)
            most = max(most, total)
        if len(found) >= most:
            return list(found.values())
    raise TransientError(f"GET {what} listed {len(found)} of {most} exports; try again later.")
