"""What a process used, from the kernel's own account of it.

Whoever starts a process lends it its own peak of memory, so nothing but the standard library is imported here.
"""

import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from time import perf_counter
from typing import Any, TypeVar

from tests.benchmarks.samples import ROOT

_MB = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # the unit of ru_maxrss is a byte there, else a kibibyte

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Used:
    """Seconds by the clock, seconds of CPU in user and kernel, peak of resident memory in MB (10^6 bytes)."""

    wall: float
    cpu: float
    peak_mb: float


def run(*command: object, environment: Mapping[str, str] | None = None, cores: int | None = None) -> Used:
    """Run a whole process to its end, on so many cores if that is said; raises where it fails."""
    line = [str(part) for part in command]
    with TemporaryFile() as said:
        began = perf_counter()
        process = subprocess.Popen(
            line,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.DEVNULL,
            stderr=said,
            preexec_fn=(lambda: os.sched_setaffinity(0, range(cores))) if cores else None,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(line)} failed: {said.read().decode(errors='replace')[-2_000:]}")
    return Used(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _MB)


def module(name: str, *arguments: object) -> list[object]:
    """The command that runs a module of this folder."""
    return [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments]


def told(name: str, *arguments: object) -> Any:
    """What a module of this folder prints as JSON in its last line, in a process of its own."""
    line = [str(part) for part in module(name, *arguments)]
    return json.loads(subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def tell(result: object) -> None:
    """Print the last line that ``told`` reads."""
    sys.stdout.write("\n" + json.dumps(result) + "\n")


def interleaved(rounds: int, works: Mapping[str, Callable[[], _Made]]) -> dict[str, list[_Made]]:
    """Do every work once a round, in an order that changes: what disturbs the machine disturbs all alike."""
    chance = random.Random(7)  # noqa: S311
    made: dict[str, list[_Made]] = {name: [] for name in works}
    for _ in range(rounds):
        for name in chance.sample(list(works), len(works)):
            made[name].append(works[name]())
    return made


def middle(values: Sequence[float]) -> dict[str, float]:
    """The median, the least and the most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}
