"""The two families of error as Dagster understands them."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipeline.errors import PermanentError, TransientError

RETRY = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)
"""For what may pass by itself; a permanent failure is not repeated."""


@contextmanager
def told() -> Iterator[None]:
    """Fail the step with the sentence of the error, repeated by ``RETRY`` only where that can help."""
    try:
        yield
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except TransientError as error:
        raise dg.Failure(str(error)) from None
