"""Match the header row of a file with the columns of the schema."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.errors import PermanentError


@dataclass(frozen=True)
class HeaderVersion:
    """The header of one version of a vendor's files: each cell of it, and the column of the schema that it becomes.

    A file of this version has every ``required`` cell. It may have the ``optional`` cells. An optional cell is a guess
    where only a part of the header is published: the columns that a similar version has.
    """

    required: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> Mapping[str, str]:
        """The column of each cell, required and optional."""
        return {**self.optional, **self.required}


@dataclass(frozen=True)
class Layout:
    """The columns of one file, in the file's order.

    ``names`` are the names of the cells after mapping. ``extras`` are the headers that the schema does not know; in
    ``names`` each has a prefix, because the vendor may use the name of a column of ours. ``surplus`` is the number of
    empty cells without a header at the end of each record.
    """

    names: tuple[str, ...]
    extras: tuple[str, ...]
    surplus: int = 0


def layout(header: str, versions: Sequence[HeaderVersion], what: str, delimiter: str = ",") -> Layout:
    """Return the layout of a file by its header line.

    The layout follows the version whose required cells are all present. Where several versions are complete, or none
    is, it follows the one with most cells present, optional ones included. Columns that this version does not know
    become extras.

    Args:
        header: The first line of the file, with or without a byte order mark.
        versions: The header versions of the table; of two that match equally the first is taken.
        what: The name of the file in error messages, such as ``Export 6e1f (cdr_in 2026-10)``.
        delimiter: One character.

    Raises:
        PermanentError: A column appears twice, or a required column is missing.
    """
    cells = cells_of(header, delimiter)
    repeated = [cell for cell, count in Counter(cells).items() if count > 1]
    if repeated:
        raise PermanentError(
            f"{what} has the column {repeated[0]!r} twice, so nothing was loaded; the file is kept, tell the vendor."
        )
    present = set(cells)
    best = max(versions, key=lambda one: (one.required.keys() <= present, len(one.columns.keys() & present)))
    missing = [cell for cell in best.required if cell not in present]
    if missing:
        raise PermanentError(
            f"{what} has no column {', '.join(map(repr, missing))}, so nothing was loaded; the file is kept, "
            "add its header to the vendor's module in normalise/ and load it again."
        )
    columns = best.columns
    return Layout(
        tuple(columns.get(cell, extra_name(cell)) for cell in cells),
        tuple(cell for cell in cells if cell not in columns),
    )


def cells_of(header: str, delimiter: str = ",") -> list[str]:
    """Return the names in a header line, without the empty ones at its end."""
    try:
        cells = next(csv.reader([header.lstrip("\ufeff")], delimiter=delimiter), [])
    except csv.Error:  # not CSV: no column will be found in it
        return [header]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def extra_name(cell: str) -> str:
    """Return the name in ``Layout.names`` of a column that no header version knows."""
    return f"extra {cell}"
