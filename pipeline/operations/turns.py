"""The turns of a backfill's partitions: one with a passing error goes to the end of the queue, after a pause."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.errors import PermanentError, sentence
from pipeline.operations.state import Partition

Say = Callable[[Partition, str], None]
"""Reports the progress of a partition."""

RETRY_PAUSES = (2.0, 10.0, 45.0)
"""Seconds before each new try after a passing error; after the last one the partition fails."""


@dataclass(eq=False)
class Turn:
    """A partition in work: how often it was requested and failed, and when it is due (monotonic seconds)."""

    partition: Partition
    requests: int = 0
    failures: int = 0
    due: float = 0.0


class Turns:
    """The partitions in work, in their order; ``failed`` has the reason for each that failed.

    Args:
        say: Reports the progress of a partition.
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
        """The partitions in work."""
        return [turn.partition for turn in self._left]

    def due(self) -> list[Turn]:
        """Return the turns without a pause now."""
        return [turn for turn in self._left if turn.due <= time.monotonic()]

    def rest(self, seconds: float) -> None:
        """Sleep for these seconds, or until the first pause ends."""
        pauses = (turn.due - time.monotonic() for turn in self._left)
        time.sleep(min([seconds, *(pause for pause in pauses if pause > 0)]))

    def done(self, turn: Turn) -> None:
        """End a turn: the partition is loaded."""
        self._left.remove(turn)
        self.say(turn.partition, "loaded")

    def went_wrong(self, turn: Turn, error: Exception) -> None:
        """Move the partition to the end, after a pause; fail it after a permanent error or too many tries.

        Args:
            turn: The partition's turn.
            error: The error; any but a ``PermanentError`` may pass by itself.
        """
        passes, tries = not isinstance(error, PermanentError), turn.failures + 1
        why = sentence(error).removeprefix(f"{turn.partition}: ")  # which is said before it anyway
        self._left.remove(turn)
        if not passes or turn.failures == len(self._pauses):
            self.failed[turn.partition] = why + (f" It was tried {tries} times." if passes else "")
            self.say(turn.partition, "failed")
            return
        pause = self._pauses[turn.failures]
        turn.failures, turn.due = tries, time.monotonic() + pause
        self._left.append(turn)
        self.say(turn.partition, f"tried again in {pause:g} seconds: {why}")
