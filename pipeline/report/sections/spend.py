"""Show what the month cost by component and by day, and what it will have cost at its end."""

from collections.abc import Sequence
from decimal import Decimal

from pipeline.report.charts import DailyChart, Series, by_day, pivot
from pipeline.report.parts import Chart, Column, Section, Table, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, day, several, share, usd, usd_exact

_COMPONENTS = (
    Series("outbound", "Outbound calls", "var(--out)"),
    Series("pstn", "Forwarding (PSTN)", "var(--in-1)"),
    Series("toll_free", "Toll-free", "var(--in-2)"),
    Series("metered", "Metered channels", "var(--in-3)"),
    Series("cnam", "Callers' names", "var(--in-4)"),
    Series("unexplained", "Not explained by the parts", "var(--muted)"),
)
_LABELS = {one.field: one.label for one in _COMPONENTS}


def spend(published: Published) -> Section:
    """Return the components, their days, and the forecast of a running month."""
    mix, days, forecast = map(published.rows, ("cost_components", "cost_days", "forecast"))
    expected = _expected(forecast)
    return Section(
        "cost",
        "What it cost",
        [*expected, *_mix_says(published, mix)],
        [*_chart(published, days), *_mix_table(mix), *_forecast_table(forecast)],
        brief={"Forecast": expected[0]} if forecast else {},
    )


def _mix_says(published: Published, mix: Sequence[Row]) -> Sequence[str]:
    if not mix:
        return [published.empty("marts.cost_by_component", "Nothing was charged in this month.")]
    most = mix[0]
    return [f"{_label(most['component'])} were the most expensive part: {share(most['share'])} of the month."]


def _label(component: str) -> str:
    return _LABELS.get(component, component)


def _expected(forecast: Sequence[Row]) -> Sequence[str]:
    """Say what a running month will have cost when it is over."""
    known = [row for row in forecast if row["forecast_usd"] is not None]
    if not known:
        return ["Too few days are known to say what the month will cost."] if forecast else []
    total = sum((row["forecast_usd"] for row in known), Decimal(0))
    each = " and ".join(f"{usd(row['forecast_usd'])} {row['direction']}bound" for row in known)
    return [f"By its end the month is expected to cost USD {usd(total)}: {each}."]


def _chart(published: Published, rows: Sequence[Row]) -> Sequence[Chart]:
    if not rows:
        return []
    charged = {row["component"] for row in rows if row["cost_usd"]}
    series = [one for one in _COMPONENTS if one.field in charged]
    about = "Cost of each day by component; the table of the components has the sums, that of the traffic each day's."
    chart = DailyChart("cost", "Cost per day, USD", about, series, "stacks", hover=",.2f")
    return [by_day(published, pivot(rows, "component", "cost_usd"), chart)]


def _mix_table(mix: Sequence[Row]) -> Sequence[Table]:
    columns = [
        Column("component", "Component", _label, left=True),
        Column("cost_usd", "Cost, USD", usd, bar=True),
        Column("share", "Share", share),
        Column("calls_charged", "Calls charged", count),
        Column("charged_minutes", "Minutes", count),
        Column("cost_per_minute_usd", "USD a minute", usd_exact),
    ]
    caption = (
        "What the money was paid for; minutes are those billed of outbound calls, and those connected of inbound ones"
    )
    return [table(caption, mix, columns)] if mix else []


def _forecast_table(forecast: Sequence[Row]) -> Sequence[Table]:
    columns = [
        Column("direction", "Direction"),
        Column("last_complete_day", "Last whole day, UTC", day),
        Column("known_days", "Rests on", lambda days: several(days, "day")),
        Column("spent_usd", "Spent, USD", usd),
        Column("days_left", "Days left", count),
        Column("expected_usd", "Expected, USD", usd),
        Column("forecast_usd", "Whole month, USD", usd),
    ]
    caption = "Forecast: the days that are left, each at the mean of its weekday over the last 28 days"
    return [table(caption, forecast, columns)] if forecast else []
