"""The key goes to the vendor's own host, whatever an address looks like: the servers tell, and not a parser."""

import itertools
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from pydantic import SecretStr

from pipeline.addresses import is_plain, shown
from pipeline.errors import PermanentError, TransientError
from pipeline.export.connection import Connection
from pipeline.export.didww_auth import Tokens
from pipeline.export.protocol import Credentials

pytestmark = pytest.mark.allow_hosts(
    ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.2", "::ffff:7f00:2", "::1", "localhost"]
)

KEY = "k-4711-secret"
SCHEMES = [
    "http://",
    "HTTP://",
    "http:",
    "http:/",
    "http:///",
    "//",
    "///",
    "\\\\",
    "/\\",
    "http:\\\\",
    " http://",
    "\thttp://",
]
BETWEEN = [
    "@",
    "\\@",
    "#@",
    "?@",
    "/@",
    ";@",
    ":@",
    "&@",
    "@@",
    "|@",
    "%40",
    "%5c@",
    "%00@",
    "%2f@",
    "%23@",
    "%3f@",
    "%09@",
    "\\",
    "\\\\@",
    "#",
    "?",
    "/",
    "[@",
    "]@",
    "/..;@",
    ".@",
    "\x00@",
    "\x08@",
    "\x7f@",
    "\x85@",
    "\xa0@",
    "\u3000@",
    "℀@",
    "／@",
    "＠",
    "。@",
    "\xad@",
    "\u200b@",
]
BETWEEN += ["\t@", "\n@", "\r@", " @", "\t", "\n", " "]
TAILS = ["/x", "", "\\x#@{ours}/", "?@{ours}/x"]
ODD_HOSTS = [
    "127.0.0.2.",
    "127.2",
    "2130706434",
    "0x7f000002",
    "0177.0.0.2",
    "127.0.0.%32",
    "%31%32%37.0.0.2",
    "127。0。0。2",
    "１２７.0.0.2",
    "①②⑦.0.0.2",
    "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]",
    "[127.0.0.2]",
    "[::1",
    "::1]",
    "[v1.x]",
    "127.0.0.1%00.2",
    "xn--127.0.0.2",
    "127.0.0.1。127.0.0.2",
    "*.0.0.1",
    ".127.0.0.1",
    "-127.0.0.1",
    "127.0.0.1,127.0.0.2",
]

Seen = list[tuple[str, str, dict[str, str]]]
Serve = Callable[..., tuple[str, Seen]]


class Hosts:
    """The vendor on 127.0.0.1, and somebody else on 127.0.0.2, on the same port and on another."""

    def __init__(self, serve: Serve) -> None:
        self.base, self.ours = serve(_redirected)
        port = urlsplit(self.base).port
        self.other, self.theirs = serve(lambda path: (200, {}, b"{}"), host="127.0.0.2", port=port)
        self.another, self.theirs_too = serve(lambda path: (200, {}, b"{}"), host="127.0.0.2")

    def addresses(self) -> Iterator[str]:
        ours, *theirs = (urlsplit(url).netloc for url in (self.base, self.other, self.another))
        mixed = [pair for one in theirs for pair in ((ours, one), (one, ours))]
        for scheme, (first, second), between, tail in itertools.product(SCHEMES, mixed, BETWEEN, TAILS):
            yield f"{scheme}{first}{between}{second}{tail.format(ours=ours)}"
        for scheme, host, tail in itertools.product(SCHEMES, ODD_HOSTS, TAILS):
            yield f"{scheme}{host}:{urlsplit(self.base).port}{tail.format(ours=ours)}"

    def keyed(self, seen: Seen) -> list[str]:
        return [path for _, path, headers in seen if any(KEY in value for value in headers.values())]


def _redirected(path: str) -> tuple[int, dict[str, str], bytes]:
    to = parse_qs(urlsplit(path).query).get("to")
    # a header carries bytes, which the server writes as Latin-1
    return (302, {"Location": to[0].encode().decode("latin-1")}, b"") if to else (200, {}, b"{}")


@pytest.fixture
def hosts(serve: Serve) -> Hosts:
    return Hosts(serve)


def connection(base: str) -> Connection:
    credentials = Credentials(f"{base}/v3", SecretStr(KEY), "DIDWW_API_KEY")
    return Connection(credentials, lambda key: {"Api-Key": key}, backoff=0.0)


def attempted(ask: Callable[[str], object], address: str) -> None:
    """Ask, and let nothing be raised but what is a sentence of ours."""
    try:
        answer = ask(address)
    except (PermanentError, TransientError) as error:
        said = str(error)
    else:
        said = ""
        if isinstance(answer, requests.Response):
            answer.close()
    assert "\n" not in said
    assert KEY not in said


