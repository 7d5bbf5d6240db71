"""Where outbound calls go, and what a minute costs there."""

from pipeline.report.parts import Column, Section, head_and_rest, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, share, text, usd, usd_exact

_SHOWN = 15

_COUNTRIES = """
SELECT
    destination_country,
    sum(calls) AS calls,
    sum(answered_calls) / nullif(sum(calls), 0) AS asr_call,
    sum(minutes) AS minutes,
    CAST(sum(charged_usd) AS DOUBLE) / nullif(sum(billed_minutes), 0) AS price_usd,
    sum(charged_usd) AS charged_usd
FROM marts.cost_by_country WHERE month = $month
GROUP BY destination_country ORDER BY charged_usd DESC, destination_country
"""
_NETWORKS = """
SELECT
    destination_country,
    network,
    call_type,
    calls,
    answered_calls / nullif(calls, 0) AS asr_call,
    billed_minutes,
    lowest_rate_usd,
    highest_rate_usd,
    charged_usd
FROM marts.cost_by_network WHERE month = $month
ORDER BY charged_usd DESC, destination_country, network, call_type LIMIT 100
"""


def destinations(published: Published) -> Section:
    """Countries by cost, and the networks in them."""
    countries, networks = published.rows(_COUNTRIES), published.rows(_NETWORKS)
    if not countries:
        return Section("destinations", "Destinations", ["marts.cost_by_country has no destination of this month."])
    return Section(
        "destinations",
        "Destinations",
        [_said(countries[0])],
        [
            *head_and_rest("Countries by cost", "Further countries", countries, _COUNTRY_COLUMNS, _SHOWN),
            *([table("The most expensive networks", networks, _NETWORK_COLUMNS, folded=True)] if networks else []),
        ],
    )


def _country(name: str | None) -> str:
    return text(name or "not named (failed calls)")


_COUNTRY_COLUMNS = (
    Column("destination_country", "Country", _country, left=True),
    Column("calls", "Calls", count),
    Column("asr_call", "ASR", share),
    Column("minutes", "Minutes", count),
    Column("price_usd", "USD a billed minute", usd_exact),
    Column("charged_usd", "Cost, USD", usd, bar=True),
)
_NETWORK_COLUMNS = (
    Column("destination_country", "Country", _country, left=True),
    Column("network", "Network"),
    Column("call_type", "Call type"),
    Column("calls", "Calls", count),
    Column("asr_call", "ASR", share),
    Column("billed_minutes", "Billed minutes", count),
    Column("lowest_rate_usd", "Lowest rate", usd_exact),
    Column("highest_rate_usd", "Highest rate", usd_exact),
    Column("charged_usd", "Cost, USD", usd, bar=True),
)


def _said(first: Row) -> str:
    return (
        f"Most was spent on calls to {_country(first['destination_country'])}: USD {usd(first['charged_usd'])} for "
        f"{count(first['minutes'])} minutes."
    )
