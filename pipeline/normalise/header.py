"""The header row chooses the map: which column of the file is which column of the schema."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import PermanentError


class Beginning(Mapping[str, str]):
    """A generation of which not all is known: a file must have the ``known`` columns, and may have ``likely`` ones.

    It lists what must be there, and yet names both. A likely column belongs to a generation that lists it, too.
    """

    def __init__(self, known: Mapping[str, str], likely: Mapping[str, str]) -> None:
        self._known = known
        self._all = {**likely, **known}

    def __getitem__(self, cell: str) -> str:
        return self._all[cell]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(frozen=True)
class Layout:
    """A file's columns in its own order: ``names`` after mapping, ``extras`` those that the schema does not know.

    Among the names an extra is marked, since the vendor may call it like a column of ours. Its records end in so many
    ``surplus`` cells without a name, which are empty.
    """

    names: tuple[str, ...]
    extras: tuple[str, ...]
    surplus: int = 0


def layout(header: str, generations: Sequence[Mapping[str, str]], what: str, delimiter: str = ",") -> Layout:
    """Match a header line with the largest generation that is whole in it, else with the one that it has most of.

    Columns that the generation does not know are kept. Raises ``PermanentError`` where columns of it are missing.
    """
    cells = cells_of(header, delimiter)
    twice = [cell for cell, count in Counter(cells).items() if count > 1]
    if twice:
        raise PermanentError(f"{what} has the column {twice[0]!r} twice; tell the vendor. The file is kept.")
    there = set(cells)
    known = max(generations, key=lambda generation: (generation.keys() <= there, len(generation.keys() & there)))
    missing = [name for name in known if name not in cells]
    if missing:
        raise PermanentError(
            f"{what} has no column {', '.join(map(repr, missing))}, so nothing was loaded; the file is kept, "
            "add its header to the vendor's module in normalise/ and load it again."
        )
    return Layout(
        tuple(known.get(cell, extra_name(cell)) for cell in cells), tuple(cell for cell in cells if cell not in known)
    )


def cells_of(header: str, delimiter: str = ",") -> list[str]:
    """The names in a header line; those at its end that are empty name no column."""
    try:
        cells = next(csv.reader([header.lstrip("\ufeff")], delimiter=delimiter), [])
    except csv.Error:  # no header at all, so no column will be found in it
        return [header]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def extra_name(cell: str) -> str:
    """What a column that no generation knows is called while it is typed."""
    return f"extra {cell}"
