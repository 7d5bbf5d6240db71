"""Where a caller's number comes from, as version 2026-11-19 tells it."""

from functools import cache

# A number that is not international comes from the country that the customer is in.
_HOME = "49"
_COUNTRIES = {
    "1": ("United States", "US", "United States, others"),
    "33": ("France", "FR", "Orange"),
    "44": ("United Kingdom", "GB", "United Kingdom BT"),
    "49": ("Germany", "DE", "Deutsche Telekom"),
    "972": ("Israel", "IL", 'Partner "Orange"'),
}
_UNKNOWN = ("", "", "")
_SHORTEST = 6


@cache
def delivered(number: str) -> str:
    """The number as it is handed to the trunk: international, without the digits that lead out of a country."""
    if not number.isdecimal() or len(number) < _SHORTEST:
        return number
    if number.startswith("00"):
        return number.removeprefix("00")
    return _HOME + number[1:] if number.startswith("0") else number


def country(number: str) -> str:
    """Its country's name; empty for what is no number of a country."""
    return _origin(number)[0]


def iso_code(number: str) -> str:
    """Its country's code of two letters."""
    return _origin(number)[1]


def network(number: str) -> str:
    """Its network, as the price list calls it."""
    return _origin(number)[2]


@cache
def _origin(number: str) -> tuple[str, str, str]:
    called = delivered(number)
    if not called.isdecimal() or len(called) < _SHORTEST:
        return _UNKNOWN
    return next((found for prefix, found in _COUNTRIES.items() if called.startswith(prefix)), _UNKNOWN)
