"""Contestants against each other: whole processes from the same file to the same rows, each verified."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.measure import Used, interleaved, module, run, told
from tests.benchmarks.samples import BUILD, Sample


@dataclass(frozen=True)
class Entry:
    """A contestant (a module of ``contestants``), the files it is given, and anything else that it is told."""

    contestant: str
    samples: Sequence[Sample]
    arguments: Sequence[object] = ()
    cores: int | None = None

    def run(self, name: str) -> Used:
        """Convert into an empty folder."""
        folder = BUILD / "work" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        files = [sample.file for sample in self.samples]
        return run(*module(f"contestants.{self.contestant}", folder, *files, *self.arguments), cores=self.cores)

    def verified(self, name: str) -> int:
        """The bytes of what the last run wrote, which must be right; it is then removed."""
        folder = BUILD / "work" / name
        try:
            if not any(folder.iterdir()):
                return 0  # it only reads
            return int(told("verify", folder, *(sample.file for sample in self.samples)))
        finally:
            shutil.rmtree(folder)


def contest(rounds: int, entries: Mapping[str, Entry]) -> dict[str, Any]:
    """Every run of every contestant as [wall s, CPU s, peak MB], and the bytes it wrote."""
    works: dict[str, Callable[[], Used]] = {name: _work(name, entry) for name, entry in entries.items()}
    runs = interleaved(rounds, works)
    return {
        name: {
            "rows": sum(sample.rows for sample in entry.samples),
            "runs": [[used.wall, used.cpu, used.peak_mb] for used in runs[name]],
            "bytes": entry.verified(name),
        }
        for name, entry in entries.items()
    }


def _work(name: str, entry: Entry) -> Callable[[], Used]:
    return lambda: entry.run(name)
