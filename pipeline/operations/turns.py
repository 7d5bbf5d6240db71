"""The partitions of a backfill take turns: one that failed for now comes again at the end, after a pause."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.errors import PermanentError, sentence
from pipeline.operations.state import Partition

Say = Callable[[Partition, str], None]
"""Tells how far a partition has come."""

RETRY_PAUSES = (2.0, 5.0, 15.0, 45.0, 120.0)
"""Seconds before each new try of what may pass by itself; when all are used up the partition fails."""


@dataclass(eq=False)
class Turn:
    """A partition under way: how often it was requested and failed, and when it is due (monotonic seconds)."""

    partition: Partition
    requests: int = 0
    failures: int = 0
    due: float = 0.0


class Turns:
    """The partitions under way, in their order; ``failed`` says which did not come, and why.

    Args:
        say: Tells how far a partition has come.
        pauses: Seconds before each new try.
    """

    def __init__(self, say: Say, pauses: Sequence[float] = RETRY_PAUSES) -> None:
        self._pauses = pauses
        self._left: list[Turn] = []
        self.say = say
        self.failed: dict[Partition, str] = {}

    def __bool__(self) -> bool:
        return bool(self._left)

    def __contains__(self, turn: Turn) -> bool:
        return turn in self._left

    def add(self, partition: Partition) -> None:
        """Add a partition at the end."""
        self._left.append(Turn(partition))

    @property
    def left(self) -> list[Partition]:
        """The partitions under way."""
        return [turn.partition for turn in self._left]

    def due(self) -> list[Turn]:
        """Return the turns that are not in a pause."""
        return [turn for turn in self._left if turn.due <= time.monotonic()]

    def rest(self, seconds: float) -> None:
        """Sleep for so long, or until the first pause ends."""
        pauses = (turn.due - time.monotonic() for turn in self._left)
        time.sleep(min([seconds, *(pause for pause in pauses if pause > 0)]))

    def done(self, turn: Turn) -> None:
        """End a turn: the partition is loaded."""
        self._left.remove(turn)
        self.say(turn.partition, "loaded")

    def went_wrong(self, turn: Turn, error: Exception) -> None:
        """Let the partition come again after a pause, at the end; fail it where that does not help, or was done enough.

        Args:
            turn: The partition's turn.
            error: What went wrong; anything but a ``PermanentError`` may pass by itself.
        """
        passes, tries = not isinstance(error, PermanentError), turn.failures + 1
        self._left.remove(turn)
        if not passes or turn.failures == len(self._pauses):
            self.failed[turn.partition] = sentence(error) + (f" It was tried {tries} times." if passes else "")
            self.say(turn.partition, "failed")
            return
        pause = self._pauses[turn.failures]
        turn.failures, turn.due = tries, time.monotonic() + pause
        self._left.append(turn)
        self.say(turn.partition, f"tried again in {pause:g} seconds: {sentence(error)}")
