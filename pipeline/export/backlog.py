"""The backlog: months that wait until their vendor takes more requests, each as a file that any process reads."""

from pathlib import Path

from pipeline.errors import writing
from pipeline.months import Month
from pipeline.storage import make_folder, write_text

_FORCE_NEW = "again"  # as earlier versions wrote it


class Backlog:
    """The waiting months of one data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, dataset: str, month: Month, *, force_new: bool = False) -> None:
        """Add a month; one that was added with ``force_new`` keeps it.

        Args:
            dataset: The dataset.
            month: The month.
            force_new: Request a new export even if another serves the month.
        """
        force_new = force_new or self.force_new(dataset, month)
        with writing("A waiting month", self._folder):
            make_folder(self._folder)
            write_text(self._file(dataset, month), _FORCE_NEW if force_new else "")

    def force_new(self, dataset: str, month: Month) -> bool:
        """Return whether the month waits for a new export although another serves it."""
        file = self._file(dataset, month)
        return file.exists() and file.read_text(encoding="ascii") == _FORCE_NEW

    def remove(self, dataset: str, month: Month) -> None:
        """Remove a month, if it waits."""
        self._file(dataset, month).unlink(missing_ok=True)

    def months(self, dataset: str) -> list[Month]:
        """Return the waiting months of a dataset, oldest first."""
        return sorted(Month.parse(file.suffixes[0][1:]) for file in self._folder.glob(f"{dataset}.*.waiting"))

    def _file(self, dataset: str, month: Month) -> Path:
        return self._folder / f"{dataset}.{month}.waiting"
