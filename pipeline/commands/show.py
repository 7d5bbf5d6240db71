"""Show progress, answers and coverage in a terminal."""

from bisect import bisect
from collections.abc import Callable, Iterable
from itertools import accumulate

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.operations.state import Partition
from pipeline.warehouse.coverage import at_risk
from pipeline.warehouse.reading import Answer
from pipeline.warehouse.records import Coverage

_GAP = 3


def progress(console: Console) -> Callable[[Partition, str], None]:
    """Return a function that prints the progress of a partition whenever it changes."""
    heard: dict[Partition, str] = {}

    def say(partition: Partition, said: str) -> None:
        if heard.get(partition) != said:
            heard[partition] = said
            console.print(f"{partition.month}  {partition.dataset:<8} {said}", highlight=False)

    return say


def table(answer: Answer, title: str = "") -> Table:
    """Return rows as a table, with numbers to the right."""
    shown = Table(title=title, title_justify="left", box=None, padding=(0, _GAP, 0, 0))
    for place, name in enumerate(answer.names):
        is_text = all(row[place] is None or isinstance(row[place], str) for row in answer.rows)
        shown.add_column(Text(_cell(name)), justify="left" if is_text else "right", no_wrap=True)
    for row in answer.rows:
        shown.add_row(*(Text(_cell(value)) for value in row))  # not markup: a caller may be called [b]
    return shown


def fitting(answer: Answer, rows: int, width: int) -> Answer:
    """Return the part of an answer that fits a terminal; at least one column.

    Args:
        answer: The answer.
        rows: The most rows.
        width: The width of the terminal, in characters.
    """
    shown = answer.rows[:rows]
    widest = (
        max(cell_len(_cell(value)) for value in (name, *(row[place] for row in shown)))
        for place, name in enumerate(answer.names)
    )
    count = max(1, bisect(list(accumulate(wide + _GAP for wide in widest)), width))
    return Answer(answer.names[:count], [row[:count] for row in shown])


def coverage_table(rows: Iterable[Coverage]) -> Table:
    """Return a table of what is kept of each month, and how long the vendor still has it."""
    names = ["type", "month", "state", "rows", "rejected", "minutes", "cost USD", "days left", "at risk"]
    cells: list[tuple[object, ...]] = [
        (
            row.record_type,
            row.month,
            row.state,
            row.rows,
            row.rejected_rows,
            None if row.duration_seconds is None else round(row.duration_seconds / 60),
            None if row.cost_usd is None else round(row.cost_usd, 2),
            row.days_left,
            at_risk(row) or "",
        )
        for row in rows
    ]
    return table(Answer(names, cells), "Coverage")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)  # a caller's name may hold control characters, which a terminal obeys
    return (
        text
        if text.isprintable()
        else "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    )
