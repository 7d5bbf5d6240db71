"""Load again what the archive holds: after a kill or a power cut, for a rebuild, after an erasure."""

from collections.abc import Iterator

from pipeline.erasing import Eraser
from pipeline.errors import PermanentError, TransientError
from pipeline.holdings import Holdings
from pipeline.integrity import left_out
from pipeline.landing.notes import Manifest
from pipeline.loading import Loader
from pipeline.months import Month
from pipeline.privacy.erasures import Erasures

_OF_ONE_MONTH = (PermanentError, TransientError, OSError, ValueError)
"""What may go wrong with one file, and stops no other."""


class Reloader:
    """Brings the lake and what is published back in line with the archive.

    Args:
        holdings: The data directory.
        loader: Replaces a month of its lake.
        eraser: Overwrites erased numbers in its archive.
        erasures: The log of those numbers.
    """

    def __init__(self, holdings: Holdings, loader: Loader, eraser: Eraser, erasures: Erasures) -> None:
        self._holdings = holdings
        self._loader = loader
        self._eraser = eraser
        self._erasures = erasures

    def refresh(self) -> None:
        """Load again what was left half loaded, build and publish; raises ``PermanentError`` at the end."""
        if failed := self._refreshed():
            raise PermanentError(" ".join(failed))

    def resume(self) -> Iterator[str]:
        """Load again, from the archive, what a kill or a power cut left half loaded; tells what could not be."""
        holdings = self._holdings
        for record_type, month in [(name, month) for name in holdings.schemas for month in holdings.half_loaded(name)]:
            try:
                self._load_again(record_type, month)
            except (PermanentError, TransientError) as error:
                yield str(error)

    def rebuild(self, *, force: bool = False) -> Iterator[Manifest]:
        """Load every landed export again, oldest first, from the archive alone; then publish.

        Of a month that the lake holds only that export is loaded, whatever the guards say, and the newest: it must not
        be replaced by less meanwhile. What was refused stays refused, unless ``force``: then the newest of each month
        that the lake does not hold is loaded, for nothing says any more what was forced before. A month that cannot be
        loaded stops no other; at the end ``PermanentError`` names it, and what of the archive was left out.
        """
        holdings = self._holdings
        for lake in (holdings.lake, holdings.copies):
            lake.set_aside_unreadable()
        failed = []
        landed = [one for one in holdings.known_landed() if not holdings.expired(Month.parse(one.month))]
        newest = {(one.record_type, one.month): one.export_id for one in landed}
        held = {(name, month): export for name in holdings.schemas for month, export in holdings.loaded(name).items()}
        for manifest in landed:
            place = manifest.record_type, manifest.month
            if place in held and manifest.export_id not in (held[place], newest[place]):
                continue
            meant = force and place not in held and manifest.export_id == newest[place]
            try:
                with holdings.locked(f"{manifest.record_type}-{manifest.month}"):
                    self._loader.replace(manifest, force=meant or held.get(place) == manifest.export_id)
            except _OF_ONE_MONTH as error:
                failed.append(_failure(manifest, error))
            else:
                yield manifest
        self._end([*failed, *self._refreshed()])

    def erase(self, number: str) -> Iterator[tuple[Manifest, int]]:
        """Erase a number from every landed file, and from all that was made of them, older snapshots included.

        Yields each file in which it was, and in how many records; a second time it finds the same and changes nothing.
        The number is in no log: whatever brings it again is erased when it is loaded. Raises ``PermanentError`` for
        what is no phone number, and at the end where a file may hold it still.
        """
        holdings = self._holdings
        erased = self._erasures.add(number, holdings.clock())
        self._remove_unfinished()
        made_of = {
            name: {one["month"]: one["sha256"] for one in holdings.lake.commit_metadata(name)}
            for name in holdings.schemas
        }
        months, failed = set(), []
        for manifest in holdings.known_landed():
            try:
                cleansed = self._cleanse(manifest, made_of[manifest.record_type].get(manifest.month))
            except _OF_ONE_MONTH as error:
                failed.append(_failure(manifest, error))
                continue
            if rows := sum(note["rows"].get(erased, 0) for note in cleansed.erased):
                months.add(manifest.month)
                yield cleansed, rows
        failed += self._refreshed()
        holdings.forget(sorted(months))
        for month in map(Month.parse, months):
            if holdings.report_file(month).exists():
                holdings.report(month, again=True)
        self._end(failed)

    def _remove_unfinished(self) -> None:
        """Remove what killed processes left of files in the archive."""
        for part in list(self._holdings.archive.unfinished()):
            with self._holdings.locked(f"{part.parts[-3]}-{part.parts[-2]}"):
                part.unlink(missing_ok=True)

    def _refreshed(self) -> list[str]:
        """Load again what was left half loaded, build and publish; what went wrong."""
        failed = [*self.resume()]
        try:
            self._holdings.build_and_publish()
        except PermanentError as error:
            failed.append(str(error))
        return failed

    def _load_again(self, record_type: str, month: str) -> None:
        holdings = self._holdings
        with holdings.locked(f"{record_type}-{month}"):
            ids = holdings.half_loaded(record_type).get(month, set())
            landed = [one for one in holdings.known_landed() if one.export_id in ids]
            if landed and not holdings.expired(Month.parse(month)):
                self._loader.replace(landed[-1], force=True)  # it passed, or was forced, when it was loaded first

    def _cleanse(self, manifest: Manifest, made_of: str | None) -> Manifest:
        """Erase what the log names from a file, and from its month where that is ``made_of`` other bytes."""
        holdings, name, month = self._holdings, manifest.record_type, manifest.month
        with holdings.locked(f"{name}-{month}"):
            cleansed = self._eraser.cleanse(manifest)
            if holdings.loaded(name).get(month) == manifest.export_id and made_of != cleansed.checksum:
                self._loader.replace(cleansed, force=True)
        return cleansed

    def _end(self, failed: list[str]) -> None:
        """Raise ``PermanentError`` with all that went wrong, and with what of the archive was left out."""
        wrong = [*failed, *filter(None, [left_out(self._holdings)])]
        if wrong:
            raise PermanentError(f"{len(wrong)} failed, all others are done. {' '.join(wrong)}")


def _failure(manifest: Manifest, error: Exception) -> str:
    """A sentence about what failed of one export, whatever kind of error it was."""
    first = str(error).strip().partition("\n")[0]
    said = first if isinstance(error, PermanentError | TransientError) else f"{type(error).__name__}: {first}."
    return f"{manifest.record_type} {manifest.month}: {said}"
