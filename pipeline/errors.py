"""Two families of errors: a ``TransientError`` may be retried, a ``PermanentError`` needs a person."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class TransientError(Exception):
    """A service or file was not ready. The same call may succeed later."""


class BusyError(TransientError):
    """The vendor accepts no more requests now, and did nothing. Retry after one of its exports has finished."""


class PermanentError(Exception):
    """Retrying does not help. The message says what to do."""


class GoneError(PermanentError):
    """The vendor no longer has this export. Another one must be requested."""


class UnreadableError(PermanentError):
    """A file is complete, but its kind cannot be read. The file is kept."""


@contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Turn an ``OSError`` into a ``PermanentError`` that names the file, the folder, and what to do."""
    try:
        yield
    except OSError as error:
        number = _number(error)
        why = os.strerror(number) if number else " ".join(str(error).split())
        todo = "free some space" if number in _FULL else "make the folder writable"
        raise PermanentError(f"{what} could not be written to {folder} ({why}); {todo} and run it again.") from error


def _number(error: OSError) -> int | None:
    """Return the number of an ``OSError``. Some libraries give only the text, so the number is looked up by it."""
    return error.errno or next((one for one in errno.errorcode if os.strerror(one) in str(error)), None)


def sentence(error: Exception) -> str:
    """Return the sentence of an error; of an unexpected error its type and its first line."""
    if isinstance(error, TransientError | PermanentError):
        return str(error)
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
