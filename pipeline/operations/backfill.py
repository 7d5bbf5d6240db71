"""Backfill partitions in this process: gather their state, do what the plan says, until all are loaded or failed.

A backfill and the sensor use the same state and plan. So both may run at once: each finds what the other has done.
"""

import time
from collections.abc import Iterable, Sequence

from pipeline.errors import GoneError, PermanentError, sentence
from pipeline.export.protocol import Export, Listing
from pipeline.export.requests import MAX_REQUESTS
from pipeline.months import Month
from pipeline.operations.plan import plan, refusal
from pipeline.operations.record import Record
from pipeline.operations.state import Action, Due, Partition, PartitionState, Verb
from pipeline.operations.turns import RETRY_PAUSES, Say, Turn, Turns
from pipeline.operations.wiring import Operations

_FIRST_WAIT_SECONDS = 0.5

_LIST_SECONDS = 60
"""The greatest age of a list that is acted on: URLs of files may expire."""


class Backfill:
    """Requests, lands and loads partitions; after ``run``, ``turns.failed`` has the reason for each that failed.

    Args:
        operations: The operations of the installation.
        record: Records what was done.
        say: Reports the progress of a partition.
        force: Also load what the guards refuse.
        pauses: Seconds before each new try after a passing error.
    """

    def __init__(
        self,
        operations: Operations,
        record: Record,
        say: Say,
        *,
        force: bool = False,
        pauses: Sequence[float] = RETRY_PAUSES,
    ) -> None:
        self._operations = operations
        self._record = record
        self._force = force
        self._force_new = False
        self.turns = Turns(say, pauses)
        self._busy: set[str] = set()  # datasets whose vendor took no more requests in this pass
        self._new = False  # whether anything was loaded since the last publish

    def run(self, partitions: Iterable[Partition], *, force_new: bool = False) -> None:
        """Load every partition that is not covered; then build and publish what changed.

        Args:
            partitions: The partitions, in their order.
            force_new: Request and load a new export of every partition.
        """
        self._force_new = force_new
        for why in self._operations.rebuilder.resume():
            self.turns.failed[Partition("lake", self._operations.place.first_month())] = why
        self._begin(list(partitions))
        wait = _FIRST_WAIT_SECONDS
        while self.turns:
            if self._pass():
                wait = _FIRST_WAIT_SECONDS
            elif self.turns:
                if self._new:  # publish loaded partitions while others wait
                    self._publish()
                self.turns.rest(wait)
                wait = min(wait * 1.5, self._operations.settings.cdr_poll_seconds)
        self._publish()

    def _begin(self, partitions: list[Partition]) -> None:
        """Give a turn to each partition that is not covered; one that cannot be requested fails in its turn."""
        operations, policy = self._operations, self._operations.policy(Due.FORCED if self._force_new else Due.NOW)
        states = operations.gatherer.gather({}, wanted=partitions).states
        for partition in partitions:
            state, now = states.get(partition), operations.place.clock()
            if state and not refusal(state, now) and plan(state, now, policy).verb is Verb.DONE:
                self.turns.say(partition, "loaded already")
            else:
                self.turns.add(partition)

    def _pass(self) -> bool:
        """Make the requests that are due, read the lists once, and act; return whether anything moved."""
        moved = self._request([turn for turn in self.turns.due() if not turn.requests])
        waiting = [turn for turn in self.turns.due() if turn.requests]
        vendors = dict.fromkeys(self._vendor(turn) for turn in waiting)
        listed, unread = self._operations.listings.read_all(vendors)
        until = time.monotonic() + _LIST_SECONDS
        self._busy.clear()
        for turn in waiting:
            if error := unread.get(self._vendor(turn)):
                self.turns.went_wrong(turn, error)
            elif time.monotonic() < until:  # else it waits for the next pass, with a new list
                moved = self._alone(turn, listed) or moved
        return moved

    def _vendor(self, turn: Turn) -> str:
        return self._operations.place.vendor_name(turn.partition.dataset)

    def _request(self, turns: Sequence[Turn]) -> bool:
        """Request the partitions, all of a dataset together; return whether any of them is served now."""
        served = False
        for dataset in dict.fromkeys(turn.partition.dataset for turn in turns):
            of_month = {turn.partition.month: turn for turn in turns if turn.partition.dataset == dataset}
            try:
                made = self._operations.requester.request(dataset, of_month, force_new=self._force_new)
            except Exception as error:  # noqa: BLE001 - any error here is about this dataset alone
                for turn in of_month.values():
                    self.turns.went_wrong(turn, error)
                continue
            for requested in made.done:
                turn = of_month[requested.request.month]
                turn.requests, turn.failures, served = turn.requests + 1, 0, True
                self.turns.say(turn.partition, "requested")
                self._record.requested(turn.partition, requested)
            for month in made.queued:
                self._busy.add(dataset)
                self.turns.say(of_month[month].partition, "waits until the vendor takes more")
            for month, turn in of_month.items():
                turn.requests = max(1, turn.requests)  # also of a month that needs no request any more
                if month in made.refused:
                    self.turns.went_wrong(turn, made.refused[month])
        return served

    def _alone(self, turn: Turn, listed: dict[str, Listing]) -> bool:
        """Do what the plan says about a partition; return whether it moved. An error does not stop the others."""
        try:
            return self._act(turn, listed)
        except GoneError:
            return False  # the archive notes it, and the plan waits for the file or requests another export
        except Exception as error:  # noqa: BLE001 - an error about one partition must not stop the others
            self.turns.went_wrong(turn, error)
            return False

    def _act(self, turn: Turn, listed: dict[str, Listing]) -> bool:
        partition = turn.partition
        state, action = self._planned(partition, listed)
        if action.verb is Verb.LOAD and action.export:
            export = action.export
            self._load(partition, export)
            state, action = self._planned(partition, listed)
            if action.verb is Verb.LOAD and action.export == export:
                raise PermanentError(f"Export {export.id} was fetched, and nothing of it was loaded; look at its log.")
            if action.verb is not Verb.DONE:
                return True
        if action.verb is Verb.DONE:
            if state.loaded is None:  # it cannot be had any more
                raise PermanentError(action.reason)
            self.turns.done(turn)
            return True
        self.turns.say(partition, action.reason)
        return action.verb is Verb.REQUEST and self._request_again(turn, state, action.reason)

    def _planned(self, partition: Partition, listed: dict[str, Listing]) -> tuple[PartitionState, Action]:
        """Return what is known of a partition now, and what the plan says."""
        operations = self._operations
        made = operations.gatherer.gather(listed, wanted=[partition])
        if why := made.of(partition.dataset, partition.month):
            raise PermanentError(why)
        state = made.states[partition]
        return state, plan(state, operations.place.clock(), operations.policy(Due.RETRIED))

    def _request_again(self, turn: Turn, state: PartitionState, reason: str) -> bool:
        if state.backlogged and turn.partition.dataset in self._busy:
            return False  # one month is enough to find out whether the vendor takes more
        if turn.requests > MAX_REQUESTS:
            raise PermanentError(
                f"It was requested {turn.requests} times, and in the end {reason}; ask the vendor's support."
            )
        return self._request([turn])

    def _load(self, partition: Partition, export: Export) -> None:
        operations = self._operations
        self.turns.say(partition, "loading")
        manifest = operations.lander.land(partition.dataset, partition.month, export)
        self._record.landed(partition, manifest)
        loaded = operations.loader.load(partition.dataset, partition.month, force=self._force)
        self._record.loaded(partition, loaded)
        self._new = True

    def _publish(self) -> None:
        """Build the marts that are behind, and publish if anything has changed."""
        self._new, publisher, why = False, self._operations.publisher, ""
        try:
            if self._operations.ledger.months() and (publisher.behind() or not publisher.is_published()):
                publisher.publish(built=self._record.built)
                publisher.vacuum()
                why = " ".join(publisher.unbuilt())
                if not why:  # a view over a mart that failed shows nothing to record
                    self._record.published()
        except Exception as error:  # noqa: BLE001 - a failed publish must not stop the other partitions
            why = sentence(error)
        if why:
            self.turns.failed[Partition("warehouse", Month.of(self._operations.place.clock()))] = why
