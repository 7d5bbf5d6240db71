"""Exports as JSON:API resources, changed by faults."""

from pipeline.sandbox.didww import routes
from pipeline.sandbox.didww.exports import COMPLETED, PENDING, PROCESSING, Export, ExportStore
from pipeline.sandbox.didww.versions import Version
from pipeline.sandbox.faults import STATE_FAULTS, Fault, Faults, Operation
from pipeline.sandbox.files.sheet import iso
from pipeline.sandbox.request import Request


class Resources:
    """Writes exports as JSON:API resources."""

    def __init__(self, store: ExportStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def status(self, export: Export, operation: Operation) -> str:
        """Return the status to show; a fault may change it, unless the export is foreign."""
        status = export.status(self._store.now())
        injection = None if export.foreign else self._faults.take(STATE_FAULTS, operation, export)
        if operation is Operation.CREATE:
            # However fast the vendor is, a new export is pending first.
            return PENDING
        if injection is None:
            return status
        if injection.kind is Fault.UNKNOWN_STATUS:
            return injection.text("failed")
        return PROCESSING if status == COMPLETED else status

    def resource(
        self, request: Request, export: Export, operation: Operation, fields: tuple[str, ...], version: Version
    ) -> dict[str, object]:
        """Return the resource object of an export.

        Args:
            request: Names the host of the file's address.
            export: The export.
            operation: What the request wants, for faults.
            fields: The attributes to show.
            version: The API version, which spells the status.
        """
        status = self.status(export, operation)
        values: dict[str, object] = {
            "status": version.spelled(status),
            "created_at": iso(export.created_at),
            "url": self._url(request, export, operation) if status == COMPLETED else None,
            "callback_url": export.callback_url,
            "callback_method": version.spelled(export.callback_method),
            "export_type": export.export_type,
            "external_reference_id": export.external_reference_id,
            "filters": export.filters,
        }
        attributes = {name: value for name, value in values.items() if name in fields}
        return {"id": export.id, "type": "exports", "attributes": attributes}

    def _url(self, request: Request, export: Export, operation: Operation) -> str | None:
        if not export.foreign and self._faults.take((Fault.WITHOUT_URL,), operation, export):
            return None
        return f"{routes.collection_url(request)}/{export.file_name}"
