-- One row per month and direction, beside the calendar month before. Ask: is it getting more, and by how much?
--
-- Sums of marts.daily_traffic. A change is this month - the month before, its share that over the month before; both are
-- NULL where the month before is not loaded. A month in state open was still running when it was asked for: its changes
-- compare a part with a whole, so look at trends.forecast for it.
WITH months AS (
    SELECT
        month,
        CAST(left(month, 4) AS INTEGER) * 12 + CAST(right(month, 2) AS INTEGER) AS place,
        direction,
        CAST(sum(calls) AS BIGINT) AS calls,
        CAST(sum(answered_calls) AS BIGINT) AS answered_calls,
        CAST(sum(duration_seconds) AS DOUBLE) / 60 AS minutes,
        CAST(sum(cost_usd) AS DECIMAL(18, 6)) AS cost_usd
    FROM marts.daily_traffic
    GROUP BY month, direction
)
SELECT
    months.month, -- Month of call start, YYYY-MM (UTC).
    months.direction, -- Direction of the traffic: in (to a DID) or out.
    coverage.state, -- State of the month in coverage; open: it was still running.
    months.calls, -- Calls: an inbound call counts once however many attempts it took.
    months.calls - earlier.calls AS calls_change, -- Calls more than in the month before; negative for fewer.
    CAST(months.calls - earlier.calls AS DOUBLE) / nullif(earlier.calls, 0) AS calls_change_share, -- That over the calls of the month before: 0.1 is a tenth more.
    months.answered_calls, -- Calls with a connect time.
    months.minutes, -- Connected minutes.
    months.minutes - earlier.minutes AS minutes_change, -- Connected minutes more than in the month before.
    (months.minutes - earlier.minutes) / nullif(earlier.minutes, 0) AS minutes_change_share, -- That over the minutes of the month before.
    months.cost_usd, -- What the calls cost, USD.
    CAST(months.cost_usd - earlier.cost_usd AS DECIMAL(18, 6)) AS cost_change_usd, -- Cost more than in the month before, USD.
    CAST(months.cost_usd - earlier.cost_usd AS DOUBLE) / nullif(CAST(earlier.cost_usd AS DOUBLE), 0) AS cost_change_share -- That over the cost of the month before.
FROM months
LEFT JOIN months AS earlier
    ON earlier.place = months.place - 1
    AND earlier.direction = months.direction
LEFT JOIN coverage
    ON coverage.month = months.month
    AND coverage.record_type = concat('cdr_', months.direction)
