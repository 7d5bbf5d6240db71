"""``python -m tests.benchmarks.airbyte.ours DATASET MONTHS…``: the pipeline's verbs, as its sensor calls them.

Asks month by month, as assets do, and then reads the list every ``CDR_POLL_SECONDS`` until every month is loaded or
given up. Prints what is loaded. Dagster is left out: it adds no request.
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence

from pipeline import settings
from pipeline.errors import PermanentError, TransientError
from pipeline.export.action import Attempts, Verb
from pipeline.export.protocol import Export
from pipeline.journey import Journey
from pipeline.months import Month
from tests.benchmarks.measure import tell


class Passes:
    """Brings in months; ``failed`` is whether any was given up."""

    def __init__(self, journey: Journey, name: str, months: Sequence[Month]) -> None:
        self._journey, self._name, self._months = journey, name, months
        self._failures: Counter[str] = Counter()
        self._left = list(months)
        self.failed = False

    def run(self) -> int:
        """Rows that are loaded in the end."""
        for month in self._months:
            self._ask(month)
        while self._left:
            listed = self._journey.listed(self._journey.datasets[self._name].vendor)
            for month in list(self._left):
                self._advance(month, listed)
            if self._left:
                time.sleep(self._journey.settings.cdr_poll_seconds)
        rows = (row for row in self._journey.coverage() if row.record_type == self._name)
        return sum(row.rows or 0 for row in rows)

    def _ask(self, month: Month) -> None:
        if str(month) in self._journey.loaded(self._name):
            self._left.remove(month)
            return
        try:
            list(self._journey.ask(self._name, [month]))
        except PermanentError:
            self.failed = True
            self._left.remove(month)

    def _advance(self, month: Month, listed: Sequence[Export]) -> None:
        journey, name = self._journey, self._name
        action = journey.plan(name, month, listed, lambda export_id: Attempts(self._failures[export_id]))
        if action.verb is Verb.LOAD and action.export:
            self._load(month, action.export)
        elif action.verb is Verb.REQUEST or month in journey.queue.months(name)[:1]:
            self._ask(month)

    def _load(self, month: Month, export: Export) -> None:
        try:
            self._journey.land(self._name, month, export)
            self._journey.load(self._name, month)
        except (PermanentError, TransientError):
            self._failures[export.id] += 1
        else:
            self._left.remove(month)


if __name__ == "__main__":
    passes = Passes(Journey(settings.load()), sys.argv[1], [Month.parse(text) for text in sys.argv[2:]])
    tell({"rows": passes.run(), "failed": passes.failed})
