"""A local PackageX: pages counted in the body, oldest first, addresses on demand, exports kept for a day."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pipeline.sandbox.account import Draft, Export, Stage
from pipeline.sandbox.dialect import Content, Route
from pipeline.sandbox.faults import Operation
from pipeline.sandbox.files.sheet import Sheet
from pipeline.sandbox.local import Local
from pipeline.sandbox.packagex.companions import COMPANIONS, divided
from pipeline.sandbox.packagex.resources import RESOURCES
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import RefusalError, Response, document

_BASE = "/v1"
_PATH = f"{_BASE}/exports"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 22
_DEFAULT_LIMIT = 10
_LARGEST_PAGE = 100
_TOKENS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "a": "%p"}
_URLS = ("_csv_url", "_json_url")
_zones = cache(available_timezones)  # which looks for files each time
_ON_ALL = {"GET": Operation.LIST, "POST": Operation.CREATE}


class Sandbox(Local):
    """A local vendor that answers like PackageX's exports API.

    Args:
        wrapped: Whether exports are under ``data``, as most of the documentation says, or at the top level.
        crossed: Whether ``include_csv`` brings ``_json_url`` and the reverse, as the documentation's text says.
        kept_out: For each further file, ``sanitized`` and ``error``, the number n: every n-th record is in it alone.
        options: As of ``Local``.
    """

    fields = RESOURCES
    words = {  # noqa: RUF012 - the vendor's
        Stage.QUEUED: "queued",
        Stage.PROCESSING: "processing",
        Stage.DONE: "completed",
        Stage.FAILED: "failed",
    }
    path = _BASE
    key_header = "PX-API-KEY"
    kept = timedelta(hours=24)
    pointer_lives = timedelta(hours=1)

    def __init__(
        self,
        *,
        wrapped: bool = True,
        crossed: bool = False,
        kept_out: Mapping[str, int] = MappingProxyType({}),
        **options: Any,
    ) -> None:
        self._wrapped, self._kept_out = wrapped, kept_out
        self._flags = ("include_json", "include_csv") if crossed else ("include_csv", "include_json")
        super().__init__(**options)

    def route(self, request: Request) -> Route | None:
        """Return what the request wants: create, list or show."""
        if request.path == _PATH and request.method in _ON_ALL:
            return Route(_ON_ALL[request.method])
        before, _, name = request.path.rpartition("/")
        return Route(Operation.SHOW, name) if before == _PATH and request.method == "GET" else None

    def is_authorized(self, request: Request) -> bool:
        """Return whether one of two headers carries the key."""
        return self.api_key in (request.headers.get("px-api-key"), request.headers.get("x-api-key"))

    def draft(self, body: Content, path: str) -> Draft:
        """Return the draft; all three members are required, and a window has a start only."""
        resource, options, form = body.get("resource"), body.get("options"), body.get("csv_field_options")
        if not isinstance(resource, str) or resource not in self.fields:
            raise self.refused(400, f"resource must be one of {', '.join(self.fields)}")
        if not isinstance(options, dict) or not isinstance(form, dict):
            raise self.refused(400, "options and csv_field_options are required")
        if form.get("timezone") not in _zones():
            raise self.refused(400, "csv_field_options.timezone must be an IANA time zone")
        columns = tuple(name for name, wanted in form["columns"].items() if wanted)
        if unknown := set(columns) - set(self.fields[resource]):
            raise self.refused(400, f"csv_field_options.columns: {resource} has no {min(unknown)}")
        window, start = self._window(resource, options)
        limit = options.get("limit", _DEFAULT_LIMIT)
        return Draft(resource, columns, body, start, None, window, None if limit == "all" else int(limit))

    def foreign_draft(self, rng: Random) -> Draft:
        """Return a draft with other columns, another zone and a few days."""
        resource = rng.choice([*self.fields])
        names = [*self.fields[resource]]
        since = self.account.now() - timedelta(days=rng.randrange(1, 10))
        form = {
            "timezone": rng.choice(["America/New_York", "UTC"]),
            "datetime_format": "MM/dd/yyyy hh:mm:ss a",
            "columns": dict.fromkeys(names[: rng.randrange(2, len(names) + 1)], True),
        }
        options = {"limit": "all", "created_at": f"gte:{since:%Y-%m-%d}"}
        return self.draft({"resource": resource, "options": options, "csv_field_options": form}, _PATH)

    def resource(self, request: Request, export: Export, status: str, operation: Operation) -> Content:
        """Return the export; a show has the addresses of the files that were asked for."""
        created = int(export.created_at.timestamp())
        shown: dict[str, object] = {
            "id": export.id,
            "object": "export",
            "resource": export.resource,
            "status": status,
            "count_total": len(export.rows) if status == self.words[Stage.DONE] else 0,
            "count_batches": 1,
            "created_at": created,
            "updated_at": created,
        }
        return {**shown, **self._pointers(request, export, status)} if operation is Operation.SHOW else shown

    def page(self, request: Request, exports: Sequence[Export], *, endless: bool) -> Response:
        """Return the page, by default ten exports, oldest first."""
        query = dict(request.parameters)
        limit = max(1, min(int(query.get("limit", _DEFAULT_LIMIT)), _LARGEST_PAGE))
        number = 1 if endless else int(query.get("page", 1))
        chosen = [export for export in exports if query.get("resource") in (None, export.resource)]
        if query.get("direction") == "desc":
            chosen.reverse()
        shown = chosen[(number - 1) * limit : number * limit]
        more = endless or number * limit < len(chosen)
        pagination = {"page": number, "limit": limit, "has_more": more, "total_count": len(chosen)}
        data = [self.shown(request, export, Operation.LIST) for export in shown]
        return self._enveloped(200, data, request, pagination=pagination)

    def is_later_page(self, request: Request) -> bool:
        """Return whether the page is after the first."""
        return dict(request.parameters).get("page", "1") != "1"

    def single(self, status: int, resource: Content, request: Request) -> Response:
        """Return the export, under ``data`` or not: the documentation has both."""
        return self._enveloped(status, resource, request) if self._wrapped else document(status, resource)

    def refused(self, status: int, reason: str, **more: object) -> RefusalError:
        """Return the envelope, with what is wrong in ``errors``."""
        body = {"message": "Refused", "data": None, "status": status, "errors": [reason], "code": "refused"}
        return RefusalError(document(status, {**body, "pagination": None, "endpoint": _PATH}))

    def sheet(self, export: Export) -> Sheet:
        """Return plain CSV, with times in the format of the create body."""
        form = export.body["csv_field_options"]
        zone, written = ZoneInfo(form["timezone"]), form["datetime_format"]
        for token, directive in _TOKENS.items():
            written = written.replace(token, directive)
        return Sheet(timestamp=lambda moment: moment.astimezone(zone).strftime(written))

    def identify(self, number: uuid.UUID) -> str:
        """Return ``exp_`` and 22 letters and digits."""
        value, written = number.int, ""
        for _ in range(_ID_LENGTH):
            value, digit = divmod(value, len(_DIGITS))
            written += _DIGITS[digit]
        return f"exp_{written}"

    def _window(self, resource: str, options: Content) -> tuple[str, datetime | None]:
        """Return the field of the window and its start; no other bound than ``gte:`` is documented."""
        window = next((name for name in options if self.fields[resource].get(name) == "timestamp"), "")
        operator, _, text = str(options.get(window, "")).partition(":")
        if not window:
            return "", None
        try:
            moment = datetime.fromisoformat(text if operator == "gte" else "")
        except ValueError as error:
            raise self.refused(400, f"options.{window} must be gte: and a date") from error
        return window, moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

    def _pointers(self, request: Request, export: Export, status: str) -> Content:
        query = dict(request.parameters)
        wanted = [name for flag, name in zip(self._flags, _URLS, strict=True) if query.get(flag) == "true"]
        csv = self.pointer(request, divided(export, self._kept_out), status, Operation.SHOW)
        json = csv and self.storage.signed_url(request, export, replace(self.sheet(export), container="json"))
        urls = {name: url for name, url in zip(_URLS, (csv, json), strict=True) if name in wanted}
        return {**urls, **(self._companions(request, export) if csv and self._flags[1] in query else {})}

    def _companions(self, request: Request, export: Export) -> Content:
        """Return the addresses of the further files, null for a file without records."""
        found = {name: divided(export, self._kept_out, name) for name in COMPANIONS}
        return {
            f"_csv_{name}_url": self.storage.signed_url(request, one, self.sheet(one)) if one.rows else None
            for name, one in found.items()
        }

    def _enveloped(self, status: int, data: object, request: Request, **more: object) -> Response:
        envelope = {"message": "Ok", "data": data, "status": status, "errors": [], "code": None, "pagination": None}
        return document(status, {**envelope, **more, "endpoint": request.path})
