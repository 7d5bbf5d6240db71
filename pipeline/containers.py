"""What a vendor's file comes packed in: gzip, also twice; a ZIP of parts that each begin with the header; or not."""

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
"""How the names of files end, by what they are packed in; the last is for what is not read here."""

DAMAGED = (EOFError, gzip.BadGzipFile, IsalError, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
"""What reading a file raises that is not whole."""

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
    """How the name of the file should end, told by how its content begins."""
    return _suffix(_head(path))


def parts(path: Path) -> Generator[BufferedIOBase, None, None]:
    """The parts of a file as streams of CSV, in order; raises one of ``DAMAGED`` where one is not whole.

    Each is closed when the next one is asked for. Raises ``UnreadableError`` where the file is packed in another way.
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
    """Tell a ZIP whose offsets are wrong from a disk that fails."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile("an offset in it leads nowhere") from error


def _is_part(member: zipfile.ZipInfo) -> bool:
    """Whether a member is the vendor's, and not what a desktop leaves beside files."""
    name = PurePosixPath(member.filename)
    litter = name.name in _LITTER or name.name.startswith("._") or "__MACOSX" in name.parts
    return not (member.is_dir() or litter)


def _in_order(member: zipfile.ZipInfo) -> list[tuple[int, str]]:
    """Sorts ``x-part10`` after ``x-part9``."""
    pieces = _NUMBER.split(member.filename)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def _unpacked(stream: BufferedIOBase, path: Path) -> BufferedIOBase:
    """The stream of text in a stream that may be gzip once more."""
    for _ in range(_LAYERS):
        head = stream.peek(_LONGEST_MAGIC)[:_LONGEST_MAGIC]  # type: ignore[attr-defined]
        if _suffix(head) == ".csv":
            return stream
        if _suffix(head) != ".csv.gz":
            break
        stream = igzip.IGzipFile("", "rb", fileobj=stream)
    for _ in range(_MOST_CHUNKS):  # what is not whole is damaged first of all
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
