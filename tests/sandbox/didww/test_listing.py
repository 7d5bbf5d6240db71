from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from pipeline.sandbox import Sandbox

Answer = dict[str, Any]


def listed(sandbox: Sandbox, session: requests.Session, query: str = "") -> Answer:
    answer = session.get(f"{sandbox.url}/exports{query}")
    assert answer.status_code == 200, answer.text
    content: Answer = answer.json()
    return content


def ids(content: Answer) -> list[str]:
    return [export["id"] for export in content["data"]]


def test_the_list_is_ordered_by_id_and_holds_other_peoples_exports(
    sandbox: Sandbox, session: requests.Session, create: Any
) -> None:
    made = create()["id"]
    content = listed(sandbox, session)
    assert ids(content) == sorted(ids(content))
    assert made in ids(content)
    assert content["meta"] == {"total_records": 25, "api_version": "2026-04-16"}
    assert content["links"] == {
        "first": f"{sandbox.url}/exports?page%5Bnumber%5D=1&page%5Bsize%5D=50",
        "last": f"{sandbox.url}/exports?page%5Bnumber%5D=1&page%5Bsize%5D=50",
    }


def test_strangers_come_in_every_status_with_old_filters_and_foreign_references(
    session: requests.Session,
) -> None:
    with Sandbox(foreign=300, calls_per_day=0, api_key="k-7f3") as crowded:
        exports = [export["attributes"] for export in listed(crowded, session, "?page[size]=1000")["data"]]
    assert {export["status"] for export in exports} == {"pending", "processing", "completed"}
    assert {type(export["filters"].get("year")) for export in exports} == {int, str, type(None)}
    assert len({export["external_reference_id"] for export in exports}) > 5
    assert all((export["url"] is None) == (export["status"] != "completed") for export in exports)


def test_following_next_reads_every_export_once(sandbox: Sandbox, session: requests.Session) -> None:
    content = listed(sandbox, session, "?page[size]=7&sort=-created_at")
    assert "prev" not in content["links"]
    seen = ids(content)
    while following := content["links"].get("next"):
        content = session.get(following).json()
        seen += ids(content)
        assert parse_qs(urlsplit(content["links"]["prev"]).query)["sort"] == ["-created_at"]
    assert len(seen) == len(set(seen)) == 24
    assert seen == ids(listed(sandbox, session, "?sort=-created_at"))


def test_links_keep_filters_and_fields_percent_encoded(sandbox: Sandbox, session: requests.Session) -> None:
    query = "?filter[external_reference_id]=a b&fields[exports]=status&page[number]=1&page[size]=5"
    assert listed(sandbox, session, query)["links"]["first"].partition("?")[2] == (
        "fields%5Bexports%5D=status&filter%5Bexternal_reference_id%5D=a+b&page%5Bnumber%5D=1&page%5Bsize%5D=5"
    )


def test_a_page_beyond_the_last_is_empty(sandbox: Sandbox, session: requests.Session) -> None:
    content = listed(sandbox, session, "?page[number]=9&page[size]=10")
    assert content["data"] == []
    assert "next" not in content["links"]
    assert parse_qs(urlsplit(content["links"]["prev"]).query)["page[number]"] == ["3"]


@pytest.mark.parametrize("key", ["created_at", "external_reference_id", "status"])
def test_a_sort_can_be_turned_round(sandbox: Sandbox, session: requests.Session, key: str) -> None:
    def values(query: str) -> list[str]:
        content = listed(sandbox, session, query)
        return [export["attributes"][key] or "~" for export in content["data"]]

    order: Any = ("pending", "processing", "completed").index if key == "status" else None
    up = values(f"?sort={key}")
    assert up == sorted(up, key=order)
    assert values(f"?sort=-{key}") == up[::-1]


def test_several_sorts_apply_from_left_to_right(sandbox: Sandbox, session: requests.Session) -> None:
    content = listed(sandbox, session, "?sort=external_reference_id,-created_at")["data"]
    nulls = [item["attributes"] for item in content if item["attributes"]["external_reference_id"] is None]
    assert len(nulls) > 2
    assert [item["attributes"] for item in content][-len(nulls) :] == nulls
    made = [item["created_at"] for item in nulls]
    assert made == sorted(made, reverse=True)


def test_filters_choose_by_id_and_by_reference(sandbox: Sandbox, session: requests.Session, create: Any) -> None:
    made = [create()["id"] for _ in range(3)]
    assert set(ids(listed(sandbox, session, f"?filter[id]={made[0]},{made[2]}"))) == {made[0], made[2]}
    sandbox.exports[1].external_reference_id = "mine"
    content = listed(sandbox, session, "?filter[external_reference_id]=mine")
    assert len(ids(content)) == content["meta"]["total_records"] == 1
    nothing = listed(sandbox, session, "?filter[external_reference_id]=nobody's")
    assert (nothing["data"], nothing["meta"]["total_records"]) == ([], 0)
    assert "page%5Bnumber%5D=1" in nothing["links"]["last"]


def test_fields_are_sparse_in_the_list_and_alone(sandbox: Sandbox, session: requests.Session, create: Any) -> None:
    made = create()["id"]
    content = listed(sandbox, session, "?fields[exports]=status,url")
    assert {tuple(export["attributes"]) for export in content["data"]} == {("status", "url")}
    alone = session.get(f"{sandbox.url}/exports/{made}?fields[exports]=filters").json()["data"]
    assert list(alone["attributes"]) == ["filters"]


@pytest.mark.parametrize(
    ("query", "code", "detail"),
    [
        ("filter[status]=completed", "102", "status is not allowed."),
        ("filter[export_type]=cdr_in", "102", "export_type is not allowed."),
        ("filter[created_at_gteq]=2026-01-01", "102", "created_at_gteq is not allowed."),
        ("page[number]=0", "118", "0 is not a valid value for number page parameter."),
        ("page[number]=two", "118", "two is not a valid value for number page parameter."),
        ("page[size]=-1", "118", "-1 is not a valid value for size page parameter."),
        ("page[size]=1001", "118", "size exceeds maximum page size of 1000."),
        ("page[offset]=5", "105", "offset is not allowed."),
        ("page=2", "105", "page is not allowed."),
        ("sort=url", "114", "url is not a valid sort criteria for exports"),
        ("sort=created_at,-id", "114", "id is not a valid sort criteria for exports"),
        ("sort=--status", "114", "-status is not a valid sort criteria for exports"),
        ("fields[exports]=size", "104", "size is not a valid field for exports."),
        ("bogus=1", "105", "bogus is not allowed."),
    ],
)
def test_a_parameter_that_the_vendor_does_not_take_is_a_bad_request(
    sandbox: Sandbox, session: requests.Session, query: str, code: str, detail: str
) -> None:
    answer = session.get(f"{sandbox.url}/exports?{query}")
    [problem] = answer.json()["errors"]
    assert (answer.status_code, problem["code"], problem["detail"]) == (400, code, detail)


def test_urls_name_the_host_that_the_client_used(sandbox: Sandbox, session: requests.Session, create: Any) -> None:
    made = create()["id"]
    other = sandbox.url.replace("127.0.0.1", "localhost")
    content = session.get(f"{other}/exports?filter[id]={made}").json()
    assert content["links"]["first"].startswith(f"{other}/exports?")
    assert content["data"][0]["attributes"]["url"].startswith(f"{other}/exports/")
