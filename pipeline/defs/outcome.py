"""Turn errors into Dagster's failures and retries."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipeline.errors import PermanentError, TransientError

_MAX_RETRIES = 2
_FIRST_PAUSE_SECONDS = 10


@contextmanager
def told(context: dg.OpExecutionContext | dg.AssetExecutionContext | None = None) -> Iterator[None]:
    """Fail the step with the sentence of the error, and repeat the step if that can help.

    Dagster's own retry policy is not used: it would also repeat a step that a user terminated.

    Args:
        context: The context of the step; with None nothing is repeated.
    """
    try:
        yield
    except PermanentError as error:
        raise final(str(error)) from None
    except Exception as error:  # noqa: BLE001 - an unexpected error may pass, too
        if context is None:
            raise _failure(error) from None
        raise dg.RetryRequested(_MAX_RETRIES, _FIRST_PAUSE_SECONDS * 2**context.retry_number) from _failure(error)


def final(sentence: str) -> dg.Failure:
    """Return a failure that is not repeated."""
    return dg.Failure(sentence, allow_retries=False)


def _failure(error: Exception) -> Exception:
    """Return what Dagster shows of an error: the sentence of an expected one, the traceback of any other."""
    return dg.Failure(str(error)) if isinstance(error, TransientError) else error
