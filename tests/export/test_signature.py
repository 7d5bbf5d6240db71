import string
from urllib.parse import urlencode, urlsplit

import pytest
from didww.callback.request_validator import RequestValidator
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from pipeline.export.signature import is_signed, normalised
from pipeline.sandbox.didww.callbacks import signature as sandbox_signature

KEY = SecretStr("SOMEAPIKEY")
ORDER = {"status": "completed", "id": "1dd7a68b-e235-402b-8912-fe73ee14243a", "type": "orders"}
VERIFICATION = {
    "status": "approved",
    "id": "7ae7c48f-d48a-499f-9dc1-c9217014b457",
    "type": "address_verifications",
    "reject_reason": "",
}


@pytest.mark.parametrize(
    ("secret", "url", "payload", "signature"),
    [
        (
            "szrdgh6547umt7tht7xbqhj6g9gdbyp7",
            "https://mycompany.com/didww_callbacks?opaque=123",
            {"id": "bf2cee72-6caa-4ae2-917e-bea01945691e", "status": "completed", "type": "orders"},
            "30f66e9d72eb5e193051fd02952f70d8e934b4ff",
        ),
        ("SOMEAPIKEY", "http://example.com/callbacks", ORDER, "fe99e416c3547f2f59002403ec856ea386d05b2f"),
        ("OTHERAPIKEY", "http://example.com/callbacks?foo=bar#baz", ORDER, "32754ba93ac1207e540c0cf90371e7786b3b1cde"),
        (  # of a GET the payload is signed twice: in the address, and behind it
            "SOMEAPIKEY",
            f"http://example.com/callback.php?{urlencode(sorted(VERIFICATION.items()))}",
            VERIFICATION,
            "18050028b6b22d0ed516706fba1c1af8d6a8f9d5",
        ),
    ],
)
def test_what_the_vendor_publishes_as_signed_is(secret: str, url: str, payload: dict[str, str], signature: str) -> None:
    assert is_signed(signature, SecretStr(secret), url, payload)
    assert not is_signed(signature, SecretStr(secret + "x"), url, payload)
    assert not is_signed(signature, SecretStr(secret), url + "x", payload)
    assert not is_signed(signature, SecretStr(secret), url, {**payload, "status": "canceled"})
    assert not is_signed(signature.upper(), SecretStr(secret), url, payload)


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        ("http://foo.com/bar", "4d1ce2be656d20d064183bec2ab98a2ff3981f73"),
        ("http://foo.com:80/bar", "4d1ce2be656d20d064183bec2ab98a2ff3981f73"),
        ("http://foo.com:443/bar", "904eaa65c0759afac0e4d8912de424e2dfb96ea1"),
        ("http://foo.com:8182/bar", "eb8fcfb3d7ed4b4c2265d73cf93c31ba614384d1"),
        ("http://foo.com/bar?baz=boo", "78b00717a86ce9df06abf45ff818aa94537e1729"),
        ("http://user:pass@foo.com/bar", "88615a11a78c021c1da2e1e0bfb8cc165170afc5"),
        ("http://foo.com/bar#test", "b1c4391fcdab7c0521bb5b9eb4f41f08529b8418"),
        ("https://foo.com/bar", "f26a771c302319a7094accbe2989bad67fff2928"),
        ("https://foo.com:443/bar", "f26a771c302319a7094accbe2989bad67fff2928"),
        ("https://foo.com:80/bar", "bd45af5253b72f6383c6af7dc75250f12b73a4e1"),
        ("https://foo.com:8384/bar", "9c9fec4b7ebd6e1c461cb8e4ffe4f2987a19a5d3"),
        ("https://foo.com/bar?qwe=asd", "4a0e98ddf286acadd1d5be1b0ed85a4e541c3137"),
        ("https://qwe:asd@foo.com/bar", "7a8cd4a6c349910dfecaf9807e56a63787250bbd"),
        ("https://foo.com/bar#baz", "5024919770ea5ca2e3ccc07cb940323d79819508"),
        ("http://[::1]/bar", "e0e9b83e4046d097f54b3ae64b08cbb4a539f601"),
        ("http://[::1]:80/bar", "e0e9b83e4046d097f54b3ae64b08cbb4a539f601"),
        ("http://[::1]:9090/bar", "ebec110ec5debd0e0fd086ff2f02e48ca665b543"),
        ("https://[::1]/bar", "f3cfe6f523fdf1d4eaadc310fcd3ed92e1e324b0"),
        ("http://foo.com/hello%20world", "eb64035b2e8f356ff1442898a39ec94d5c3e2fc8"),
        ("http://foo.com/foo%2Fbar", "db24428442b012fa0972a453ba1ba98e755bba10"),
    ],
)
def test_an_address_is_signed_as_the_vendors_vectors_say(url: str, signature: str) -> None:
    assert is_signed(signature, KEY, url, ORDER)
    assert sandbox_signature(KEY.get_secret_value(), urlsplit(url), ORDER) == signature


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("foo.com/bar", "http://foo.com:80/bar"),
        ("foo.com:8080/bar?to=http://x/", "http://foo.com:8080/bar?to=http://x/"),
        ("HTTPS://foo.com/bar", "https://foo.com:443/bar"),
        ("http://a@b:c@foo.com/bar?x=1&y=#z", "http://a@b:c@foo.com:80/bar?x=1&y=#z"),
        ("https://u@[2a01:ad00::1]/", "https://u@[2a01:ad00::1]:443/"),
    ],
)
def test_the_port_is_always_named_and_http_is_what_has_no_scheme(url: str, signed: str) -> None:
    assert normalised(url) == signed


WORD = st.text(string.ascii_letters + string.digits + "-_.~%", min_size=1, max_size=8)
ADDRESS = st.builds(
    "{}://{}{}{}/{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.one_of(st.just(""), WORD.map(lambda user: f"{user}@"), st.builds("{}:{}@".format, WORD, WORD)),
    st.sampled_from(["example.com", "10.0.0.1", "[::1]", "[2a01:ad00::1]"]),
    st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}")),
    WORD,
    st.one_of(st.just(""), WORD.map(lambda query: f"?{query}")),
    st.one_of(st.just(""), WORD.map(lambda fragment: f"#{fragment}")),
)


@given(st.text(min_size=1), ADDRESS, st.dictionaries(st.text(), st.text()))
def test_it_is_what_the_vendors_own_client_computes(secret: str, url: str, payload: dict[str, str]) -> None:
    theirs = RequestValidator(secret)._compute_signature(url, payload)
    assert is_signed(theirs, SecretStr(secret), url, payload)


@given(st.text())
def test_no_text_is_an_error_or_a_signature(signature: str) -> None:
    assert not is_signed(signature, KEY, "http://example.com/callbacks", ORDER)


def test_nothing_is_signed_under_an_empty_secret() -> None:
    signature = RequestValidator("")._compute_signature("http://example.com/callbacks", ORDER)
    assert not is_signed(signature, SecretStr(""), "http://example.com/callbacks", ORDER)
