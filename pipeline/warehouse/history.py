"""Take months out of the lake for good: out of the newest snapshot, and the files of older snapshots.

Marts that only add calls up may be retained longer than the calls. Their files then lie outside the lake, where no
build and no reset touches them.
"""

import shutil
from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.errors import writing
from pipeline.storage import make_folder, whole
from pipeline.warehouse.delta import PARTITION
from pipeline.warehouse.lake import Lake


def drop_month(lake: Lake, table: str, month: str) -> int:
    """Remove a month from the newest snapshot of a table; return how many rows it had.

    Args:
        lake: The lake.
        table: The table, such as ``cdr_in`` or ``marts.daily_traffic``.
        month: The month, as ``YYYY-MM``.
    """
    return sum(pq.read_metadata(file).num_rows for file in lake.table(table).drop_month(month))


def purge_history(lake: Lake, table: str, month: str) -> None:
    """Delete every file of a month that the newest snapshot does not show, files of killed processes included.

    Args:
        lake: The lake; the caller holds the lock of the month, so no process writes it.
        table: The table, such as ``cdr_in`` or ``marts.daily_traffic``.
        month: The month, as ``YYYY-MM``.
    """
    folder = lake.root.joinpath(*table.split("."), f"{PARTITION}={month}")
    shown = set(lake.files(table).get(month, []))
    for file in set(folder.glob("*")) - shown:
        file.unlink(missing_ok=True)


def retire(lake: Lake, models: Collection[str]) -> None:
    """Remove what SQL made under a name that no model has any more; a vacuum then deletes the files.

    ``models`` are the names of all models. A table without files is removed with its log.
    """
    for name in lake.tables():
        if "." not in name or name in models:
            continue
        for month in lake.files(name):
            drop_month(lake, name, month)
        folder = lake.root.joinpath(*name.split("."))
        if not any(folder.glob("*/*.parquet")):
            shutil.rmtree(folder, ignore_errors=True)


def retain(lake: Lake, table: str, month: str, root: Path) -> None:
    """Copy the files of a table's month to where ``retained_months`` finds them.

    Args:
        lake: The lake to copy from.
        table: The table, such as ``marts.daily_traffic``.
        month: The month, as ``YYYY-MM``.
        root: The folder of retained files, outside the lake.
    """
    folder = root / table / f"{PARTITION}={month}"
    files = lake.files(table).get(month, [])
    for file in files:
        with writing(f"{table} {month}", folder):
            make_folder(folder)
            with whole(folder / file.name) as part:
                shutil.copyfile(file, part)
    if files:
        for older in set(folder.glob("*")) - {folder / file.name for file in files}:
            older.unlink(missing_ok=True)


def retained_months(root: Path) -> dict[str, dict[str, list[Path]]]:
    """Return the retained files, by table and month."""
    found: dict[str, dict[str, list[Path]]] = {}
    for file in sorted(root.glob(f"*/{PARTITION}=*/*.parquet")):
        month = file.parent.name.removeprefix(f"{PARTITION}=")
        found.setdefault(file.parent.parent.name, {}).setdefault(month, []).append(file)
    return found
