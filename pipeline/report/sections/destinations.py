"""Show where outbound calls go, and what a minute costs there."""

from collections.abc import Iterator, Sequence

from pipeline.report.parts import Column, Section, head_and_rest, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, several, share, text, usd, usd_exact

_SHOWN = 15


def destinations(published: Published) -> Section:
    """Return the countries by cost, and the networks in them."""
    countries, networks = published.rows("countries"), published.rows("networks")
    if not countries:
        sentence = published.empty("marts.cost_by_country", "No outbound calls in this month.", "cdr_out")
        return Section("destinations", "Destinations", [sentence])
    named = [row for row in countries if row["destination_country"] is not None]
    nameless = [row for row in countries if row["destination_country"] is None]
    ordered = [*named[:_SHOWN], *nameless, *named[_SHOWN:]]
    shown = len(named[:_SHOWN]) + len(nameless)
    return Section(
        "destinations",
        "Destinations",
        [*_most(named), *_nameless(nameless, sum(row["calls"] for row in countries))],
        [
            *head_and_rest("Countries by cost", "Further countries", ordered, _COUNTRY_COLUMNS, shown),
            *([table("The most expensive networks", networks, _NETWORK_COLUMNS, folded=True)] if networks else []),
        ],
    )


def _country(name: str | None) -> str:
    return text(name or "No country named")


_COUNTRY_COLUMNS = (
    Column("destination_country", "Country", _country, left=True),
    Column("charged_usd", "Cost, USD", usd, bar=True),
    Column("calls", "Calls", count),
    Column("asr_call", "ASR", share),
    Column("billed_minutes", "Billed minutes", count),
    Column("price_usd", "USD a billed minute", usd_exact),
)
_NETWORK_COLUMNS = (
    Column("destination_country", "Country", _country, left=True),
    Column("charged_usd", "Cost, USD", usd, bar=True),
    Column("network", "Network"),
    Column("call_type", "Call type"),
    Column("calls", "Calls", count),
    Column("asr_call", "ASR", share),
    Column("billed_minutes", "Billed minutes", count),
    Column("lowest_rate_usd", "Lowest rate", usd_exact),
    Column("highest_rate_usd", "Highest rate", usd_exact),
)


def _most(named: Sequence[Row]) -> Iterator[str]:
    for first in named[:1]:
        yield (
            f"Most was spent on calls to {first['destination_country']}: USD {usd(first['charged_usd'])} for "
            f"{several(first['billed_minutes'], 'billed minute')}."
        )


def _nameless(rows: Sequence[Row], calls: int) -> Iterator[str]:
    """Say how many calls belong to no country."""
    for row in rows:
        yield (
            f"Of {several(calls, 'outbound call')} the vendor names no country of {count(row['calls'])}, "
            f"{count(row['answered_calls'])} of them answered: a row of their own, and in the ASR of no country."
        )
