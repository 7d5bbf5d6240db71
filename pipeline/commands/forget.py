"""`cdr erase` and `cdr retain`: delete what must not be kept."""

import click

from pipeline import settings as environment
from pipeline.commands.command_line import one_sentence
from pipeline.errors import PermanentError
from pipeline.operations.expire import Expired
from pipeline.operations.wiring import Operations


@click.command()
@click.argument("number")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@one_sentence
def erase(number: str, *, yes: bool) -> None:
    """Overwrite a phone number, and the name beside it, wherever they are kept, and in every later file."""
    if not yes:
        click.confirm(f"Erase the number that ends in {number[-2:]} permanently, also from the archive?", abort=True)
    total, operations = 0, Operations(environment.load())
    for manifest, rows in operations.rebuilder.erase(number):
        total += rows
        click.echo(f"{manifest.month}  {manifest.record_type:<8} {rows:,} records of export {manifest.export_id}")
    click.echo(f"Erased in {total:,} archived records and in all tables; it is erased from later files too.")
    if unread := operations.ledger.unread():
        raise PermanentError(
            f"Archived files of {unread} may hold the number and could not be read, as the settings do not name them; "
            "name them in CDR_RECORD_TYPES or CDR_EXPORTS, and erase the number again."
        )


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--force", is_flag=True, help="Delete even if the clock seems wrong, or if many months are due at once.")
@one_sentence
def retain(*, dry_run: bool, force: bool) -> None:
    """Delete what is older than the settings allow; `cdr ui` does so every day."""
    expirer = Operations(environment.load()).expirer
    found = expirer.due() if dry_run else expirer.expire(force=force)
    for one in found:
        click.echo(describe(one))
    click.echo(f"{len(found)} {'to delete' if dry_run else 'deleted'}.")
    if dry_run and (why := expirer.refusal()):
        click.echo(f"cdr: {why}", err=True)


def describe(one: Expired) -> str:
    """Return a line about an expired month: its files, and its rows of each table."""
    rows = ", ".join(f"{table} {count:,}" for table, count in one.rows.items())
    return f"{one.month}  {'sums ' if one.sums else 'calls'} {one.files} files; rows: {rows or 'none'}"
