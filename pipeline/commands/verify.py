"""`cdr verify`: check that the archive still is what landed, and repair its notes."""

import sys

import click

from pipeline import settings as environment
from pipeline.commands.command_line import FAILED, one_sentence
from pipeline.errors import PermanentError, TransientError
from pipeline.landing.survey import Fault
from pipeline.operations.installation import Installation
from pipeline.operations.verify import faults, mend


@click.command()
@click.option("--repair", is_flag=True, help="Write damaged or missing notes again, from the files.")
@one_sentence
def verify(*, repair: bool) -> None:
    """Hash every archived file again; name each that has changed, is missing, or does not belong."""
    place = Installation(environment.load())
    left = [wrong for fault in faults(place) if (wrong := _left(place, fault, repair=repair))]
    if left:
        todo = "Restore damaged and missing files from a backup; run `cdr verify --repair` to write notes again."
        click.echo(f"cdr: {len(left)} wrong. {'; '.join(left)}. {todo}", err=True)
        sys.exit(FAILED)
    click.echo("Every archived file is what landed.")


def _left(place: Installation, fault: Fault, *, repair: bool) -> str:
    """Return what is still wrong after a repair; empty if the repair succeeded."""
    if not (repair and fault.repairable):
        return str(fault)
    try:
        mend(place, fault)
    except (PermanentError, TransientError) as error:
        return str(error).rstrip(".")
    click.echo(f"Repaired {fault}; a new checksum is that of the file as it was found.")
    return ""
