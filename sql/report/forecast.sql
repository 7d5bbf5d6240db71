-- One row per direction of a running month.
-- Ask: what will the month have cost when it is over?
SELECT
    direction,
    last_complete_day,
    days_left,
    known_days,
    spent_usd,
    expected_usd,
    forecast_usd
FROM trends.forecast
WHERE month = $month AND days_left > 0
ORDER BY direction
