"""Open a vendor's file: gzip (also twice), a ZIP whose parts each begin with the header, or plain CSV."""

import errno
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import cast

from isal import igzip
from isal.isal_zlib import IsalError

from pipeline.errors import UnreadableError

SUFFIXES = (".csv.gz", ".zip", ".csv", ".bin")
"""The suffixes of landed files, by container. The last one is for containers that cannot be read."""

DAMAGED = (EOFError, gzip.BadGzipFile, IsalError, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
"""The exceptions of reading an incomplete or damaged file."""

_LAYERS = 2
_CHUNK = 1 << 20
_MOST_CHUNKS = 1 << 20
_ENCRYPTED = 1

_MAGIC = {b"\x1f\x8b": ".csv.gz", b"PK\x03\x04": ".zip", b"PK\x05\x06": ".zip"}
_FOREIGN = {
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh91AY": "bzip2",
    b"7z\xbc\xaf": "7z",
    b"Rar!\x1a": "RAR",
    b"\x1f\x9d": "compress",
    b"PAR1": "Parquet",
    b"%PDF-": "PDF",
    b"\xd0\xcf\x11\xe0": "an older Excel",
}
_LONGEST_MAGIC = 8

_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
_NUMBER = re.compile(r"(\d+)")


def suffix_of(path: Path) -> str:
    """Return the suffix that a file should have, by the first bytes of its content."""
    return _suffix(_head(path))


def parts(path: Path) -> Generator[BufferedIOBase, None, None]:
    """Yield the parts of a file in order, each as a stream of CSV. Each stream is closed before the next one opens.

    Raises:
        UnreadableError: The container cannot be read.
        Exception: One of ``DAMAGED``, where the file is incomplete or damaged.
    """
    match suffix_of(path):
        case ".zip":
            yield from _members(path)
        case ".csv.gz":
            with igzip.open(path, "rb") as stream:
                yield _unpacked(stream, path)
        case ".bin":
            raise _unreadable(path, f"is packed as {_foreign(_head(path))}")
        case _:
            with path.open("rb") as plain:
                yield plain


def _members(path: Path) -> Iterator[BufferedIOBase]:
    try:
        with _damaged_where_it_points_nowhere():
            packed = zipfile.ZipFile(path)
    except NotImplementedError as error:
        raise _unreadable(path, f"is a ZIP of a later kind ({error})") from error
    with packed:
        for member in sorted(filter(_is_part, packed.infolist()), key=_in_order):
            try:
                with _damaged_where_it_points_nowhere():
                    stream = packed.open(member)
            except RuntimeError as error:  # also NotImplementedError
                how = "encrypted" if member.flag_bits & _ENCRYPTED else f"compressed by method {member.compress_type}"
                raise _unreadable(path, f"is a ZIP that is {how}") from error
            with stream:
                yield _unpacked(cast("BufferedIOBase", stream), path)


@contextmanager
def _damaged_where_it_points_nowhere() -> Iterator[None]:
    """Raise ``BadZipFile`` for a ZIP with wrong offsets, which otherwise looks like a failing disk."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile("an offset in it leads nowhere") from error


def _is_part(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a ZIP is a part, and not a file that a desktop leaves beside others."""
    name = PurePosixPath(member.filename)
    litter = name.name in _LITTER or name.name.startswith("._") or "__MACOSX" in name.parts
    return not (member.is_dir() or litter)


def _in_order(member: zipfile.ZipInfo) -> list[tuple[int, str]]:
    """Return the key that sorts ``x-part10`` after ``x-part9``."""
    pieces = _NUMBER.split(member.filename)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def _unpacked(stream: BufferedIOBase, path: Path) -> BufferedIOBase:
    """Return the stream of text in a stream that may itself be gzip."""
    for _ in range(_LAYERS):
        head = stream.peek(_LONGEST_MAGIC)[:_LONGEST_MAGIC]  # type: ignore[attr-defined]
        if _suffix(head) == ".csv":
            return stream
        if _suffix(head) != ".csv.gz":
            break
        stream = igzip.IGzipFile("", "rb", fileobj=stream)
    for _ in range(_MOST_CHUNKS):  # an incomplete file must be reported as damaged, not as unreadable
        if not stream.read(_CHUNK):
            break
    raise _unreadable(path, "holds one packed file in another")


def _unreadable(path: Path, why: str) -> UnreadableError:
    export = path.name.partition(".")[0]
    return UnreadableError(
        f"The file of export {export} {why}, which cannot be read; it is kept as it was served. Ask the vendor for "
        "gzip or a plain ZIP, and request the month again."
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST_MAGIC)


def _suffix(head: bytes) -> str:
    known = (suffix for magic, suffix in _MAGIC.items() if head.startswith(magic))
    return next(known, ".bin" if _foreign(head) else ".csv")


def _foreign(head: bytes) -> str:
    return next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), "")
