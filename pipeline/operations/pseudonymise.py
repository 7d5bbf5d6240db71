"""Make the pseudonymised lake: what analysts see if a key for pseudonyms is set, without any number or name.

The lake itself keeps the numbers, and marts are built from them: a watch list must see that two numbers are
neighbours. Each month is copied separately, and only after its original changed. A copy is written row group by row
group, so memory does not grow with the month. A file without personal columns is linked, not copied.
"""

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import writing
from pipeline.normalise.sink import ROW_GROUP, ParquetSink
from pipeline.privacy.personal import PERSONAL
from pipeline.privacy.pseudonym import MonthPseudonyms, Pseudonyms
from pipeline.warehouse.delta import PARTITION
from pipeline.warehouse.lake import Lake, rejected_table
from pipeline.warehouse.queries import models

Locked = Callable[[str], AbstractContextManager[object]]
"""Returns the lock of a name, which the processes of this machine share."""


def shared_tables(record_types: Collection[str]) -> list[str]:
    """Return every table that is published as a view over files, or that shows a number or a name."""
    made = [query.name for query in models() if query.schema != "marts" or PERSONAL & query.columns.keys()]
    return [*record_types, *map(rejected_table, record_types), *made]


class Shared:
    """The lake as analysts see it: copies of the tables that they read from files or that show people, else the lake.

    Args:
        lake: The original.
        copies: The lake of the copies.
        pseudonyms: Make a pseudonym of a number or a name.
        personal: The columns of each dataset that show people, beside those that do in every table.
    """

    def __init__(
        self, lake: Lake, copies: Lake, pseudonyms: Pseudonyms, personal: Mapping[str, Collection[str]]
    ) -> None:
        self._lake = lake
        self._copies = copies
        self._pseudonyms = pseudonyms
        self._personal = personal
        self._tables = shared_tables(personal)

    def files(self, table: str) -> dict[str, list[Path]]:
        """Return the files to show of a table, by month."""
        return (self._copies if table in self._tables else self._lake).files(table)

    def version_keys(self, table: str) -> dict[str, str]:
        """Return the version key of each month of the original."""
        return self._lake.version_keys(table)

    def behind(self) -> Iterator[tuple[str, str, list[Path]]]:
        """Yield each table and month whose copy is not of the lake's present files, and these files."""
        for table in self._tables:
            copied = self._copies.version_keys(table)
            for month, files in self._lake.files(table).items():
                if copied.get(month) != self._fingerprint(table, files):
                    yield table, month, files

    def refresh(self, locked: Locked) -> None:
        """Copy every month that is behind."""
        for table, month, _ in list(self.behind()):
            with locked(f"share-{table}-{month}"):
                files = self._lake.files(table).get(month, [])
                copies = [self._copies.new_file(table, month, self._fingerprint(table, files)) for _ in files]
                names = self._pseudonyms.of(month)
                with writing(f"shared {table} {month}", self._copies.root):
                    for original, copy in zip(files, copies, strict=True):
                        _copy(original, copy, names, self._hidden(table))
                schema = pq.read_schema(copies[0]).append(pa.field(PARTITION, pa.string()))
                self._copies.replace_month(table, month, copies, schema, {"copied": len(copies)})

    def _fingerprint(self, table: str, files: Iterable[Path]) -> str:
        hidden = sorted(self._hidden(table))
        made_of = "|".join([self._pseudonyms.fingerprint, *hidden, *sorted(file.name for file in files)])
        return sha256(made_of.encode()).hexdigest()[:16]

    def _hidden(self, table: str) -> frozenset[str]:
        return PERSONAL.union(self._personal.get(table, ()))


def _copy(original: Path, copy: Path, names: MonthPseudonyms, hidden: frozenset[str]) -> None:
    if not hidden & set(pq.read_schema(original).names):
        try:
            copy.hardlink_to(original)
        except OSError:  # not every file system has links
            shutil.copyfile(original, copy)
        return
    with pq.ParquetFile(original) as file, ParquetSink(copy, file.schema_arrow.remove_metadata()) as sink:
        for batch in file.iter_batches(ROW_GROUP):
            table = pa.table(batch)
            for place, column in enumerate(table.column_names):
                if column in hidden and (
                    pa.types.is_string(kind := table.schema.field(place).type) or pa.types.is_map(kind)
                ):
                    shown = names.column(table[column]).cast(table.schema.field(place).type)
                    table = table.set_column(place, table.schema.field(place), shown)
            sink.write(table)