def redirected(vendor: Connection, address: str) -> requests.Response:
    return vendor.open(requests.Request("GET", vendor.url("go"), params={"to": address}).prepare().url or "")


@pytest.mark.parametrize("way", ["the file of an export", "a redirect of a download", "the next page"])
def test_the_key_is_seen_by_the_vendors_own_host_only(hosts: Hosts, way: str) -> None:
    vendor = connection(hosts.base)
    ways: dict[str, Callable[[str], object]] = {
        "the file of an export": vendor.open,
        "a redirect of a download": lambda address: redirected(vendor, address),
        "the next page": vendor.get,
    }
    tried = list(hosts.addresses())
    assert len(set(tried)) > 3000
    if way == "a redirect of a download":  # which takes two requests, and a header cannot carry the end of a line
        tried = [address for address in tried[::5] if not set("\r\n") & set(address)]
    for address in tried:
        attempted(ways[way], address)
    assert hosts.keyed(hosts.theirs) == hosts.keyed(hosts.theirs_too) == []
    assert len(hosts.keyed(hosts.ours)) > 50
    assert way == "the next page" or len(hosts.theirs + hosts.theirs_too) > 30  # asked, and without the key


@pytest.mark.parametrize("setting", ["DIDWW_API_URL", "DIDWW_TOKEN_URL"])
def test_a_setting_sends_the_key_to_the_host_that_everybody_reads_in_it(hosts: Hosts, setting: str) -> None:
    def asked(address: str) -> None:
        if setting == "DIDWW_API_URL":
            connection(address).get("x")
        else:
            credentials = Credentials(hosts.base, SecretStr(KEY), "DIDWW_API_KEY", token_url=address)
            Tokens(credentials, backoff=0.0).current(KEY)

    for address in itertools.islice(hosts.addresses(), 0, None, 7):
        before = len(hosts.keyed(hosts.theirs)), len(hosts.keyed(hosts.ours))
        attempted(asked, address)
        for seen, at, host in zip((hosts.theirs, hosts.ours), before, ("127.0.0.2", "127.0.0.1"), strict=True):
            if len(hosts.keyed(seen)) > at:
                assert is_plain(address), address
                assert urlsplit(address).hostname not in {"127.0.0.1", "127.0.0.2"} - {host}  # it may be 127.2
    assert hosts.keyed(hosts.ours)
    assert hosts.keyed(hosts.theirs)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.2:8\\@127.0.0.1:9/x",
        "http://[::1",
        "http://[::1]x/",
        "http://h:99999/",
        "http://h:0/",
        "http://h:x/",
        "http:///x",
        "ftp://h/x",
        "http://user:secret@h/x",
        "http://h\x1b/x",
        "http://h/\x1b[2Jx",
        "http://h/x\ny",
        "http://h\u3002org/",
        "http://b\u00fccher.example/",
        "javascript:alert(1)",
        f"http://{'a' * 300}.example/",
        f"http://{'a.' * 5000}example/",
        "http://.h/",
    ],
)
def test_what_is_no_address_is_told_in_a_sentence(hosts: Hosts, address: str) -> None:
    with pytest.raises((PermanentError, TransientError), match=r"^[^\n]+\.$") as told:
        connection(hosts.base).open(address)
    assert "secret" not in str(told.value)
    assert "\x1b" not in str(told.value)
    with pytest.raises((PermanentError, TransientError), match=r"^[^\n]+\.$"):
        connection(address).get("x")


def test_an_error_names_the_host_that_was_asked(serve: Serve) -> None:
    base, _ = serve(lambda path: (302, {"Location": "http://127.0.0.2:1/gone?secret"}, b""))
    with pytest.raises(TransientError, match=r"^GET http://127\.0\.0\.2:1/gone was not answered"):
        connection(base).open("file")


@pytest.mark.parametrize("path", ["/files/R\u00e9sum\u00e9 of May.zip", "/files/a b", "/files/a%20b?x=%2F&y=[1]"])
def test_a_file_may_have_any_name(serve: Serve, path: str) -> None:
    base, seen = serve(lambda path: (200, {}, b"file"))
    start, _ = serve(lambda asked: (302, {"Location": f"{base}{path}".encode().decode("latin-1")}, b""))
    with connection(start).open("x") as response:
        assert response.content == b"file"
    assert [unquote(seen[0][1])] == [unquote(path)]


@pytest.mark.parametrize("odd", ["http://h/\x1b[2J", "http://[::1", "", "x\\y"])
def test_what_cannot_be_shown_is_not_shown(odd: str) -> None:
    assert shown(odd) == "an invalid address"
