"""Write figures and dates: one function for each kind, and an en dash for a missing value."""

from datetime import date, datetime
from decimal import Decimal

from pipeline.months import Month

NONE = "–"
_UNIT = "\N{NO-BREAK SPACE}"
_HALF_A_CENT = 0.005  # rounds to the even cent, which is zero

Number = int | float | Decimal


def count(number: Number | None) -> str:
    """Write a count as ``12,465``."""
    return NONE if number is None else _signed(f"{number:,.0f}")


def share(ratio: Number | None) -> str:
    """Write a ratio from 0 to 1 as ``84.4 %``."""
    return NONE if ratio is None else f"{100 * float(ratio):.1f}{_UNIT}%"


def seconds(number: Number | None) -> str:
    """Write seconds as ``170.8 s``."""
    return NONE if number is None else f"{number:,.1f}{_UNIT}s"


def usd(amount: Number | None) -> str:
    """Write US dollars to the cent, ``527.70``; an amount that would round to zero, to its last digit."""
    if amount is None:
        return NONE
    return usd_exact(amount) if 0 < abs(float(amount)) <= _HALF_A_CENT else _signed(f"{amount:,.2f}")


def usd_exact(amount: Number | None) -> str:
    """Write US dollars to the last stored digit, ``527.704726``."""
    return NONE if amount is None else _signed(f"{amount:,.6f}")


def decimal(number: Number | None) -> str:
    """Write a number with one decimal, ``4.2``."""
    return NONE if number is None else _signed(f"{number:,.1f}")


def text(value: object) -> str:
    """Write a text as it is."""
    return NONE if value is None or value == "" else str(value)


def day(moment: date | None) -> str:
    """Write a day as ``Tue 1 Sep``."""
    return NONE if moment is None else f"{moment:%a} {moment.day} {moment:%b}"


def timestamp(moment: datetime | None) -> str:
    """Write a timestamp as ``1 Sep 2026 10:32:11``."""
    return NONE if moment is None else f"{moment.day} {moment:%b %Y %H:%M:%S}"


def month(moment: Month) -> str:
    """Write a month as ``September 2026``."""
    return f"{moment.start:%B %Y}"


def month_name(moment: Month) -> str:
    """Write a month without its year, ``September``."""
    return f"{moment.start:%B}"


def change(ratio: Number | None) -> str:
    """Write a relative change as ``+4.1 %``; an unknown one as no text."""
    return _difference(ratio, "%")


def points(difference: Number | None) -> str:
    """Write a difference of two ratios in percentage points, ``+0.4 pp``; an unknown one as no text."""
    return _difference(difference, "pp")


def several(number: Number, one: str) -> str:
    """Write a number of things, ``1 day`` and ``2 days``; the written number decides."""
    written = count(number)
    return f"{written} {one}" if written == "1" else f"{written} {one}s"


def _difference(ratio: Number | None, unit: str) -> str:
    if ratio is None:
        return ""
    percent = round(100 * float(ratio), 1) + 0.0  # which is not -0.0
    return _signed(f"{percent:+.1f}{_UNIT}{unit}")


def _signed(text: str) -> str:
    """Return the text with a true minus sign, which is as wide as a plus sign."""
    return text.replace("-", "\N{MINUS SIGN}")
