"""What every command has in common: months as arguments, errors as sentences, a clean end."""

import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from pipeline.errors import PermanentError, TransientError
from pipeline.months import Month

FAILED = 1
"""The exit code when something failed; bad arguments end with click's own 2."""


class MonthText(click.ParamType[Month]):
    """A month, written ``2026-10`` or as one of its days."""

    name = "YYYY-MM[-DD]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        """Read it, or end with exit code 2."""
        try:
            return Month.parse(value)
        except PermanentError as error:
            self.fail(str(error), param, ctx)


def one_sentence(command: Callable[..., None]) -> Callable[..., None]:
    """End with the error's sentence and exit code 1 instead of a traceback."""

    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (PermanentError, TransientError) as error:
            click.echo(f"cdr: {error}", err=True)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            click.echo("cdr: ended.", err=True)
            sys.exit(FAILED)
        except (click.ClickException, BrokenPipeError):  # click ends in silence when a pipe's reader has left
            raise
        except Exception as error:  # the last stop before the user, who is owed a sentence
            if click.get_current_context().find_root().params["traceback"]:
                raise
            first = str(error).strip().split("\n", 1)[0]
            click.echo(f"cdr: {type(error).__name__}: {first}; `cdr --traceback …` shows where.", err=True)
            sys.exit(FAILED)

    return told


def end_on_signals() -> None:
    """End as on Ctrl-C at SIGTERM too, and when a shell that started us in the background ignores SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
