"""The origin of a caller's number, as in files of version 2026-11-19."""

from functools import cache

# A number without a country is of the customer's country.
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
    """Return the number as the trunk gets it: international, without a prefix such as 00."""
    if not number.isdecimal() or len(number) < _SHORTEST:
        return number
    if number.startswith("00"):
        return number.removeprefix("00")
    return _HOME + number[1:] if number.startswith("0") else number


def country(number: str) -> str:
    """Return the name of the number's country; empty where it is not known."""
    return _origin(number)[0]


def iso_code(number: str) -> str:
    """Return the ISO code of the number's country; empty where it is not known."""
    return _origin(number)[1]


def network(number: str) -> str:
    """Return the network of the number, as in the price list; empty where it is not known."""
    return _origin(number)[2]


@cache
def _origin(number: str) -> tuple[str, str, str]:
    called = delivered(number)
    if not called.isdecimal() or len(called) < _SHORTEST:
        return _UNKNOWN
    return next((found for prefix, found in _COUNTRIES.items() if called.startswith(prefix)), _UNKNOWN)
