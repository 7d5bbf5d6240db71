"""Erase numbers from a landed file: their cells, and the name beside them, are overwritten; every other byte stays.

No record is removed, so money and totals stay those of the vendor. The file gets a new checksum, and its manifest
says so. A load erases the numbers from its file before reading it, so no table shows them again.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.manifests import Manifest
from pipeline.landing.rewriting import rewrite
from pipeline.normalise.blocks import Block, header_line, read_blocks, split_records
from pipeline.normalise.header import cells_of
from pipeline.normalise.parse import parse
from pipeline.normalise.schema import RECORD_TYPES
from pipeline.normalise.table import Table
from pipeline.privacy.erasures import Erasures, Find
from pipeline.privacy.personal import NAME, NUMBERS

ERASED = b"erased"
"""The text that replaces a number or a name."""

_HARMLESS = {column.name for columns in RECORD_TYPES.values() for column in columns} - NUMBERS - {NAME}
"""Columns that are known to hold no number; an unknown column may hold one."""

_LETTER = re.compile(rb"[A-Za-z\x80-\xff]")
_RUN = re.compile(rb'[^"\r\n]+')


class Eraser:
    """Keeps the archive free of the numbers of the log."""

    def __init__(
        self, archive: Archive, tables: Mapping[str, Table], erasures: Erasures, clock: Callable[[], datetime]
    ) -> None:
        self._archive = archive
        self._tables = tables
        self._erasures = erasures
        self._clock = clock

    def cleanse(self, manifest: Manifest) -> Manifest:
        """Overwrite the numbers of the log in a landed file and its companions; return the manifest after that.

        The caller holds the month's lock. Raises ``PermanentError`` for a damaged file.
        """
        find = self._erasures.finder()
        if find is None:
            return manifest
        for companion in ("", *manifest.companions):
            manifest = self._cleanse(manifest, companion, find)
        return manifest

    def _cleanse(self, manifest: Manifest, companion: str, find: Find) -> Manifest:
        file = self._archive.file_of(manifest, companion)
        if not file.exists():
            raise PermanentError(f"{file.name} is missing, so nothing was erased from it; restore it from a backup.")
        table = self._tables[manifest.record_type]
        found = sum((hits for _, hits in _rewritten(file, table, find)), Counter[str]())
        if not found:
            return manifest
        text = (data for data, _ in _rewritten(file, table, find))
        return rewrite(self._archive, manifest, text, found, self._clock(), companion)


@dataclass(frozen=True)
class _Columns:
    """The columns of a file by index: the count, those that may hold a number, those of the caller, and the name."""

    delimiter: str
    count: int
    numbers: frozenset[int]
    caller: frozenset[int]
    name: frozenset[int]


def _rewritten(file: Path, table: Table, find: Find) -> Iterator[tuple[bytes, Counter[str]]]:
    """Yield the rewritten text of the file in pieces, each with the count of records in which a number was."""
    header = header_line(file)
    yield header, Counter()
    columns = _columns(header, table)
    blocks = read_blocks(file, delimiter=table.delimiter)
    next(blocks, None)
    for block in blocks:
        yield _erased(block, columns, find)


def _columns(header: bytes, table: Table) -> _Columns:
    """Return the columns that the header names; the schema need not know the header."""
    known = dict(chain.from_iterable(version.required.items() for version in table.header_versions))
    text = header.decode("utf-8-sig", "replace").rstrip("\r\n")
    names = [known.get(cell, "") for cell in cells_of(text, table.delimiter)]

    def places(wanted: Collection[str]) -> frozenset[int]:
        return frozenset(place for place, name in enumerate(names) if name in wanted)

    numbers = places({*names} - _HARMLESS)
    return _Columns(table.delimiter, len(names), numbers, places({NAME, "source_number"}), places({NAME}))


def _erased(block: Block, columns: _Columns, find: Find) -> tuple[bytes, Counter[str]]:
    """Return the rewritten block, and the count of its records with each number; most blocks stay unchanged."""
    data = bytes(block.data)
    if not (suspects := _suspects(block, columns, find)):
        return data, Counter()
    return _without(data, [record for _, record in split_records(block)], suspects, columns, find)


def _without(
    data: bytes, records: Iterable[bytes], suspects: Mapping[int, bool], columns: _Columns, find: Find
) -> tuple[bytes, Counter[str]]:
    pieces, hits, end = list[bytes](), Counter[str](), 0
    for place, record in enumerate(records):
        begin = data.index(record, end)  # blank lines between records are kept, and are not records
        written, fingerprints = record, set[str]()
        if place in suspects:
            written, fingerprints = (_erased_record if suspects[place] else _erased_pieces)(record, columns, find)
        pieces += [data[end:begin], written]
        hits.update(fingerprints)
        end = begin + len(record)
    return b"".join([*pieces, data[end:]]), hits


def _suspects(block: Block, columns: _Columns, find: Find) -> dict[int, bool]:
    """Return the indexes of the records to rewrite: True for a well-formed record, False for a malformed one."""
    parsed = parse(block, tuple(map(str, range(columns.count))))
    broken = {reject.position for reject in parsed.rejects} | {int(parsed.positions[row]) for row in parsed.broken}
    hits = set[int]()
    for number in columns.numbers:
        cells = parsed.text[str(number)]
        if found := find(text for text in cells.unique().to_pylist() if text):
            hit = pc.is_in(cells, pa.array(found, pa.string())).to_numpy()
            hits.update(map(int, parsed.positions[hit]))
    return {place: place not in broken for place in hits | broken}


def _erased_record(record: bytes, columns: _Columns, find: Find) -> tuple[bytes, set[str]]:
    """Return the record with the numbers of the log and their names erased, and the fingerprints of these numbers."""
    body = record.rstrip(b"\r\n")
    cells = _split(body, columns.delimiter)
    found = {place: fingerprint for place in columns.numbers for fingerprint in find([_text(cells[place])]).values()}
    beside = columns.name if columns.caller & found.keys() else frozenset[int]()
    written = (_overwritten(cell) if place in beside | found.keys() else cell for place, cell in enumerate(cells))
    return columns.delimiter.encode().join(written) + record[len(body) :], set(found.values())


def _erased_pieces(record: bytes, columns: _Columns, find: Find) -> tuple[bytes, set[str]]:
    """Return the same for a malformed record, with a wrong number of cells or a stray quote.

    Any piece may be the name, so beside a number every piece with a letter is erased. Quotes and line ends stay.
    """
    delimiter = columns.delimiter.encode()
    pieces = record.split(delimiter)
    found = {place: fingerprint for place, piece in enumerate(pieces) for fingerprint in find([_text(piece)]).values()}
    if not found:
        return record, set()
    written = (
        _RUN.sub(ERASED, piece) if place in found or _LETTER.search(piece) else piece
        for place, piece in enumerate(pieces)
    )
    return delimiter.join(written), set(found.values())


@cache
def _cell(delimiter: str) -> re.Pattern[bytes]:
    other = rb"[^%s]*" % re.escape(delimiter.encode())
    return re.compile(rb'"(?:[^"]|"")*+"' + other + b"|" + other)


def _split(body: bytes, delimiter: str) -> list[bytes]:
    """Return the cells of a record as the file has them, with their quotes."""
    cells, at = list[bytes](), 0
    while found := _cell(delimiter).match(body, at):
        cells.append(found[0])
        at = found.end() + 1  # behind the delimiter
        if at > len(body):
            break
    return cells


def _text(cell: bytes) -> str:
    text = cell.decode("utf-8", "replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') and text.endswith('"') else text


def _overwritten(cell: bytes) -> bytes:
    if cell in (b"", b'""'):
        return cell
    return b'"%s"' % ERASED if cell.startswith(b'"') else ERASED
