"""Take months out of the lake for good: no snapshot shows them, and no file is left that an older one showed.

What only adds up calls may be kept longer than they are: then its files lie outside the lake, where nothing that is
built or begun anew touches them.
"""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable
from filelock import FileLock

from pipeline.errors import writing
from pipeline.warehouse.lake import PARTITION, Lake


def tables(lake: Lake) -> list[str]:
    """Every table of the lake, by name."""
    return sorted(".".join(log.parent.relative_to(lake.root).parts) for log in lake.root.glob("**/_delta_log"))


def drop(lake: Lake, table: str, month: str) -> int:
    """Let the newest snapshot show nothing of the month; returns how many rows that were."""
    files = lake.files(table).get(month, [])
    if files:
        path = lake.root.joinpath(*table.split("."))
        with writing(f"{table} {month}", lake.root), FileLock(f"{path}.lock"):
            DeltaTable(str(path)).delete(f"{PARTITION} = '{month}'")
    return sum(pq.read_metadata(file).num_rows for file in files)


def forget(lake: Lake, table: str, month: str) -> None:
    """Delete every file of the month that the newest snapshot does not show: its history, and what was left behind.

    The caller holds the month, so nobody is writing one.
    """
    folder = lake.root.joinpath(*table.split("."), f"{PARTITION}={month}")
    shown = set(lake.files(table).get(month, []))
    for file in set(folder.glob("*")) - shown:
        file.unlink(missing_ok=True)


def keep(lake: Lake, table: str, month: str, root: Path) -> None:
    """Copy the files of a table's month to where ``kept_months`` finds them."""
    folder = root / table / f"{PARTITION}={month}"
    for file in lake.files(table).get(month, []):
        with writing(f"{table} {month}", folder):
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f"{file.name}.part"
            shutil.copyfile(file, part)
            part.replace(folder / file.name)
        for older in set(folder.glob("*")) - {folder / name.name for name in lake.files(table)[month]}:
            older.unlink(missing_ok=True)


def kept_months(root: Path) -> dict[str, dict[str, list[Path]]]:
    """The files that were kept, by table and month."""
    found: dict[str, dict[str, list[Path]]] = {}
    for file in sorted(root.glob(f"*/{PARTITION}=*/*.parquet")):
        month = file.parent.name.removeprefix(f"{PARTITION}=")
        found.setdefault(file.parent.parent.name, {}).setdefault(month, []).append(file)
    return found
