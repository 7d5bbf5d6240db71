"""What a vendor's file comes packed in: gzip, a ZIP of parts that each begin with the header, or nothing."""

import gzip
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from isal import igzip
from isal.isal_zlib import IsalError

SUFFIXES = (".csv.gz", ".zip", ".csv")
"""How the names of files end, by what they are packed in."""

DAMAGED = (EOFError, gzip.BadGzipFile, IsalError, zipfile.BadZipFile, zlib.error)
"""What reading a file raises that is not whole."""

_MAGIC = {b"\x1f\x8b": ".csv.gz", b"PK\x03\x04": ".zip", b"PK\x05\x06": ".zip"}
_NUMBER = re.compile(r"(\d+)")


def suffix_of(path: Path) -> str:
    """How the name of the file should end, told by how its content begins."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((suffix for magic, suffix in _MAGIC.items() if head.startswith(magic)), ".csv")


def parts(path: Path) -> Generator[BufferedIOBase, None, None]:
    """The parts of a file as streams of CSV, in order; raises one of ``DAMAGED`` where one is not whole.

    Each is closed when the next one is asked for.
    """
    match suffix_of(path):
        case ".zip":
            yield from _members(path)
        case ".csv.gz":
            with igzip.open(path, "rb") as stream:
                yield stream
        case _:
            with path.open("rb") as plain:
                yield plain


def _members(path: Path) -> Iterator[BufferedIOBase]:
    with zipfile.ZipFile(path) as packed:
        for member in sorted((m for m in packed.infolist() if not m.is_dir()), key=_in_order):
            with packed.open(member) as stream:
                yield cast("BufferedIOBase", stream)


def _in_order(member: zipfile.ZipInfo) -> list[tuple[int, str]]:
    """Sorts ``x-part10`` after ``x-part9``."""
    pieces = _NUMBER.split(member.filename)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]
