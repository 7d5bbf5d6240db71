"""For people in a terminal: progress, answers and coverage."""

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from pipeline.months import Month
from pipeline.warehouse.coverage import Coverage
from pipeline.warehouse.reading import Answer


def progress(console: Console) -> Callable[[tuple[str, Month], str], None]:
    """A function that tells how far a record type's month is, whenever that is news."""
    heard: dict[tuple[str, Month], str] = {}

    def say(place: tuple[str, Month], said: str) -> None:
        if heard.get(place) != said:
            heard[place] = said
            console.print(f"{place[1]}  {place[0]:<8} {said}", highlight=False)

    return say


def table(answer: Answer, title: str = "") -> Table:
    """Rows as a table; numbers stand to the right."""
    shown = Table(title=title, title_justify="left", box=None, padding=(0, 3, 0, 0))
    for place, name in enumerate(answer.names):
        is_text = all(row[place] is None or isinstance(row[place], str) for row in answer.rows)
        shown.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    for row in answer.rows:
        shown.add_row(*map(_cell, row))
    return shown


def coverage_table(rows: Iterable[Coverage]) -> Table:
    """What is kept of each month, and how long the vendor still has it."""
    names = ["type", "month", "state", "rows", "rejected", "minutes", "cost USD", "days left"]
    cells: list[tuple[object, ...]] = [
        (
            row.record_type,
            row.month,
            row.state,
            row.rows,
            row.rejected_rows,
            None if row.duration_seconds is None else row.duration_seconds // 60,
            None if row.cost_usd is None else round(row.cost_usd, 2),
            row.days_left,
        )
        for row in rows
    ]
    return table(Answer(names, cells), "Coverage")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
