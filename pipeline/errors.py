"""The only distinction that anyone acts on: does repeating help?"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class TransientError(Exception):
    """Something outside was not able to answer just now; the same call may succeed later."""


class BusyError(TransientError):
    """The vendor takes no more for now and has done nothing; asking again is right once it has finished something."""


class PermanentError(Exception):
    """Repeating changes nothing; the message says what to do instead."""


class GoneError(PermanentError):
    """The vendor no longer has what was asked for under this name; something else must be asked for instead."""


class UnreadableError(PermanentError):
    """A file is whole, and of a kind that cannot be read: its bytes are worth keeping."""


@contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Turn a disk's refusal into a ``PermanentError`` that says what could not be written, where, and what to do."""
    try:
        yield
    except OSError as error:
        number = _number(error)
        why = os.strerror(number) if number else " ".join(str(error).split())
        todo = "free some space" if number in _FULL else "make the folder writable"
        raise PermanentError(f"{what} could not be written to {folder} ({why}); {todo} and run it again.") from error


def _number(error: OSError) -> int | None:
    """The operating system's number; a library that wrote the file itself has only the words in its text."""
    return error.errno or next((one for one in errno.errorcode if os.strerror(one) in str(error)), None)


def sentence(error: Exception) -> str:
    """What an error says: its own sentence, or of one that was not foreseen its kind and its first line."""
    if isinstance(error, TransientError | PermanentError):
        return str(error)
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
