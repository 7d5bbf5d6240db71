"""Reads the body of a POST or a PATCH, or says in the vendor's words what is wrong with it."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.months import Month
from pipeline.sandbox.answers import MEDIA_TYPE, invalid, missing, not_allowed, problem
from pipeline.sandbox.columns import CDR_IN, CDR_OUT
from pipeline.sandbox.record import MOMENT_FORMAT

NARROWING = {CDR_IN: "did_number", CDR_OUT: "voice_out_trunk.id"}
_ATTRIBUTES = ("export_type", "filters", "callback_url", "callback_method", "external_reference_id")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)?")
_WINDOW_MONTHS = 2
_REFERENCE_LENGTH = 100
_MALFORMED = "The request body is not a JSON:API document."


@dataclass(frozen=True)
class Draft:
    """An export that may be created: everything in it is allowed and normalised."""

    export_type: str
    from_: datetime
    to: datetime
    narrowed_to: str | None
    external_reference_id: str | None
    callback_url: str | None
    callback_method: str | None

    @property
    def filters(self) -> dict[str, object]:
        """The filters as the vendor echoes them."""
        filters: dict[str, object] = {
            "from": self.from_.strftime(MOMENT_FORMAT),
            "to": self.to.strftime(MOMENT_FORMAT),
        }
        if self.narrowed_to is not None:
            filters[NARROWING[self.export_type]] = self.narrowed_to
        return filters


def check_content_type(content_type: str) -> None:
    """Refuse anything but the bare JSON:API media type; a charset is already too much."""
    if content_type != MEDIA_TYPE:
        detail = (
            f"All requests that create or update must use the '{MEDIA_TYPE}' Content-Type. "
            f"This request specified '{content_type}'."
        )
        raise problem(415, "Unsupported media type", detail, "415")


def check_accept(accept: str) -> None:
    """Refuse an Accept that takes JSON:API only with media type parameters."""
    ranges = [part.strip() for part in accept.split(",")]
    ours = [part for part in ranges if part.startswith(MEDIA_TYPE)]
    if ours and all(part.partition(";")[2] for part in ours) and "*/*" not in ranges:
        detail = (
            f"All requests must use the '{MEDIA_TYPE}' Accept without media type parameters. "
            f"This request specified '{accept}'."
        )
        raise problem(406, "Not acceptable", detail, "406")


def read_create(body: bytes, now: datetime) -> Draft:
    """The export that a POST asks for; raises ``ApiError``: 400 for the shape, 422 for the values."""
    data = _resource(body, members=("type", "attributes"))
    attributes = _object(data, "attributes")
    _only(attributes, _ATTRIBUTES)
    export_type = attributes.get("export_type")
    if export_type not in NARROWING:
        raise invalid([("export_type", "is not included in the list")])
    filters = _object(attributes, "filters")
    narrowing = NARROWING[str(export_type)]
    for name in filters:
        if name not in ("from", "to", narrowing):
            raise not_allowed(name, "Filter", "102")
    from_, to = _moment(filters.get("from")), _moment(filters.get("to"))
    complaints = [*_about_window(from_, to, now), *_about_options(attributes)]
    narrowed_to = filters.get(narrowing)
    if narrowing in filters and not (isinstance(narrowed_to, str) and narrowed_to):
        complaints.append(("filters", f"{narrowing} not valid"))
    if complaints or from_ is None or to is None:
        raise invalid(complaints)
    return Draft(
        export_type=str(export_type),
        from_=from_,
        to=to,
        narrowed_to=None if narrowed_to is None else str(narrowed_to),
        external_reference_id=_text(attributes.get("external_reference_id")),
        callback_url=_text(attributes.get("callback_url")),
        callback_method=_text(attributes.get("callback_method")),
    )


def read_update(body: bytes, export_id: str) -> dict[str, str | None]:
    """The attributes that a PATCH sets: the reference, or nothing at all."""
    data = _resource(body, members=("type", "id", "attributes"))
    if data.get("id") != export_id:
        raise problem(400, "A key is required", "The resource object does not contain the key in the URL.", "110")
    attributes = _object(data, "attributes")
    _only(attributes, ("external_reference_id",))
    if complaints := _about_options(attributes):
        raise invalid(complaints)
    return {name: _text(value) for name, value in attributes.items()}


def _resource(body: bytes, members: Collection[str]) -> Mapping[str, object]:
    try:
        content = json.loads(body)
    except ValueError as error:
        raise problem(400, "Bad Request", _MALFORMED, "400") from error
    if not isinstance(content, dict):
        raise problem(400, "Bad Request", _MALFORMED, "400")
    _only(content, ("data",))
    data = _object(content, "data")
    if "type" not in data:
        raise missing("type")
    if data["type"] != "exports":
        raise problem(400, "Invalid resource", f"{data['type']} is not a valid resource.", "101")
    _only(data, members)
    return data


def _object(parent: Mapping[str, object], name: str) -> Mapping[str, object]:
    if name not in parent:
        raise missing(name)
    value = parent[name]
    if not isinstance(value, dict):
        raise problem(400, "Invalid data format", f"{name} must be a hash.", "122")
    return value


def _only(members: Mapping[str, object], allowed: Collection[str]) -> None:
    for name in members:
        if name not in allowed:
            raise not_allowed(name)


def _moment(value: object) -> datetime | None:
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    try:
        return datetime.strptime(f"{found[1]} {found[2]}", MOMENT_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _about_window(from_: datetime | None, to: datetime | None, now: datetime) -> list[tuple[str, str]]:
    oldest = Month.of(now).shift(-_WINDOW_MONTHS).start
    messages: list[str] = []
    for name, moment in (("from", from_), ("to", to)):
        if moment is None:
            messages.append(f"{name} not valid")
        elif moment < oldest:
            messages.append(f"{name} must be within the current and {_WINDOW_MONTHS} previous months")
        elif moment > now:
            messages.append(f"{name} must not be in the future")
    if not messages and from_ is not None and to is not None and from_ >= to:
        messages.append("from must be before to")
    return [("filters", message) for message in messages]


def _about_options(attributes: Mapping[str, object]) -> list[tuple[str, str]]:
    complaints: list[tuple[str, str]] = []
    reference = attributes.get("external_reference_id")
    if reference is not None and not isinstance(reference, str):
        complaints.append(("external_reference_id", "not valid"))
    elif reference is not None and len(str(reference)) > _REFERENCE_LENGTH:
        message = f"is too long (maximum is {_REFERENCE_LENGTH} characters)"
        complaints.append(("external_reference_id", message))
    if attributes.get("callback_method") not in (None, "get", "post"):
        complaints.append(("callback_method", "is not included in the list"))
    if not isinstance(attributes.get("callback_url"), str | None):
        complaints.append(("callback_url", "not valid"))
    return complaints


def _text(value: object) -> str | None:
    return None if value is None else str(value)
