"""`cdr sql`: query the published warehouse, in a terminal, through a pipe, or into a file."""

import sys
from pathlib import Path

import click
from rich.console import Console

from pipeline import settings as environment
from pipeline.commands.command_line import one_sentence
from pipeline.commands.show import fitting, table
from pipeline.operations.wiring import Operations
from pipeline.warehouse.extract import SUFFIXES, TEXT, write
from pipeline.warehouse.reading import ask, streamed

SHOWN_ROWS = 200
"""The most rows of a table in a terminal; ``--to`` writes all of them to a file."""


@click.command()
@click.argument("query")
@click.option("--csv", "suffix", flag_value=".csv", help="As CSV, every row.")
@click.option("--json", "suffix", flag_value=".jsonl", help="As JSON, one object a line, every row; decimals are text.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="Into a .csv, .jsonl or .parquet file.")
@one_sentence
def sql(query: str, suffix: str | None, to: Path | None) -> None:
    """Run one SELECT on the published warehouse; `-` reads it from standard input."""
    operations = Operations(environment.load())
    if query == "-":
        query = click.open_file("-", encoding="utf-8").read()
    if to:
        _check(to, suffix, operations.settings.cdr_data_dir)
        write(operations.place.warehouse, query, to)
    elif suffix:
        with streamed(operations.place.warehouse, query) as found, click.open_file("-", "w", encoding="utf-8") as out:
            TEXT[suffix](found, out)
            out.flush()  # here, where a reader of the pipe that has left is not an error
    else:
        _show(operations.place.warehouse, query)


def _check(to: Path, suffix: str | None, data: Path) -> None:
    if suffix:
        raise click.UsageError("The file name of --to gives the format; leave out --csv and --json.")
    if to.suffix not in SUFFIXES:
        raise click.BadParameter(f"{to.name} must end in one of {', '.join(SUFFIXES)}.", param_hint="--to")
    if to.resolve().is_relative_to(data.resolve()):
        raise click.BadParameter(f"{to} is in the data directory; choose a file in another folder.", param_hint="--to")


def _show(warehouse: Path, query: str) -> None:
    """Print the first rows, with as many columns as fit the terminal, and a note about what is left out."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    answer = ask(warehouse, query, limit=SHOWN_ROWS + 1)
    shown = fitting(answer, SHOWN_ROWS, console.width)
    console.print(table(shown))
    left = [f"the first {SHOWN_ROWS} rows"] if len(shown.rows) < len(answer.rows) else []
    if len(shown.names) < len(answer.names):
        left.append(f"{len(shown.names)} of {len(answer.names)} columns")
    if left:
        click.echo(f"cdr: shown are {' and '.join(left)}; --csv, --json and --to FILE give everything.", err=True)
