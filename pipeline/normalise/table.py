"""How the rows of a dataset are typed: its columns, and the headers that became them in each generation of files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.normalise.header import HeaderVersion
from pipeline.normalise.schema import PROVENANCE, Column, Kind, control_columns, schema_of

_RENAMED = {"instant": "timestamp", "zoned_instant": "timestamptz"}
"""The kinds that had another name in earlier files of exports."""


@dataclass(frozen=True)
class Table:
    """How the rows of a dataset are typed, whatever file they come in.

    Each of the ``generations`` maps the headers that files had at one time onto the columns. ``timestamp`` is the column
    that decides a row's month, ``money`` the one that says what it cost in all, in US dollars. A row is known again in
    a later export by ``identity``, or where the first of that is empty by ``otherwise``. With ``inside_only`` rows
    outside the month are left out, because the vendor's window is wider and another month's export holds them; where it
    is ``open_ended`` these can be most of a file. ``sums`` are columns that some generations of files do not have, and
    what they add up.
    """

    columns: tuple[Column, ...]
    header_versions: tuple[HeaderVersion, ...]
    timestamp: str
    delimiter: str = ","
    money: str | None = None
    identity: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    inside_only: bool = False
    open_ended: bool = False
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        """The schema of the table in the lake."""
        return schema_of(self.columns)

    @property
    def control(self) -> tuple[str, ...]:
        """The columns whose sums are control totals."""
        return control_columns(self.columns)


def declared(dataset: Dataset, delimiter: str = ",", *, inside_only: bool = False) -> Table:
    """The table of a dataset that declares its fields: each a column of its own name, the window never empty."""
    kinds = {name: _kind(dataset, name, word) for name, word in dataset.fields.items()}
    if kinds.get(dataset.window) not in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        raise PermanentError(
            f"Export {dataset.name}: its window {dataset.window!r} is not a declared field of kind timestamp or "
            "timestamptz; name the field that decides the month."
        )
    about = "As served; declared in the file of exports."
    columns = tuple(Column(name, kind, about, required=name == dataset.window) for name, kind in kinds.items())
    identity = tuple(name for name in ("id",) if name in kinds)
    # a file that was exported before a field was declared does not have it
    version = HeaderVersion({dataset.window: dataset.window}, optional={name: name for name in kinds})
    return Table(columns, (version,), dataset.window, delimiter, identity=identity, inside_only=inside_only)


def _kind(dataset: Dataset, name: str, word: str) -> Kind:
    """Return the kind that a field is declared as; whole seconds have 32 bits, so that their sum fits."""
    if word in _RENAMED:
        raise PermanentError(
            f"Export {dataset.name}: the kind {word!r} of field {name!r} is now called {_RENAMED[word]!r}; write that "
            "in the file of exports."
        )
    try:
        kind = Kind(word)
    except ValueError as error:
        known = ", ".join(kind.value for kind in Kind)
        raise PermanentError(
            f"Export {dataset.name}: field {name!r} cannot be of kind {word!r}; write one of {known}."
        ) from error
    return Kind.INT32 if kind is Kind.INTEGER and name.endswith("_seconds") else kind


def sound(table: Table, name: str) -> Table:
    """The table; raises ``PermanentError`` where a column cannot have its name."""
    ours = {field.name for field in PROVENANCE}
    names = [column.name.casefold() for column in table.columns]
    wrong = [one for one in names if one in ours or names.count(one) > 1 or '"' in one or not one]
    if wrong:
        raise PermanentError(
            f"Export {name}: a column cannot be called {wrong[0]!r}, because another one is, {', '.join(sorted(ours))} "
            "are our own, or it has a quote in it; leave out that field."
        )
    return table
