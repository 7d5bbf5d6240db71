"""The two families of error as Dagster understands them."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipeline.errors import PermanentError, TransientError

_MAX_RETRIES = 2
_FIRST_PAUSE_SECONDS = 10


@contextmanager
def told(context: dg.OpExecutionContext | dg.AssetExecutionContext | None = None) -> Iterator[None]:
    """Fail the step with the sentence of the error, and repeat it where that can help.

    Dagster's own retry policy would repeat a step that somebody terminated, too, so none is used.

    Args:
        context: Of the step; with None nothing is repeated.
    """
    try:
        yield
    except PermanentError as error:
        raise final(str(error)) from None
    except Exception as error:  # noqa: BLE001 - what was not foreseen may pass, too
        if context is None:
            raise _failure(error) from None
        raise dg.RetryRequested(_MAX_RETRIES, _FIRST_PAUSE_SECONDS * 2**context.retry_number) from _failure(error)


def final(sentence: str) -> dg.Failure:
    """A failure that is not repeated."""
    return dg.Failure(sentence, allow_retries=False)


def _failure(error: Exception) -> Exception:
    """What Dagster shows of an error: the sentence of a foreseen one, and all of another."""
    return dg.Failure(str(error)) if isinstance(error, TransientError) else error
