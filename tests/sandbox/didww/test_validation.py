import json
from typing import Any

import pytest
import requests

from pipeline.sandbox import Sandbox

MEDIA = "application/vnd.api+json"
WINDOW = "must be within the current and 2 previous months"
MISSING: Any = object()


def post(
    sandbox: Sandbox, session: requests.Session, data: Any, media: str = MEDIA, **headers: str
) -> requests.Response:
    body = data if isinstance(data, bytes) else json.dumps({"data": data}).encode()
    return session.post(f"{sandbox.url}/exports", data=body, headers={"Content-Type": media} | headers)


def resource(filters: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    window = {"from": "2026-10-01 00:00:00", "to": "2026-11-01 00:00:00"} | (filters or {})
    window = {name: value for name, value in window.items() if value is not MISSING}
    return {"type": "exports", "attributes": {"export_type": "cdr_in", "filters": window} | attributes}


def error(title: str, attribute: str = "filters") -> dict[str, Any]:
    return {
        "title": title,
        "detail": f"{attribute} - {title}",
        "code": "100",
        "source": {"pointer": f"/data/attributes/{attribute}"},
        "status": "422",
    }


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({"from": ""}, ["from not valid"]),
        ({"from": MISSING}, ["from not valid"]),
        ({"from": 20261001}, ["from not valid"]),
        ({"from": "2026-10-01"}, ["from not valid"]),
        ({"from": "2026-10-32 00:00:00"}, ["from not valid"]),
        ({"to": "soon"}, ["to not valid"]),
        ({"from": "2026-08-31 23:59:59"}, [f"from {WINDOW}"]),
        ({"from": "2019-01-01 00:00:00", "to": "2019-01-31 23:59:59"}, [f"from {WINDOW}", f"to {WINDOW}"]),
        ({"to": "2026-11-21 08:00:01"}, ["to must not be in the future"]),
        ({"from": "2026-11-01 00:00:00"}, ["from must be before to"]),
        ({"from": "2026-11-02T00:00:00Z"}, ["from must be before to"]),
        ({"did_number": ""}, ["did_number not valid"]),
    ],
)
def test_a_window_that_the_vendor_has_not_is_refused(
    sandbox: Sandbox, session: requests.Session, filters: dict[str, Any], titles: list[str]
) -> None:
    answer = post(sandbox, session, resource(filters))
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == MEDIA
    assert answer.json()["errors"][: len(titles)] == [error(title) for title in titles]
    assert not sandbox.exports


@pytest.mark.parametrize(
    ("attributes", "attribute", "title"),
    [
        ({"export_type": "sms_in"}, "export_type", "is not included in the list"),
        ({"export_type": None}, "export_type", "is not included in the list"),
        (
            {"external_reference_id": "x" * 101},
            "external_reference_id",
            "is too long (maximum is 100 characters)",
        ),
        ({"external_reference_id": 7}, "external_reference_id", "not valid"),
        ({"callback_method": "GET"}, "callback_method", "is not included in the list"),
        ({"callback_url": 1}, "callback_url", "not valid"),
    ],
)
def test_a_wrong_attribute_is_refused(
    sandbox: Sandbox, session: requests.Session, attributes: dict[str, Any], attribute: str, title: str
) -> None:
    answer = post(sandbox, session, resource(**attributes))
    assert (answer.status_code, answer.json()) == (422, {"errors": [error(title, attribute)]})


@pytest.mark.parametrize(
    ("data", "code", "detail"),
    [
        (resource({"bogus": "1"}), "102", "bogus is not allowed."),
        (resource({"voice_out_trunk.id": "1"}), "102", "voice_out_trunk.id is not allowed."),
        (resource({"did_number": "1"}, export_type="cdr_out"), "102", "did_number is not allowed."),
        (resource({"year": "2026"}), "102", "year is not allowed."),
        (resource(status="completed"), "105", "status is not allowed."),
        (resource() | {"id": "mine"}, "105", "id is not allowed."),
        (resource() | {"type": "cdr_exports"}, "101", "cdr_exports is not a valid resource."),
        ({"attributes": {}}, "106", "The required parameter, type, is missing."),
        ({"type": "exports"}, "106", "The required parameter, attributes, is missing."),
        ({"type": "exports", "attributes": {"export_type": "cdr_in", "filters": []}}, "122", "filters must be a hash."),
        (b"{", "400", "The request body is not a JSON:API document."),
        (b"[]", "400", "The request body is not a JSON:API document."),
        (b"{}", "106", "The required parameter, data, is missing."),
    ],
)
def test_a_body_of_another_shape_is_a_bad_request(
    sandbox: Sandbox, session: requests.Session, data: Any, code: str, detail: str
) -> None:
    answer = post(sandbox, session, data)
    [problem] = answer.json()["errors"]
    assert (answer.status_code, problem["code"], problem["detail"]) == (400, code, detail)
    assert all(isinstance(value, str) for value in problem.values())


