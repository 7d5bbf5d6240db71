"""Backfill without UI or daemon: ask, sense, land, load, build and publish in one process.

It uses the jobs that the UI launches, the state that they use and the plan that the sensor follows, so both may run at
once: whatever one of them has done, the other finds done.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import dagster as dg

from pipeline.defs.history import EXPORT_TAG
from pipeline.defs.home import prepare_home
from pipeline.defs.runs import Outcome, Runner
from pipeline.defs.turns import RETRY_PAUSES, Place, Say, Turn, Turns, outcome_of
from pipeline.export.action import Action, Verb
from pipeline.export.plan import MAX_ASKS
from pipeline.export.protocol import Export
from pipeline.journey import Journey
from pipeline.months import Month

_FIRST_WAIT_SECONDS = 0.5

_MAX_UNLISTED = 8
"""In how many lists an export that was asked for may be missing before another is requested."""

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

    def __init__(
        self, journey: Journey, runner: Runner, say: Say, *, force: bool = False, pauses: Sequence[float] = RETRY_PAUSES
    ) -> None:
        self._journey = journey
        self._runner = runner
        self._say = say
        self._force = force
        self._turns = Turns(runner, say, pauses)
        self._again = False
        self._new = False  # whether anything was loaded since the last refresh

    @property
    def failed(self) -> Mapping[Place, str]:
        """The months that did not come, and why."""
        return self._turns.failed

    def run(self, record_types: Sequence[str], months: Sequence[Month], *, again: bool = False) -> None:
        """Bring in every month that is not loaded, or all of them ``again``; then build and publish what changed."""
        self._again = again
        self._turns.failed.update({("lake", self._journey.first_month()): why for why in self._journey.resume()})
        covered = set() if again else self._journey.covered()
        for place in [(record_type, month) for month in months for record_type in record_types]:
            if place in covered:
                self._say(place, "loaded already")
            else:
                self._turns.add(place)
        wait = _FIRST_WAIT_SECONDS
        while self._turns:
            if self._pass():
                wait = _FIRST_WAIT_SECONDS
            elif self._turns:
                if self._new:  # what is there need not wait for what is not
                    self._refresh()
                self._turns.rest(wait)
                wait = min(wait * 1.5, self._journey.settings.cdr_poll_seconds)
        self._refresh()

    def _pass(self) -> bool:
        """Request what was not requested, read the lists once, and bring in what is ready; whether anything moved."""
        requested = [self._turns.alone(turn, self._request) for turn in self._turns.due() if not turn.requests]
        asked = [turn for turn in self._turns.due() if turn.requests]
        moved = [self._pass_over(vendor, asked) for vendor in dict.fromkeys(map(self._vendor, asked))]
        return any(requested + moved)

    def _pass_over(self, vendor: str, asked: Sequence[Turn]) -> bool:
        turns = [turn for turn in asked if self._vendor(turn) == vendor]
        try:
            listed = self._journey.listed(vendor)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this vendor alone
            for turn in turns:
                self._turns.went_wrong(turn, outcome_of(error))
            return False
        later = [turn for turn in turns if self._is_queued(turn)][1:]  # one is enough to find out
        with self._journey.showing(vendor, listed):
            advance = partial(self._advance, listed=listed)
            moved = [self._turns.alone(turn, advance) for turn in turns if turn not in later]
        return any(moved)

    def _vendor(self, turn: Turn) -> str:
        return self._journey.datasets[turn.place[0]].vendor

    def _is_queued(self, turn: Turn) -> bool:
        return turn.place[1] in self._journey.queue.months(turn.place[0])

    def _request(self, turn: Turn) -> bool:
        """Ask for the month: the asking itself finds out whether something serves already, and when it was enough."""
        record_type, month = turn.place
        if refused := self._journey.askable(record_type, [month], again=self._again)[1]:
            self._turns.went_wrong(turn, Outcome(ok=False, why=" ".join(refused)))
            return True
        outcome = self._runner.run(
            "ask",
            partition=str(month),
            only=dg.AssetKey([record_type, "export"]),
            config={f"{record_type}__export": {"config": {"again": self._again}}},
        )
        if not outcome.ok:
            self._turns.went_wrong(turn, outcome)
            return False
        queued = self._is_queued(turn)
        turn.requests, turn.failures, turn.unlisted = max(1, turn.requests + (not queued)), 0, 0
        self._say(turn.place, "waits until the vendor takes more" if queued else "asked for")
        return not queued

    def _advance(self, turn: Turn, listed: Sequence[Export]) -> bool:
        """Do what the plan says of a month that was asked for."""
        if self._is_queued(turn):
            return self._request(turn)
        if self._lags(turn, listed) and turn.unlisted < _MAX_UNLISTED:
            turn.unlisted += 1
            return False
        action = self._journey.plan(*turn.place, listed)
        if action.verb is Verb.LOAD:
            return self._load(turn, action, listed)
        self._say(turn.place, action.reason)
        if action.verb is Verb.WAIT:
            return False
        if action.verb is Verb.NOTHING and not self._lags(turn, listed):
            self._turns.done(turn)
            return True
        if turn.requests > MAX_ASKS:
            why = f"It was requested {turn.requests} times, and in the end {action.reason}; ask the vendor's support."
            self._turns.went_wrong(turn, Outcome(ok=False, why=why))
            return True
        return self._request(turn)

    def _lags(self, turn: Turn, listed: Sequence[Export]) -> bool:
        """Whether the list does not show yet what was asked for last, and what is not loaded either."""
        held = self._journey.loaded(turn.place[0]).get(str(turn.place[1]))
        return not self._journey.newest_asked(*turn.place) & {held, *(export.id for export in listed)}

    def _load(self, turn: Turn, action: Action, listed: Sequence[Export]) -> bool:
        record_type, month = turn.place
        export_id = action.export.id if action.export else ""
        self._say(turn.place, "loading")
        config = {record_type: {"config": {"force": self._force}}}
        tags = {EXPORT_TAG: export_id}
        outcome = self._runner.run(f"load_{record_type}", partition=str(month), tags=tags, config=config)
        if not outcome.ok:
            self._turns.went_wrong(turn, outcome)
            return False
        self._new = self._new or self._journey.loaded(record_type).get(str(month)) == export_id
        after = self._journey.plan(record_type, month, listed)
        if after.verb is Verb.LOAD:
            why = f"Export {export_id} was fetched, and nothing of it was loaded; look at its run in the UI."
            self._turns.went_wrong(turn, Outcome(ok=False, why=why))
        elif after.verb is Verb.NOTHING and not self._lags(turn, listed):
            self._turns.done(turn)
        return True

    def _refresh(self) -> None:
        """Build the marts that are behind, and publish, where there is anything new to see."""
        self._new = False
        try:
            outcome = self._refreshed()
        except Exception as error:  # noqa: BLE001 - what is loaded is loaded, and the other months go on
            outcome = outcome_of(error)
        if not outcome.ok:
            self._turns.failed["warehouse", Month.of(self._journey.clock())] = outcome.why

    def _refreshed(self) -> Outcome:
        behind = self._journey.behind()
        if not self._journey.months() or (not behind and self._journey.is_published()):
            return Outcome(ok=True)
        first, last = (behind[0], behind[-1]) if behind else (self._journey.first_month(),) * 2
        return self._runner.run("refresh", tags={_RANGE_START: str(first), _RANGE_END: str(last)})
