"""Backfill without UI or daemon: ask, sense, land, load, build and publish in one process.

It uses the jobs that the UI launches and the state that they use, so both may run at once: whatever one of
them has done, the other finds done.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import dagster as dg

from pipeline.defs.home import prepare_home
from pipeline.defs.lanes import EXPORT_TAG
from pipeline.defs.runs import Runner
from pipeline.errors import PermanentError, TransientError
from pipeline.export.plan import hopeless
from pipeline.export.protocol import Export
from pipeline.journey import Journey
from pipeline.months import Month

Place = tuple[str, Month]
"""A record type's month."""

Say = Callable[[Place, str], None]
"""Tells how far a month has come."""

_FIRST_WAIT_SECONDS, _MAX_BLIND_PASSES = 0.5, 5
_FRESH = timedelta(hours=24)
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def bring_in(
    journey: Journey,
    definitions: dg.Definitions,
    record_types: Sequence[str],
    months: Sequence[Month],
    say: Say,
    *,
    again: bool = False,
    force: bool = False,
) -> Mapping[Place, str]:
    """Backfill months in this process, in the instance that the UI shows; returns what failed, and why."""
    prepare_home(journey.settings)
    locks = journey.settings.cdr_data_dir / ".locks"
    with dg.DagsterInstance.get() as instance, Runner(definitions, instance, locks) as runner:
        backfill = Backfill(journey, runner, say, force=force)
        backfill.run(record_types, months, again=again or force)
        return backfill.failed


class Backfill:
    """Brings in months; after ``run``, ``failed`` says which did not come and why."""

    def __init__(self, journey: Journey, runner: Runner, say: Say, *, force: bool = False) -> None:
        self._journey = journey
        self._runner = runner
        self._say = say
        self._force = force
        self._waiting: dict[Place, None] = {}  # in the order in which they were asked for
        self._again = False
        self._blind, self._unseen = Counter[str](), Counter[Place]()
        self._new = False  # whether anything was loaded since the last refresh
        self.failed: dict[Place, str] = {}

    def run(self, record_types: Sequence[str], months: Sequence[Month], *, again: bool = False) -> None:
        """Bring in every month that is not loaded, or all of them ``again``; then build and publish what changed."""
        self._again = again
        self.failed.update({("lake", self._journey.first_month()): why for why in self._journey.resume()})
        for place in [(record_type, month) for month in months for record_type in record_types]:
            if not again and self._is_loaded(place):
                self._say(place, "loaded already")
            else:
                self._ask(place)
        wait = _FIRST_WAIT_SECONDS
        while self._waiting:
            if self._pass():
                wait = _FIRST_WAIT_SECONDS
            else:
                if self._new:  # what is there need not wait for what is not
                    self._refresh()
                time.sleep(wait)
                wait = min(wait * 1.5, self._journey.settings.cdr_poll_seconds)
        self._refresh()

    def _is_loaded(self, place: Place) -> bool:
        """Whether the lake has the whole month; of a running month, what was asked for less than a day ago."""
        record_type, month = place
        rows = (row for row in self._journey.coverage() if (row.record_type, row.month) == (record_type, str(month)))
        until = next((row.loaded_until for row in rows), None)
        return until is not None and until >= min(month.end, self._journey.clock() - _FRESH)

    def _ask(self, place: Place) -> None:
        record_type, month = place
        if refused := self._refusal(place, again=self._again):
            self._fail(place, refused)
            return
        outcome = self._runner.run(
            "ask",
            partition=str(month),
            only=dg.AssetKey([record_type, "export"]),
            config={f"{record_type}__export": {"config": {"again": self._again}}},
        )
        if outcome.ok:
            self._waiting[place] = None
            self._say(place, "waits until the vendor takes more" if self._is_queued(place) else "asked for")
        else:
            self._fail(place, outcome.why)

    def _refusal(self, place: Place, *, again: bool) -> str:
        """Why the month cannot be asked for, if it cannot."""
        record_type, month = place
        _, refused = self._journey.askable(record_type, [month], again=again)
        if not refused and month < self._journey.first_month():
            return f"{month} is before CDR_START_MONTH; set that earlier to keep it."
        return " ".join(refused)

    def _is_queued(self, place: Place) -> bool:
        return place[1] in self._journey.queue.months(place[0])

    def _pass(self) -> bool:
        """Read the lists once and bring in what is ready; whether anything moved."""
        moved = [self._pass_over(vendor) for vendor in dict.fromkeys(map(self._vendor, self._waiting))]
        return any(moved)

    def _pass_over(self, vendor: str) -> bool:
        places = [place for place in self._waiting if self._vendor(place) == vendor]
        try:
            listed = self._journey.listed(vendor)
        except (TransientError, PermanentError) as error:
            self._blind[vendor] += 1 if isinstance(error, TransientError) else _MAX_BLIND_PASSES
            if self._blind[vendor] >= _MAX_BLIND_PASSES:
                for place in places:
                    self._fail(place, str(error))
            return False
        self._blind[vendor] = 0
        later = [place for place in places if self._is_queued(place)][1:]  # one is enough to find out
        moved = [self._advance(place, listed) for place in places if place not in later]
        return any(moved)

    def _vendor(self, place: Place) -> str:
        return self._journey.datasets[place[0]].vendor

    def _advance(self, place: Place, listed: Sequence[Export]) -> bool:
        record_type, month = place
        if self._is_queued(place):
            self._ask(place)
            return not self._is_queued(place)
        ours = self._journey.ours(record_type, month, listed)
        if not ours and self._unseen[place] < _MAX_BLIND_PASSES:  # a list may lag behind
            self._unseen[place] += 1
            return False
        if not ours:
            self._fail(place, "The export is not in the vendor's list any more; run the backfill again.")
            return True
        newest = ours[-1]
        if self._journey.loaded(record_type).get(str(month)) == newest.id:
            self._done(place)
            return True
        if newest.ready:
            return self._load(place, newest)
        self._say(place, newest.said)
        if hopeless(newest, self._journey.clock(), self._journey.deadline):
            self._fail(place, f"Export {newest.id} is {newest.said} and brings nothing; run the backfill again.")
            return True
        return False

    def _load(self, place: Place, export: Export) -> bool:
        record_type, month = place
        self._say(place, "loading")
        config = {record_type: {"config": {"force": self._force}}}
        tags = {EXPORT_TAG: export.id}
        outcome = self._runner.run(f"load_{record_type}", partition=str(month), tags=tags, config=config)
        if outcome.ok:
            self._done(place)
        else:
            self._fail(place, outcome.why)
        return True

    def _done(self, place: Place) -> None:
        self._waiting.pop(place)
        self._new = True
        self._say(place, "loaded")

    def _fail(self, place: Place, why: str) -> None:
        self._waiting.pop(place, None)
        self.failed[place] = why
        self._say(place, "failed")

    def _refresh(self) -> None:
        """Build the marts that are behind, and publish, where there is anything new to see."""
        self._new = False
        behind = self._journey.behind()
        if not self._journey.months() or (not behind and self._journey.is_published()):
            return
        first, last = (behind[0], behind[-1]) if behind else (self._journey.first_month(),) * 2
        outcome = self._runner.run("refresh", tags={_RANGE_START: str(first), _RANGE_END: str(last)})
        if not outcome.ok:
            self.failed["warehouse", last] = outcome.why
