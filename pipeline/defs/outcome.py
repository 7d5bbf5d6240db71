"""The two families of error as Dagster understands them."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipeline.defs.history import PROCESS_TAG
from pipeline.errors import PermanentError, TransientError

_MAX_RETRIES = 2
_FIRST_PAUSE_SECONDS = 10
_FINAL = "final"
"""The metadata of a failure that no repetition changes."""


@contextmanager
def told(context: dg.OpExecutionContext | dg.AssetExecutionContext | None = None) -> Iterator[None]:
    """Fail the step with the sentence of the error, and repeat it where that can help.

    Dagster's own retry policy would repeat a step that somebody terminated, too, so none is used.

    Args:
        context: Of the step; None, or that of a run of a command, which has its own turns, repeats nothing.
    """
    try:
        yield
    except PermanentError as error:
        raise final(str(error)) from None
    except Exception as error:  # noqa: BLE001 - what was not foreseen may pass, too
        if context is None or PROCESS_TAG in context.run.tags:
            raise _failure(error) from None
        raise dg.RetryRequested(_MAX_RETRIES, _FIRST_PAUSE_SECONDS * 2**context.retry_number) from _failure(error)


def final(sentence: str) -> dg.Failure:
    """A failure that is not repeated."""
    return dg.Failure(sentence, metadata={_FINAL: True}, allow_retries=False)


def may_pass(event: dg.DagsterEvent) -> bool:
    """Whether the failure of a step may pass by itself."""
    said = event.step_failure_data.user_failure_data
    return not (said and _FINAL in said.metadata)


def _failure(error: Exception) -> Exception:
    """What Dagster shows of an error: the sentence of a foreseen one, and all of another."""
    return dg.Failure(str(error)) if isinstance(error, TransientError) else error