def test_the_error_for_an_unknown_filter_is_the_vendors(sandbox: Sandbox, session: requests.Session) -> None:
    assert post(sandbox, session, resource({"bogus": "1"})).json() == {
        "errors": [{"title": "Filter not allowed", "detail": "bogus is not allowed.", "code": "102", "status": "400"}]
    }


@pytest.mark.parametrize("media", [f"{MEDIA}; charset=utf-8", "application/json", ""])
def test_another_content_type_is_not_supported(sandbox: Sandbox, session: requests.Session, media: str) -> None:
    answer = post(sandbox, session, resource(), media)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (415, "415")


def test_an_accept_with_parameters_is_not_acceptable(sandbox: Sandbox, session: requests.Session) -> None:
    assert post(sandbox, session, resource(), Accept=f"{MEDIA}; charset=utf-8").status_code == 406
    assert post(sandbox, session, resource(), Accept=f"{MEDIA}; charset=utf-8, {MEDIA}").status_code == 201


@pytest.mark.parametrize("spelling", ["2026-10-01 00:00:00", "2026-10-01T00:00:00Z", "2026-10-01T00:00:00.000Z"])
def test_every_spelling_of_a_moment_is_echoed_in_one(
    sandbox: Sandbox, session: requests.Session, spelling: str
) -> None:
    answer = post(sandbox, session, resource({"from": spelling, "did_number": "123456789"}))
    assert answer.status_code == 201
    assert answer.json()["data"]["attributes"]["filters"] == {
        "from": "2026-10-01 00:00:00",
        "to": "2026-11-01 00:00:00",
        "did_number": "123456789",
    }


def test_the_window_reaches_from_the_oldest_second_to_now(sandbox: Sandbox, session: requests.Session) -> None:
    whole = {"from": "2026-09-01 00:00:00", "to": "2026-11-21 08:00:00"}
    assert post(sandbox, session, resource(whole)).status_code == 201


def test_a_created_export_is_answered_as_recorded(sandbox: Sandbox, session: requests.Session) -> None:
    answer = post(sandbox, session, resource(external_reference_id="x" * 100))
    content = answer.json()
    assert answer.status_code == 201
    assert content["meta"] == {"api_version": "2026-04-16"}
    assert content["data"]["type"] == "exports"
    assert content["data"]["attributes"] == {
        "status": "pending",
        "created_at": "2026-11-21T08:00:00.000Z",
        "url": None,
        "callback_url": None,
        "callback_method": None,
        "export_type": "cdr_in",
        "external_reference_id": "x" * 100,
        "filters": {"from": "2026-10-01 00:00:00", "to": "2026-11-01 00:00:00"},
    }


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"external_reference_id": "new"}, 200),
        ({"external_reference_id": None}, 200),
        ({}, 200),
        ({"external_reference_id": "x" * 101}, 422),
        ({"filters": []}, 400),
        ({"export_type": "cdr_out"}, 400),
    ],
)
def test_an_update_takes_the_reference_and_nothing_else(
    sandbox: Sandbox, session: requests.Session, attributes: dict[str, Any], status: int
) -> None:
    made = post(sandbox, session, resource(external_reference_id="old")).json()["data"]["id"]
    data = {"type": "exports", "id": made, "attributes": attributes}
    headers = {"Content-Type": MEDIA}
    answer = session.patch(f"{sandbox.url}/exports/{made}", json={"data": data}, headers=headers)
    assert answer.status_code == status
    wanted = attributes.get("external_reference_id", "old") if status == 200 else "old"
    assert sandbox.exports[0].external_reference_id == wanted


def test_an_update_of_another_id_is_a_bad_request(sandbox: Sandbox, session: requests.Session) -> None:
    made = post(sandbox, session, resource()).json()["data"]["id"]
    data = {"type": "exports", "id": "other", "attributes": {"external_reference_id": "new"}}
    headers = {"Content-Type": MEDIA}
    assert session.patch(f"{sandbox.url}/exports/{made}", json={"data": data}, headers=headers).ok is False
