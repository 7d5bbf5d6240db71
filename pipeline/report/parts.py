"""The parts of a report: sections of sentences, tables and charts. They hold plain text, which the page escapes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.report.published import Row
from pipeline.report.wording import several, text

Spec = Mapping[str, Any]
"""A chart in Vega-Lite's grammar."""


@dataclass(frozen=True)
class Chart:
    """A chart. ``about`` describes it for a reader who cannot see it; a ``wide`` chart fills the page."""

    name: str
    title: str
    about: str
    spec: Spec
    wide: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell. ``bar`` and ``heat``, 0 to 1, draw its figure behind the text; ``tone`` is a class of the style sheet."""

    text: str
    number: bool = False
    bar: float | None = None
    heat: float | None = None
    tone: str = ""
    note: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a table: its field, its head, and how its values are written."""

    name: str
    head: str
    write: Callable[[Any], str] = text
    bar: bool = False
    left: bool = False

    @property
    def number(self) -> bool:
        """Whether its values stand to the right: all but plain text, unless ``left`` is set."""
        return self.write is not text and not self.left


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first cell of each row is its head. A ``folded`` table opens on demand and in print."""

    caption: str
    heads: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    folded: bool = False
    kind: str = ""

    @property
    def size(self) -> str:
        """The number of rows, as text."""
        return several(len(self.rows), "row")


@dataclass(frozen=True)
class Section:
    """One question of the report. ``brief`` are its answers for the top of the page, each under a word."""

    name: str
    title: str
    says: Sequence[str]
    parts: Sequence[Chart | Table] = ()
    brief: Mapping[str, str] = field(default_factory=dict)

    @property
    def charts(self) -> list[Chart]:
        """Its charts, in order."""
        return [part for part in self.parts if isinstance(part, Chart)]

    @property
    def tables(self) -> list[Table]:
        """Its tables, in order."""
        return [part for part in self.parts if isinstance(part, Table)]


def table(caption: str, rows: Iterable[Row], columns: Sequence[Column], *, folded: bool = False) -> Table:
    """Return rows as a table; the longest bar of a column has its largest figure.

    Args:
        caption: What the table shows.
        rows: Rows with the fields of the columns.
        columns: What to show, in order.
        folded: Whether the table opens on demand.
    """
    given = list(rows)
    return _table(caption, given, columns, _largest(given, columns), folded=folded)


def head_and_rest(caption: str, rest: str, rows: Sequence[Row], columns: Sequence[Column], shown: int) -> list[Table]:
    """Return the first rows as one table, and all others as a folded table whose bars have the same scale.

    Args:
        caption: What the first table shows.
        rest: What the folded table shows.
        rows: Rows with the fields of the columns.
        columns: What to show, in order.
        shown: The number of rows of the first table.
    """
    largest = _largest(rows, columns)
    tables = [_table(caption, rows[:shown], columns, largest)] if rows else []
    return [*tables, *([_table(rest, rows[shown:], columns, largest, folded=True)] if rows[shown:] else [])]


def drawn_length(figure: Any, largest: float) -> float:
    """Return how far a figure is drawn, from 0 to 1, where the largest is drawn in full."""
    return float(figure or 0) / (largest or 1)


def _largest(rows: Sequence[Row], columns: Sequence[Column]) -> dict[str, float]:
    barred = [column.name for column in columns if column.bar]
    return {name: max((float(row[name] or 0) for row in rows), default=0.0) for name in barred}


def _table(
    caption: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    largest: Mapping[str, float],
    *,
    folded: bool = False,
) -> Table:
    return Table(
        caption,
        [Cell(column.head, column.number) for column in columns],
        [[_cell(row, column, largest.get(column.name)) for column in columns] for row in rows],
        folded,
    )


def _cell(row: Row, column: Column, largest: float | None) -> Cell:
    value = row[column.name]
    bar = drawn_length(value, largest) if largest else None
    return Cell(column.write(value), column.number, bar, tone=f"dir-{row['direction']}" if "direction" in row else "")
