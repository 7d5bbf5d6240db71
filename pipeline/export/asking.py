"""Ask for months exactly once, whatever happened before."""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.errors import PermanentError, TransientError
from pipeline.export.outbox import Outbox
from pipeline.export.plan import of_month, serving, waiting
from pipeline.export.protocol import Export, ExportVendor, Request


@dataclass(frozen=True)
class Asked:
    """What serves a request, and whether it was created for it or found in the vendor's list."""

    request: Request
    export: Export
    created: bool


@dataclass(frozen=True)
class Asker:
    """Who asks: the installation, what time it is, how long exports may take, and which of them lost their file.

    ``loaded`` is the export that each month holds. Unless ``again``, one that is ready and not loaded yet serves.
    """

    installation: str
    now: datetime
    deadline: timedelta
    lost: Container[str] = ()
    loaded: Mapping[str, str] = field(default_factory=dict)
    again: bool = False

    def serving(self, request: Request, listed: Collection[Export]) -> Export | Request:
        """What in the list serves the request, or the request to send.

        Raises ``PermanentError`` where the reference stands in the list for something else: asking under it again
        and again would bring nothing.
        """
        ours = of_month(self.installation, request.record_type, request.month, listed)
        fresh = set() if self.again else waiting(ours, self.loaded.get(str(request.month)), self.now)
        found = serving(request, ours, self.now, self.deadline, self.lost, fresh)
        if isinstance(found, Request) and any(export.reference == found.reference for export in listed):
            raise PermanentError(
                f"The vendor lists an export under our reference {found.reference} that is not what it says; "
                "set CDR_INSTALLATION to another name."
            )
        return found


def ensure_asked(vendor: ExportVendor, requests: Iterable[Request], asker: Asker, outbox: Outbox) -> Iterator[Asked]:
    """Yield the export that serves each request, as soon as it is sure.

    The vendor's list comes first, once for all: what it has is adopted, and what a killed process sent is waited
    for. A POST whose answer was lost may have been heard, so the list is read again before anyone may repeat it.
    """
    listed = outbox.after_arrival(vendor.exports)
    for request in requests:
        found = asker.serving(request, listed)
        if isinstance(found, Export):
            yield Asked(request, found, created=False)
            continue
        try:
            with outbox.sending(found.reference):
                created = vendor.ask(found)
            listed = [*listed, created]
        except TransientError:
            listed = vendor.exports()
            again = asker.serving(request, listed)
            if not isinstance(again, Export):
                raise
            created = again
        yield Asked(request, created, created=True)
