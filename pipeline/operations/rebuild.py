"""Load again what the archive holds: after a kill or a power cut, for a rebuild, after an erasure."""

from collections.abc import Iterator

from pipeline.errors import PermanentError, TransientError
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.operations.erase import Eraser
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import Ledger
from pipeline.operations.load import Replacer
from pipeline.operations.publish import Publisher
from pipeline.operations.verify import left_out
from pipeline.privacy.erasures import Erasures

_OF_ONE_MONTH = (PermanentError, TransientError, OSError, ValueError)
"""Errors about one file, which do not stop the others."""


class Rebuilder:
    """Brings the lake and what is published back in line with the archive.

    Args:
        place: The installation.
        ledger: What is known of its exports.
        replacer: Replaces months of its lake.
        publisher: Builds and publishes.
        eraser: Overwrites erased numbers in its archive.
        erasures: The log of erased numbers.
    """

    def __init__(
        self,
        place: Installation,
        ledger: Ledger,
        replacer: Replacer,
        publisher: Publisher,
        eraser: Eraser,
        erasures: Erasures,
    ) -> None:
        self._place = place
        self._ledger = ledger
        self._replacer = replacer
        self._publisher = publisher
        self._eraser = eraser
        self._erasures = erasures

    def refresh(self) -> None:
        """Finish half loaded months, build and publish; raises ``PermanentError`` at the end with every failure."""
        if failed := self._refreshed():
            raise PermanentError(" ".join(failed))

    def resume(self) -> list[str]:
        """Load half loaded months again from the archive; return the reason for each that could not be loaded."""
        failed, schemas = [], self._place.schemas
        for record_type, month in [(name, month) for name in schemas for month in self._ledger.half_loaded(name)]:
            try:
                self._load_again(record_type, month)
            except (PermanentError, TransientError) as error:
                failed.append(str(error))
        return failed

    def rebuild(self, *, force: bool = False) -> Iterator[Manifest]:
        """Load every landed export again from the archive, oldest first, then publish; yields what was loaded.

        Of a month in the lake, only two exports are loaded again: the one that it holds, whatever the guards say, and
        the newest. So the month never shows less meanwhile. Exports that the guards refused stay refused.

        A month that cannot be loaded does not stop the others. ``PermanentError`` names it at the end, and the files
        of the archive that were left out.

        Args:
            force: Also load, whatever the guards say, the newest export of each month that the lake does not hold:
                after the loss of the lake nothing records which loads were forced.
        """
        place = self._place
        for lake in (place.lake, place.copies):
            lake.set_aside_unreadable()
        failed = []
        landed = [one for one in self._ledger.landed() if place.retained(Month.parse(one.month))]
        newest = {(one.record_type, one.month): one.export_id for one in landed}
        held = {(name, month): export for name in place.schemas for month, export in self._ledger.loaded(name).items()}
        for manifest in landed:
            which = manifest.record_type, manifest.month
            if which in held and manifest.export_id not in (held[which], newest[which]):
                continue
            meant = force and which not in held and manifest.export_id == newest[which]
            try:
                with place.locked(f"{manifest.record_type}-{manifest.month}"):
                    self._replacer.replace(manifest, force=meant or held.get(which) == manifest.export_id)
            except _OF_ONE_MONTH as error:
                failed.append(_failure(manifest, error))
            else:
                yield manifest
        self._end([*failed, *self._refreshed()])

    def erase(self, number: str) -> Iterator[tuple[Manifest, int]]:
        """Erase a number from every landed file, and from everything made of them, with older snapshots.

        Yields each file with the number, and the count of its records. A second call yields the same and changes
        nothing. The log keeps a hash of the number, so later files are erased when they are loaded. Raises
        ``PermanentError`` for an invalid phone number, and at the end if a file may still hold the number.
        """
        place = self._place
        erased = self._erasures.add(number, place.clock())
        self._remove_unfinished()
        made_of = {
            name: {one["month"]: one["sha256"] for one in place.lake.commit_metadata(name)} for name in place.schemas
        }
        months, failed = set(), []
        for manifest in self._ledger.landed():
            try:
                cleansed = self._cleanse(manifest, made_of[manifest.record_type].get(manifest.month))
            except _OF_ONE_MONTH as error:
                failed.append(_failure(manifest, error))
                continue
            if rows := sum(note["rows"].get(erased, 0) for note in cleansed.erased):
                months.add(manifest.month)
                yield cleansed, rows
        failed += self._refreshed()
        self._publisher.purge_history(sorted(months))
        for month in map(Month.parse, months):
            if place.report_file(month).exists():
                self._publisher.report(month, again=True)
        self._end(failed)

    def _remove_unfinished(self) -> None:
        """Remove the partial files of killed processes from the archive."""
        for part in list(self._place.archive.unfinished()):
            with self._place.locked(f"{part.parts[-3]}-{part.parts[-2]}"):
                part.unlink(missing_ok=True)

    def _refreshed(self) -> list[str]:
        """Finish half loaded months, build and publish; return every failure."""
        failed = self.resume()
        try:
            self._publisher.build_and_publish()
        except PermanentError as error:
            failed.append(str(error))
        return failed

    def _load_again(self, record_type: str, month: str) -> None:
        place = self._place
        with place.locked(f"{record_type}-{month}"):
            ids = self._ledger.half_loaded(record_type).get(month, set())
            landed = [one for one in self._ledger.landed() if one.export_id in ids]
            if landed and place.retained(Month.parse(month)):
                self._replacer.replace(landed[-1], force=True)  # the first load of it passed the guards, or was forced

    def _cleanse(self, manifest: Manifest, made_of: str | None) -> Manifest:
        """Erase the numbers of the log from a file; load its month again if that was made of other bytes."""
        place, name, month = self._place, manifest.record_type, manifest.month
        with place.locked(f"{name}-{month}"):
            cleansed = self._eraser.cleanse(manifest)
            if self._ledger.loaded(name).get(month) == manifest.export_id and made_of != cleansed.checksum:
                self._replacer.replace(cleansed, force=True)
        return cleansed

    def _end(self, failed: list[str]) -> None:
        """Raise ``PermanentError`` with every failure, and with the files of the archive that were left out."""
        wrong = [*failed, *filter(None, [left_out(self._place)])]
        if wrong:
            raise PermanentError(f"{len(wrong)} failed, all others are done. {' '.join(wrong)}")


def _failure(manifest: Manifest, error: Exception) -> str:
    """Return a sentence about the failure of one export, for any kind of error."""
    first = str(error).strip().partition("\n")[0]
    said = first if isinstance(error, PermanentError | TransientError) else f"{type(error).__name__}: {first}."
    return f"{manifest.record_type} {manifest.month}: {said}"
