"""What was measured, kept in one file: scene by scene, size by size, each with the machine it was taken on."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.samples import BUILD

FILE = BUILD / "results.json"
PACKAGES = ("duckdb", "polars", "pyarrow", "pandas", "dlt", "isal", "deltalake", "dagster")


def load(file: Path = FILE) -> dict[str, dict[str, Any]]:
    """Everything that was measured so far, by scene and size."""
    found: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found


def save(scene: str, size: int, rounds: int, measured: Mapping[str, object], file: Path = FILE) -> None:
    """Keep what a scene measured, in place of what it did before at that size."""
    everything = load(file)
    everything.setdefault(scene, {})[str(size)] = {"on": {**machine(), "rounds": rounds}, **measured}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(everything, indent=1), "utf-8")


def machine() -> dict[str, Any]:
    """What it is measured on, and how busy that is."""
    return {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
        "versions": {"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def _processor() -> str:
    """The name of the processor, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"
