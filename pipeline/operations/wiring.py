"""Build the operations of one installation, each on its first use, from the parts that it needs."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property

from pipeline.export.backlog import Backlog
from pipeline.export.protocol import ExportVendor
from pipeline.operations.erase import Eraser
from pipeline.operations.expire import Expirer
from pipeline.operations.guards import Guards
from pipeline.operations.installation import Installation
from pipeline.operations.land import Lander
from pipeline.operations.ledger import Ledger
from pipeline.operations.listings import Listings
from pipeline.operations.load import Loader, Replacer
from pipeline.operations.publish import Publisher
from pipeline.operations.rebuild import Rebuilder
from pipeline.operations.request import Requester
from pipeline.operations.snapshot import Gatherer
from pipeline.operations.state import Due, Policy
from pipeline.operations.vendors import vendor
from pipeline.privacy.erasures import Erasures
from pipeline.settings import Settings


class Operations:
    """The operations of one installation; assets and commands call them, and decide nothing.

    Args:
        settings: The settings.
        vendors: The vendors by name; None builds them from the settings.
        clock: Returns the time, aware; None is the machine's clock.
        as_of: Show what was known at this time; None shows what is known now.
    """

    def __init__(
        self,
        settings: Settings,
        vendors: Mapping[str, ExportVendor] | None = None,
        clock: Callable[[], datetime] | None = None,
        as_of: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.place = Installation(settings, clock, as_of)
        self.ledger = Ledger(self.place)
        self._vendors = vendors

    @cached_property
    def vendors(self) -> Mapping[str, ExportVendor]:
        """The vendors of the datasets, by name."""
        names = dict.fromkeys(dataset.vendor for dataset in self.place.datasets.values())
        return self._vendors or {name: vendor(name, self.settings) for name in names}

    def policy(self, due: Due = Due.SCHEDULED) -> Policy:
        """Return the policy of the settings, with requests due as given."""
        return Policy(timedelta(hours=self.settings.cdr_export_deadline_hours), due)

    @cached_property
    def backlog(self) -> Backlog:
        """The months that wait until their vendor takes more requests."""
        return Backlog(self.place.data / ".locks")

    @cached_property
    def listings(self) -> Listings:
        """Reads the vendors' lists."""
        return Listings(self.place, self.vendors)

    @cached_property
    def gatherer(self) -> Gatherer:
        """Gathers the state of every partition."""
        return Gatherer(self.place, self.ledger, self.listings, self.backlog)

    @cached_property
    def requester(self) -> Requester:
        """Requests exports."""
        return Requester(self.gatherer)

    @cached_property
    def lander(self) -> Lander:
        """Fetches files."""
        return Lander(self.place, self.vendors)

    @cached_property
    def loader(self) -> Loader:
        """Loads landed files."""
        return Loader(self.place, self.ledger, self._replacer)

    @cached_property
    def _replacer(self) -> Replacer:
        guards = Guards(self.settings.cdr_max_shrink_share, self.settings.cdr_max_rejected_share)
        return Replacer(self.place.archive, self.place.lake, self.place.tables, guards, self._eraser)

    @cached_property
    def publisher(self) -> Publisher:
        """Builds marts, publishes and reports."""
        return Publisher(self.place, self.ledger)

    @cached_property
    def rebuilder(self) -> Rebuilder:
        """Loads again what the archive holds, and erases numbers."""
        return Rebuilder(self.place, self.ledger, self._replacer, self.publisher, self._eraser, self._erasures)

    @cached_property
    def expirer(self) -> Expirer:
        """Deletes what the settings no longer allow to keep."""
        return Expirer(self.place, self.publisher, self.vendors)

    @cached_property
    def _erasures(self) -> Erasures:
        return Erasures(self.place.data)

    @cached_property
    def _eraser(self) -> Eraser:
        return Eraser(self.place.archive, self.place.tables, self._erasures, self.place.clock)
