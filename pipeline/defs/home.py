"""Prepare Dagster's home, the folder of its runs and settings: one for each data directory."""

import os
import shutil
from pathlib import Path

from dagster import AssetKey, DagsterInstance
from filelock import FileLock, Timeout

from pipeline.errors import writing
from pipeline.resources import ROOT, resources
from pipeline.settings import Settings
from pipeline.storage import private_folder, whole

_PRODUCT_HOME = ROOT / "dagster_home"
_FILES = ("dagster.yaml", "workspace.yaml")


def prepare_home(settings: Settings) -> Path:
    """Create the home, with the product's settings unless it has its own; return its path, which Dagster gets too."""
    home = settings.dagster_home
    os.environ["DAGSTER_HOME"] = str(home)
    with writing("Dagster's home", home):
        private_folder(settings.cdr_data_dir)
        home.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            if not (home / name).exists():
                [source] = resources(_PRODUCT_HOME, name)
                with whole(home / name) as part:
                    shutil.copyfile(source, part)
        ready = FileLock(home / ".init.lock").acquire()
    # one process at a time: two processes that create the databases together damage them
    with ready, DagsterInstance.get() as instance:
        instance.get_runs_count()
        instance.all_instigator_state()
        instance.get_latest_materialization_event(AssetKey("none"))
    return home


def ui_has_ended(home: Path) -> bool:
    """Return whether a UI of the home has ended, so that no process watches the runs that it left."""
    lock = FileLock(home / ".ui.lock", timeout=0)
    if not Path(lock.lock_file).exists():
        return False
    try:
        with lock:
            return True
    except Timeout:
        return False
