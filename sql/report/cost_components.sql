-- One row per component of the month's cost that charged anything, the most expensive first.
-- Ask: what was the money paid for?
SELECT
    direction,
    component,
    calls_charged,
    charged_minutes,
    cost_per_minute_usd,
    cost_usd,
    ratio(cost_usd, sum(cost_usd) OVER ()) AS share
FROM marts.cost_by_component
WHERE month = $month AND (cost_usd <> 0 OR calls_charged > 0)
ORDER BY cost_usd DESC, direction ASC, component ASC
