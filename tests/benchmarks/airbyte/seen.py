"""What a vendor saw of a contestant, and what came of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

_KINDS = ("posts", "lists", "looks", "files")


@dataclass(frozen=True)
class Seen:
    """What the vendor saw, what it holds now, and what came of it.

    ``wanted`` are the rows that there are. ``failed`` is how the last run ended, ``leaked`` whether the key went to
    another host.
    """

    posts: int
    lists: int
    looks: int
    files: int
    exports: int
    rows: int
    wanted: int
    runs: int
    failed: bool
    leaked: bool

    def plain(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


def counted(requests: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many requests of each kind there were, by method and path."""
    kinds = Counter(_kind(method, path) for method, path in requests)
    return {kind: kinds[kind] for kind in _KINDS}


def _kind(method: str, path: str) -> str:
    """What a request was for; a token is none of it."""
    place = path.partition("?")[0].rstrip("/")
    if method == "POST":
        return "tokens" if place.endswith("/token") else "posts"
    if "/storage/" in place or place.endswith((".gz", "/download")):
        return "files"
    return "lists" if place.endswith("exports") else "looks"
