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
from pipeline.export.protocol import Export, Listing
from pipeline.months import Month
from pipeline.operations.plan import plan
from pipeline.operations.state import Attempts, Due, Partition, Verb
from pipeline.operations.wiring import Operations
from tests.benchmarks.measure import tell


class Passes:
    """Brings in months; ``failed`` is whether any was given up."""

    def __init__(self, operations: Operations, name: str, months: Sequence[Month]) -> None:
        self._operations, self._name, self._months = operations, name, months
        self._failures: Counter[str] = Counter()
        self._left = list(months)
        self.failed = False

    def run(self) -> int:
        """Rows that are loaded in the end."""
        for month in self._months:
            self._ask(month)
        while self._left:
            listed = self._operations.listings.read(self._operations.place.datasets[self._name].vendor)
            for month in list(self._left):
                self._advance(month, listed)
            if self._left:
                time.sleep(self._operations.settings.cdr_poll_seconds)
        rows = (row for row in self._operations.ledger.coverage() if row.record_type == self._name)
        return sum(row.rows or 0 for row in rows)

    def _ask(self, month: Month) -> None:
        if str(month) in self._operations.ledger.loaded(self._name):
            self._left.remove(month)
            return
        try:
            self._operations.requester.request(self._name, [month]).all()
        except PermanentError:
            self.failed = True
            self._left.remove(month)

    def _advance(self, month: Month, listed: Listing) -> None:
        operations, partition = self._operations, Partition(self._name, month)
        lists = {operations.place.vendor_name(self._name): listed}
        made = operations.gatherer.gather(lists, lambda export_id: Attempts(self._failures[export_id]), [partition])
        action = plan(made.states[partition], operations.place.clock(), operations.policy(Due.RETRIED))
        if action.verb is Verb.LOAD and action.export:
            self._load(month, action.export)
        elif action.verb is Verb.REQUEST:
            self._ask(month)

    def _load(self, month: Month, export: Export) -> None:
        try:
            self._operations.lander.land(self._name, month, export)
            self._operations.loader.load(self._name, month)
        except (PermanentError, TransientError):
            self._failures[export.id] += 1
        else:
            self._left.remove(month)


if __name__ == "__main__":
    passes = Passes(Operations(settings.load()), sys.argv[1], [Month.parse(text) for text in sys.argv[2:]])
    tell({"rows": passes.run(), "failed": passes.failed})
