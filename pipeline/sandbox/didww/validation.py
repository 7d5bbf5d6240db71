"""Read the body of a POST or a PATCH, or refuse it in the vendor's words."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.sandbox.didww.filters import FILTERS, RowFilters
from pipeline.sandbox.didww.problems import MEDIA_TYPE, invalid, missing, not_allowed, problem
from pipeline.sandbox.didww.versions import Version
from pipeline.sandbox.didww.windows import read_window, window_filters

_ATTRIBUTES = ("export_type", "filters", "callback_url", "callback_method", "external_reference_id")
_REFERENCE_LENGTH = 100
_MALFORMED = "The request body is not a JSON:API document."


@dataclass(frozen=True)
class Draft:
    """A valid request for an export.

    ``filters`` is what the vendor repeats, ``row_filters`` those of them that are not the window.
    """

    export_type: str
    from_: datetime
    to: datetime
    filters: dict[str, object]
    row_filters: RowFilters
    external_reference_id: str | None
    callback_url: str | None
    callback_method: str | None


def check_content_type(content_type: str) -> None:
    """Refuse every media type but that of JSON:API without parameters, such as a charset."""
    if content_type != MEDIA_TYPE:
        detail = (
            f"All requests that create or update must use the '{MEDIA_TYPE}' Content-Type. "
            f"This request specified '{content_type}'."
        )
        raise problem(415, "Unsupported media type", detail, "415")


def check_accept(accept: str) -> None:
    """Refuse an Accept that takes JSON:API with media type parameters only."""
    ranges = [part.strip() for part in accept.split(",")]
    ours = [part for part in ranges if part.startswith(MEDIA_TYPE)]
    if ours and all(part.partition(";")[2] for part in ours) and "*/*" not in ranges:
        detail = (
            f"All requests must use the '{MEDIA_TYPE}' Accept without media type parameters. "
            f"This request specified '{accept}'."
        )
        raise problem(406, "Not acceptable", detail, "406")


def read_create(body: bytes, now: datetime, version: Version) -> Draft:
    """Return the export that a POST asks for; raise ``RefusalError``: 400 for the form, 422 for the values.

    Args:
        body: The body of the request.
        now: The vendor's time.
        version: The API version.
    """
    data = _resource(body, members=("type", "attributes"))
    attributes = _object(data, "attributes")
    _only(attributes, [name for name in _ATTRIBUTES if name in version.shown or name == "filters"])
    export_type = str(attributes.get("export_type"))
    if export_type not in version.row_filters:
        raise invalid([("export_type", "is not included in the list")])
    filters = _object(attributes, "filters")
    row_filters = _row_filters(filters, export_type, version)
    window = read_window(filters, version, now)
    complaints = [("filters", message) for message in (window if isinstance(window, list) else [])]
    complaints += _about_options(attributes, version)
    complaints += [
        ("filters", f"{name} not valid")
        for name, value in row_filters.items()
        if not FILTERS[export_type][name].takes(value)
    ]
    if complaints or isinstance(window, list):
        raise invalid(complaints)
    return Draft(
        export_type=export_type,
        from_=window.from_,
        to=window.to,
        filters={**window.echo, **row_filters},
        row_filters=row_filters,
        external_reference_id=_text(attributes.get("external_reference_id")),
        callback_url=_text(attributes.get("callback_url")),
        callback_method=_text(attributes.get("callback_method"), str.lower),
    )


def _row_filters(filters: Mapping[str, object], export_type: str, version: Version) -> RowFilters:
    window, others = window_filters(export_type, version), version.row_filters[export_type]
    for name in filters:
        if name not in (*window, *others):
            raise not_allowed(name, "Filter", "102")
    return {name: value for name, value in filters.items() if name in others}


def read_update(body: bytes, export_id: str, version: Version) -> dict[str, str | None]:
    """Return the attributes that a PATCH sets: the reference, or none.

    Args:
        body: The body of the request.
        export_id: The id in its path.
        version: The API version.
    """
    data = _resource(body, members=("type", "id", "attributes"))
    if data.get("id") != export_id:
        raise problem(400, "A key is required", "The resource object does not contain the key in the URL.", "110")
    attributes = _object(data, "attributes")
    _only(attributes, ("external_reference_id",))
    if complaints := _about_options(attributes, version):
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


def _about_options(attributes: Mapping[str, object], version: Version) -> list[tuple[str, str]]:
    complaints: list[tuple[str, str]] = []
    reference = attributes.get("external_reference_id")
    if reference is not None and not isinstance(reference, str):
        complaints.append(("external_reference_id", "not valid"))
    elif reference is not None and len(str(reference)) > _REFERENCE_LENGTH:
        message = f"is too long (maximum is {_REFERENCE_LENGTH} characters)"
        complaints.append(("external_reference_id", message))
    if attributes.get("callback_method") not in (None, version.spelled("get"), version.spelled("post")):
        complaints.append(("callback_method", "is not included in the list"))
    if not isinstance(attributes.get("callback_url"), str | None):
        complaints.append(("callback_url", "not valid"))
    elif version.bearer and (attributes.get("callback_url") is None) != (attributes.get("callback_method") is None):
        complaints.append(("callback_url", "must be sent together with callback_method"))
    return complaints


def _text(value: object, spelled: Callable[[str], str] = str) -> str | None:
    return None if value is None else spelled(str(value))
