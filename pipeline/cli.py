"""`cdr`: thin commands over the operations that assets call. Exit 0: all done; 1: a failure; 2: bad arguments."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from pipeline import settings as environment
from pipeline.commands.command_line import FAILED, MonthText, end_on_signals, one_sentence
from pipeline.commands.forget import erase, retain
from pipeline.commands.listen import listen
from pipeline.commands.query import sql
from pipeline.commands.show import coverage_table, progress
from pipeline.commands.verify import verify
from pipeline.months import Month, month_range
from pipeline.operations.explain import explanations
from pipeline.operations.state import Partition
from pipeline.operations.wiring import Operations

console = Console(width=None if sys.stdout.isatty() else 120)

_PORT = click.IntRange(1, 65535)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--traceback", is_flag=True, help="Show the traceback of an unexpected error.")
def main(*, traceback: bool) -> None:
    """Keep every call record that the vendor will forget, and query them."""


@main.command()
@click.option("--from", "first", type=MonthText(), required=True, help="First month, 2026-09 or any of its days.")
@click.option("--to", "last", type=MonthText(), required=True, help="Last month, included.")
@click.option(
    "--type", "record_type", help="One dataset only: a record type such as cdr_in, or another export's table."
)
@click.option("--again", is_flag=True, help="Request new exports, also of months that are loaded.")
@click.option("--force", is_flag=True, help="The same, and load also what a guard refused.")
@one_sentence
def backfill(first: Month, last: Month, record_type: str | None, *, again: bool, force: bool) -> None:
    """Request and load a range of months, without UI or daemon; months that are loaded stay as they are."""
    if last < first:
        raise click.UsageError(f"--to {last} is before --from {first}; swap them.")
    from pipeline.defs.backfill import bring_in

    end_on_signals()
    operations = Operations(environment.load())
    if record_type and record_type not in operations.place.datasets:
        kept = ", ".join(operations.place.datasets)
        raise click.UsageError(
            f"{record_type} is not kept; choose one of {kept}, or add it to CDR_RECORD_TYPES or CDR_EXPORTS."
        )
    types = (record_type,) if record_type else tuple(operations.place.datasets)
    partitions = [Partition(name, month) for month in month_range(first, last) for name in types]
    failed = bring_in(operations, partitions, progress(console), force_new=again, force=force)
    if failed:
        click.echo(f"cdr: {len(failed)} failed. {_reasons(failed)}", err=True)
        sys.exit(FAILED)


def _reasons(failed: Mapping[Partition, str]) -> str:
    """Return each sentence once, after the months that it is about."""
    about: dict[str, list[str]] = {}
    for partition, why in failed.items():
        about.setdefault(why, []).append(str(partition))
    return " ".join(f"{', '.join(places)}: {why}" for why, places in about.items())


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object per record type and month.")
@click.option("--why", type=MonthText(), help="Explain why this month is in its state, and what happens to it next.")
@one_sentence
def status(*, as_json: bool, why: Month | None) -> None:
    """Show what is kept of each month, and how long the vendor still has it."""
    operations = Operations(environment.load())
    if why:
        for line in explanations(operations, why):
            click.echo(line)
        return
    rows = operations.ledger.coverage()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], default=str, indent=1))
        return
    console.print(coverage_table(rows))


@main.command()
@click.option("--as-of", type=click.DateTime(), help="Show what was known then (UTC), such as 2026-11-03; needs --to.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@one_sentence
def publish(as_of: datetime | None, to: Path | None) -> None:
    """Write warehouse.duckdb again, for example after the data directory was moved."""
    operations = Operations(environment.load())
    if (as_of is None) != (to is None):
        raise click.UsageError("--as-of and --to go together.")
    if as_of and to:
        Operations(operations.settings, as_of=as_of.replace(tzinfo=UTC)).publisher.publish(to.absolute())
    else:
        operations.rebuilder.refresh()
    console.print(f"Published {to or operations.place.warehouse}", highlight=False)


@main.command()
@click.option("--month", type=MonthText(), help="One month only, such as 2026-09; else every published month.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="The .html file to write.")
@one_sentence
def report(month: Month | None, to: Path | None) -> None:
    """Write the months' reports: HTML files that open anywhere, without a network."""
    if to and (month is None or to.suffix != ".html"):
        raise click.UsageError("--to needs --month, and a file name that ends in .html.")
    operations = Operations(environment.load())
    for one in [month] if month else operations.publisher.reportable():
        file = to.absolute() if to else operations.place.report_file(one)
        operations.publisher.report(one, file, again=True)
        console.print(f"Wrote {file}", highlight=False, soft_wrap=True)


main.add_command(sql)
main.add_command(erase)
main.add_command(retain)
main.add_command(verify)
main.add_command(listen)


@main.command()
@click.option("--force", is_flag=True, help="Load also what a guard refuses, for months that the lake does not hold.")
@one_sentence
def rebuild(*, force: bool) -> None:
    """Build the lake and the warehouse again from the archive alone."""
    operations = Operations(environment.load())
    if unread := operations.ledger.unread():
        click.echo(
            f"cdr: landed files of {unread} were left out; CDR_RECORD_TYPES and CDR_EXPORTS no longer name it.",
            err=True,
        )
    for manifest in operations.rebuilder.rebuild(force=force):
        console.print(
            f"{manifest.month}  {manifest.record_type:<8} loaded from export {manifest.export_id}", highlight=False
        )
    console.print(f"Published {operations.place.warehouse}")


@main.command()
@one_sentence
def doctor() -> None:
    """Check key, served version, clock, disk, and which months are at risk; requests no export."""
    from pipeline.commands.doctor import Level, examine

    findings = examine(Operations(environment.load()))
    colours = {Level.OK: "green", Level.WARNING: "yellow", Level.WRONG: "red"}
    for finding in findings:
        console.print(Text.assemble((f"{finding.level.value:<8}", colours[finding.level]), finding.says))
    if any(finding.level is Level.WRONG for finding in findings):
        sys.exit(FAILED)


@main.command()
@click.option("--port", type=_PORT, default=3000, show_default=True, help="Port of the UI, on 127.0.0.1.")
@click.option(
    "--check", is_flag=True, help="Start nothing; exit with 0 if a UI and its daemons are alive, else with 1."
)
@one_sentence
def ui(port: int, *, check: bool) -> None:
    """Start Dagster's UI and daemon; Ctrl-C ends both. The exit code is 1 if one of them ends by itself."""
    from pipeline.commands.ui import Dagster, check_alive

    if check:
        check_alive(port)
        console.print(f"The UI on port {port} and its daemons are alive.", highlight=False)
        return
    end_on_signals()
    with Dagster(environment.load(), port) as dagster:
        dagster.wait_until_it_answers()
        console.print(f"Dagster's UI is at {dagster.url} (Ctrl-C ends it)")
        dagster.wait()


@main.command()
@click.option("--port", type=_PORT, default=3000, show_default=True, help="Port of the UI, on 127.0.0.1.")
@click.option("--no-ui", is_flag=True, help="End after the tables are printed.")
@one_sentence
def demo(port: int, *, no_ui: bool) -> None:
    """Run everything against a local vendor; no account is needed."""
    from pipeline.commands.demo import run_demo

    end_on_signals()
    run_demo(environment.load(), port, console, stay=not no_ui)
