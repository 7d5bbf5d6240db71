"""The months of a backfill take turns: one that failed for now goes to the end, and is tried again after a pause."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.defs.runs import Outcome, Runner
from pipeline.errors import PermanentError, sentence
from pipeline.months import Month

Place = tuple[str, Month]
"""A record type's month."""

Say = Callable[[Place, str], None]
"""Tells how far a month has come."""

RETRY_PAUSES = (2.0, 5.0, 15.0, 60.0, 180.0)
"""Seconds before each new try of what may pass by itself; when all are used up the month fails."""


@dataclass(eq=False)
class Turn:
    """A month that is on its way: what happened to it, and the moment before which it is left alone."""

    place: Place
    requests: int = 0
    failures: int = 0
    unlisted: int = 0
    due: float = 0.0


class Turns:
    """The months that are on their way, in their order; ``failed`` says which did not come, and why."""

    def __init__(self, runner: Runner, say: Say, pauses: Sequence[float]) -> None:
        self._runner = runner
        self._pauses = pauses
        self._left: list[Turn] = []
        self.say = say
        self.failed: dict[Place, str] = {}

    def __bool__(self) -> bool:
        return bool(self._left)

    def __contains__(self, turn: Turn) -> bool:
        return turn in self._left

    def add(self, place: Place) -> None:
        """Let a month come last."""
        self._left.append(Turn(place))

    def due(self) -> list[Turn]:
        """The months that need not be left alone now."""
        return [turn for turn in self._left if turn.due <= time.monotonic()]

    def rest(self, seconds: float) -> None:
        """Sleep for so long, or until the first month that is left alone is due."""
        pauses = (turn.due - time.monotonic() for turn in self._left)
        time.sleep(min([seconds, *(pause for pause in pauses if pause > 0)]))

    def alone(self, turn: Turn, act: Callable[[Turn], bool]) -> bool:
        """Do something with a month, and whether it moved; whatever goes wrong is about that month alone."""
        try:
            return act(turn)
        except Exception as error:  # noqa: BLE001 - nothing of one month may stop the others
            self.went_wrong(turn, outcome_of(error))
            return False

    def done(self, turn: Turn) -> None:
        """The month is loaded."""
        self._left.remove(turn)
        self.say(turn.place, "loaded")

    def went_wrong(self, turn: Turn, outcome: Outcome) -> None:
        """Let the month come again after a pause, at the end; or fail it, where that is no use or was done enough."""
        tries = turn.failures + 1
        self._left.remove(turn)
        if not outcome.may_pass or turn.failures == len(self._pauses):
            tried = f" It was tried {tries} times." if outcome.may_pass else ""
            self.failed[turn.place] = outcome.why + tried
            self.say(turn.place, "failed")
            return
        pause = self._pauses[turn.failures]
        turn.failures, turn.due = tries, time.monotonic() + pause
        self._left.append(turn)
        self._runner.will_repeat(outcome)
        self.say(turn.place, f"tried again in {pause:g} seconds: {outcome.why}")


def outcome_of(error: Exception) -> Outcome:
    """What an error means for the next try."""
    return Outcome(ok=False, why=sentence(error), may_pass=not isinstance(error, PermanentError))
