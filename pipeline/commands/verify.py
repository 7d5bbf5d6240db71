"""`cdr verify`: whether the archive is what landed."""

import sys

import click

from pipeline import settings as environment
from pipeline.commands.command_line import FAILED, one_sentence
from pipeline.errors import PermanentError, TransientError
from pipeline.landing.survey import Fault
from pipeline.operations.installation import Installation
from pipeline.operations.verify import faults, mend


@click.command()
@click.option("--repair", is_flag=True, help="Write notes that are torn or missing again, from the files.")
@one_sentence
def verify(*, repair: bool) -> None:
    """Hash every archived file again; name any that is not what landed, is missing, or does not belong."""
    place = Installation(environment.load())
    left = [wrong for fault in faults(place) if (wrong := _left(place, fault, repair=repair))]
    if left:
        todo = "Restore from a backup what is damaged or gone; `cdr verify --repair` writes notes again."
        click.echo(f"cdr: {len(left)} wrong. {'; '.join(left)}. {todo}", err=True)
        sys.exit(FAILED)
    click.echo("Every archived file is what landed.")


def _left(place: Installation, fault: Fault, *, repair: bool) -> str:
    """What is still wrong after what can be done about it."""
    if not (repair and fault.repairable):
        return str(fault)
    try:
        mend(place, fault)
    except (PermanentError, TransientError) as error:
        return str(error).rstrip(".")
    click.echo(f"Mended {fault}; a new checksum is of what was found.")
    return ""
