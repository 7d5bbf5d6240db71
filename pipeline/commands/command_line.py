"""Parts of every command: months as arguments, errors as sentences, a clean end."""

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
        """Return the month of the text, or end with exit code 2.

        Args:
            value: The text.
            param: The parameter, for the message.
            ctx: The context, for the message.
        """
        try:
            return Month.parse(value)
        except PermanentError as error:
            self.fail(str(error), param, ctx)


def one_sentence(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with its errors printed as one sentence and exit code 1, without a traceback."""

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
        except (click.ClickException, BrokenPipeError):  # click ends without a message after a pipe's reader has left
            raise
        except Exception as error:  # an unexpected error still shows the user one sentence
            if click.get_current_context().find_root().params["traceback"]:
                raise
            first = str(error).strip().split("\n", 1)[0]
            click.echo(f"cdr: {type(error).__name__}: {first}; `cdr --traceback …` shows where.", err=True)
            sys.exit(FAILED)

    return told


def end_on_signals() -> None:
    """Make SIGTERM end the process as Ctrl-C does, and SIGINT also if the shell ignores it for background jobs."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
