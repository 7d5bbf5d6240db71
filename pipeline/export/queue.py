"""The months that wait to be asked for until their vendor takes more: a file each, so that any process may go on."""

from pathlib import Path

from pipeline.errors import writing
from pipeline.months import Month
from pipeline.storage import make_folder, write_text

_AGAIN = "again"


class Queue:
    """The waiting months of one data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, record_type: str, month: Month, *, again: bool = False) -> None:
        """Let a month wait; one that was wanted ``again`` stays so."""
        again = again or self.again(record_type, month)
        with writing("A waiting month", self._folder):
            make_folder(self._folder)
            write_text(self._file(record_type, month), _AGAIN if again else "")

    def again(self, record_type: str, month: Month) -> bool:
        """Whether it waits to be asked for although something serves it."""
        file = self._file(record_type, month)
        return file.exists() and file.read_text(encoding="ascii") == _AGAIN

    def remove(self, record_type: str, month: Month) -> None:
        """It waits no more."""
        self._file(record_type, month).unlink(missing_ok=True)

    def months(self, record_type: str) -> list[Month]:
        """Those of a record type, oldest first."""
        return sorted(Month.parse(file.suffixes[0][1:]) for file in self._folder.glob(f"{record_type}.*.waiting"))

    def _file(self, record_type: str, month: Month) -> Path:
        return self._folder / f"{record_type}.{month}.waiting"
