"""Take months out of the lake for good: no snapshot shows them, and no file is left that an older one showed.

What only adds up calls may be kept longer than they are: then its files lie outside the lake, where nothing that is
built or begun anew touches them.
"""

import shutil
from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.errors import writing
from pipeline.storage import make_folder, whole
from pipeline.warehouse.delta import PARTITION
from pipeline.warehouse.lake import Lake


def tables(lake: Lake) -> list[str]:
    """Every table of the lake, by name."""
    return lake.tables()


def drop(lake: Lake, table: str, month: str) -> int:
    """Let the newest snapshot show nothing of the month; returns how many rows that were."""
    return sum(pq.read_metadata(file).num_rows for file in lake.table(table).drop_month(month))


def forget(lake: Lake, table: str, month: str) -> None:
    """Delete every file of the month that the newest snapshot does not show: its history, and what was left behind.

    The caller holds the month, so nobody is writing one.
    """
    folder = lake.root.joinpath(*table.split("."), f"{PARTITION}={month}")
    shown = set(lake.files(table).get(month, []))
    for file in set(folder.glob("*")) - shown:
        file.unlink(missing_ok=True)


def retire(lake: Lake, made: Collection[str]) -> None:
    """Let no snapshot show what SQL made under a name that it no longer has; a vacuum then deletes the files.

    ``made`` are the names of all models. A table without files is removed with its log.
    """
    for name in tables(lake):
        if "." not in name or name in made:
            continue
        for month in lake.files(name):
            drop(lake, name, month)
        folder = lake.root.joinpath(*name.split("."))
        if not any(folder.glob("*/*.parquet")):
            shutil.rmtree(folder, ignore_errors=True)


def keep(lake: Lake, table: str, month: str, root: Path) -> None:
    """Copy the files of a table's month to where ``kept_months`` finds them."""
    folder = root / table / f"{PARTITION}={month}"
    for file in lake.files(table).get(month, []):
        with writing(f"{table} {month}", folder):
            make_folder(folder)
            with whole(folder / file.name) as part:
                shutil.copyfile(file, part)
        for older in set(folder.glob("*")) - {folder / name.name for name in lake.files(table)[month]}:
            older.unlink(missing_ok=True)


def kept_months(root: Path) -> dict[str, dict[str, list[Path]]]:
    """The files that were kept, by table and month."""
    found: dict[str, dict[str, list[Path]]] = {}
    for file in sorted(root.glob(f"*/{PARTITION}=*/*.parquet")):
        month = file.parent.name.removeprefix(f"{PARTITION}=")
        found.setdefault(file.parent.parent.name, {}).setdefault(month, []).append(file)
    return found
