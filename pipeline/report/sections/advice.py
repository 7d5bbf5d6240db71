"""Show what more flat channels would have saved of the cost of metered channels."""

from collections.abc import Iterator, Sequence

from pipeline.report.parts import Column, Section, head_and_rest
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, several, usd

_COLUMNS = (
    Column("place", "For"),
    Column("extra_channels", "Extra channels", count),
    Column("avoided_at_least_usd", "Saved at least, USD", usd, bar=True),
    Column("avoided_by_seconds_usd", "Saved by seconds, USD", usd),
    Column("avoided_at_least_calls", "Carried at least", count),
    Column("metered_calls", "Metered calls", count),
    Column("metered_usd", "Paid, USD", usd),
    Column("lost_calls", "Lost calls", count),
)


def advice(published: Published) -> Section:
    """Return a row for each number of extra channels, for all numbers together and for each capacity group."""
    rows = published.rows("extra_channels")
    together = [row for row in rows if row["everywhere"]]
    return Section(
        "advice",
        "Would more channels pay",
        list(_said(together, known="marts.channel_what_if" in published.relations)),
        head_and_rest("Extra flat channels for all numbers", "Apart by capacity group", rows, _COLUMNS, len(together)),
    )


def _said(together: Sequence[Row], *, known: bool) -> Iterator[str]:
    if not known:
        yield "The published file lacks marts.channel_what_if."
        return
    first = together[0] if together else {}
    if not first.get("metered_calls"):
        yield "Nothing was paid for metered channels."
    else:
        yield (
            f"Metered channels cost USD {usd(first['metered_usd'])} for {several(first['metered_calls'], 'call')}. "
            f"One more flat channel would have saved at least USD {usd(first['avoided_at_least_usd'])} of it; "
            "what the channel itself costs is not in the records."
        )
    if first.get("lost_calls"):
        yield f"More channels would also have carried {several(first['lost_calls'], 'call')} lost for lack of one."
