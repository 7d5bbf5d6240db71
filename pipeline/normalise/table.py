"""How the rows of a dataset are typed: its columns, and the header versions of its files."""

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
    """How the rows of a dataset are typed.

    Attributes:
        columns: The columns of the table, without those of the provenance.
        header_versions: The headers of the vendor's files, each mapped onto the columns.
        timestamp: The column that decides the month of a row.
        delimiter: The character between cells.
        money: The column with the total cost of a row in US dollars, if there is one.
        natural_key: The columns that identify a row in every export.
        fallback_key: The columns that identify a row whose first column of ``natural_key`` is empty.
        inside_only: Leave out rows of other months: the vendor's window is wider, and other exports hold those rows.
        open_ended: The vendor's window has no end, so most rows of a file may belong to other months.
        sums: Columns that some header versions lack, each with the columns that it is the sum of.
    """

    columns: tuple[Column, ...]
    header_versions: tuple[HeaderVersion, ...]
    timestamp: str
    delimiter: str = ","
    money: str | None = None
    natural_key: tuple[str, ...] = ()
    fallback_key: tuple[str, ...] = ()
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


def declared_table(dataset: Dataset, delimiter: str = ",", *, inside_only: bool = False) -> Table:
    """Return the table of a dataset that declares its fields. Each field is a column; the window column is required.

    Args:
        dataset: The declaration.
        delimiter: The character between cells.
        inside_only: Leave out rows of other months, as in ``Table``.

    Raises:
        PermanentError: A kind is unknown, or the window is not a time.
    """
    kinds = {name: _kind(dataset, name, word) for name, word in dataset.fields.items()}
    if kinds.get(dataset.window) not in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        raise PermanentError(
            f"Export {dataset.name}: its window {dataset.window!r} is not a declared field of kind timestamp or "
            "timestamptz; name the field that decides the month."
        )
    about = "As served; declared in the file of exports."
    columns = tuple(Column(name, kind, about, required=name == dataset.window) for name, kind in kinds.items())
    natural_key = tuple(name for name in ("id",) if name in kinds)
    # a file that was exported before a field was declared does not have it
    version = HeaderVersion({dataset.window: dataset.window}, optional={name: name for name in kinds})
    return Table(columns, (version,), dataset.window, delimiter, natural_key=natural_key, inside_only=inside_only)


def _kind(dataset: Dataset, name: str, word: str) -> Kind:
    """Return the kind of a declared field. Whole seconds are control columns, so they have 32 bits."""
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


def checked_table(table: Table, name: str) -> Table:
    """Return the table; raises ``PermanentError`` where a column cannot have its name."""
    ours = {field.name for field in PROVENANCE}
    names = [column.name.casefold() for column in table.columns]
    wrong = [one for one in names if one in ours or names.count(one) > 1 or '"' in one or not one]
    if wrong:
        raise PermanentError(
            f"Export {name}: a column cannot be called {wrong[0]!r}, because the name is used twice, contains a quote "
            f"or belongs to the pipeline ({', '.join(sorted(ours))}); leave out that field."
        )
    return table
