"""How the versions of the exports API differ; the columns of files are in ``header_versions``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.sandbox.didww.filters import FILTERS
from pipeline.sandbox.traffic.columns import CDR_IN, CDR_OUT, SMS_IN, SMS_OUT

_SHOWN = ("status", "created_at", "url", "callback_url", "callback_method", "export_type")


@dataclass(frozen=True)
class Version:
    """One version; the defaults are those of the newer ones.

    Args:
        name: The version, which is a date.
        by_month: Whether a window is a year and a month.
        capitalised: Whether a status starts with a capital letter.
        linked: Whether pages have links.
        updates: Whether there is a PATCH.
        bearer: Whether only tokens are accepted, and a callback must have both its attributes.
        shown: The attributes of an export.
        list_filters: The filters of the list.
        sorts: The attributes that the list can be sorted by.
        largest_page: The most exports on a page.
        row_filters: The filters of an export beside the window, by type.
    """

    name: str
    by_month: bool = False
    capitalised: bool = False
    linked: bool = True
    updates: bool = True
    bearer: bool = False
    shown: tuple[str, ...] = (*_SHOWN, "external_reference_id", "filters")
    list_filters: tuple[str, ...] = ("id", "external_reference_id")
    sorts: tuple[str, ...] = ("created_at", "external_reference_id", "status")
    largest_page: int = 100
    row_filters: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {CDR_IN: ("did_number",), CDR_OUT: ("voice_out_trunk.id",)}
    )

    def spelled(self, word: str | None) -> str | None:
        """Return a status or the method of a callback as this version spells it."""
        if not self.capitalised or word is None:
            return word
        return {"get": "GET", "post": "POST"}.get(word, word.capitalize())


def _old(name: str) -> Version:
    return Version(
        name,
        by_month=True,
        capitalised=True,
        linked=False,
        updates=False,
        shown=_SHOWN,
        list_filters=(),
        sorts=("created_at", "status"),
    )


VERSIONS = (
    _old("2021-12-15"),
    _old("2022-05-10"),
    Version("2026-04-16", largest_page=1000),
    Version(
        "2026-11-19",
        bearer=True,
        list_filters=(
            "id",
            "external_reference_id",
            "export_type",
            "status",
            "created_at_gteq",
            "created_at_lteq",
        ),
        row_filters={one: tuple(FILTERS[one]) for one in (CDR_IN, CDR_OUT, SMS_IN, SMS_OUT)},
    ),
)


def version_of(name: str) -> Version:
    """Return the version of that name; raise ``ValueError`` for an unknown one."""
    try:
        return next(version for version in VERSIONS if version.name == name)
    except StopIteration as error:
        raise ValueError(f"There is no version {name}; there are {', '.join(v.name for v in VERSIONS)}.") from error


def served(default: Version, asked: str | None) -> Version:
    """Return the version that is served: the account's, or a newer one that is ``asked`` for."""
    return max((default, *(version for version in VERSIONS if version.name == asked)), key=lambda version: version.name)
