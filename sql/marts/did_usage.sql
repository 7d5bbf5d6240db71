-- One row per month and dialled DID.
-- Ask: is the number used, by how many callers, and when is it busiest?
-- grain: month, did_number
--
-- Calls, minutes and cost are those of cost_by_did. A caller is a source number as served: withheld
-- numbers do not count, and a word such as anonymous is one caller. The busiest hour is an hour of
-- the day over the whole month, the earlier of two equal ones. A DID without a call has no row;
-- trends.did_activity shows the DIDs that went quiet.
WITH hours AS (
    SELECT
        calls_in.month,
        calls_in.did_number,
        CAST(extract(hour FROM calls_in.started_at) AS INTEGER) AS day_hour,
        count(*) AS calls,
        count(*) FILTER (
            WHERE calls_in.answered AND calls_in.duration_seconds <= thresholds.short_call_seconds
        ) AS short_calls,
        min(calls_in.started_at) AS first_call_at
    FROM staging.calls_in AS calls_in
    CROSS JOIN staging.thresholds
    GROUP BY
        calls_in.month, calls_in.did_number, CAST(extract(hour FROM calls_in.started_at) AS INTEGER)
),

ranked AS (
    SELECT
        *,
        row_number()
            OVER (PARTITION BY month, did_number ORDER BY calls DESC, day_hour ASC)
            AS place
    FROM hours
),

days AS (
    SELECT
        month,
        did_number,
        CAST(sum(short_calls) AS BIGINT) AS short_calls,
        min(first_call_at) AS first_call_at,
        max(day_hour) FILTER (WHERE place = 1) AS busiest_hour,
        max(calls) AS busiest_hour_calls
    FROM ranked
    GROUP BY month, did_number
),

callers AS (
    SELECT
        month,
        did_number,
        count(DISTINCT source_number) AS callers
    FROM staging.calls_in
    GROUP BY month, did_number
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    costs.month,
    -- The dialled DID, digits without a plus.
    costs.did_number,
    -- Calls to the DID: a call counts once however many attempts it took.
    costs.calls,
    -- Calls with a connect time.
    costs.answered_calls,
    -- Answered calls of at most short_call_seconds of the seed thresholds.
    days.short_calls,
    -- Connected minutes.
    costs.minutes,
    -- Different source numbers that called it.
    callers.callers,
    -- Start of the first call of the month to the DID, UTC.
    days.first_call_at,
    -- Start of the last call of the month to the DID, UTC.
    costs.last_call_at,
    -- Hour of the day (UTC, 0 to 23) in which most of its calls began.
    days.busiest_hour,
    -- Calls of the month that began in that hour of the day.
    days.busiest_hour_calls,
    -- All charges as served, USD; by component in cost_by_did.
    costs.total_usd
FROM marts.cost_by_did AS costs
INNER JOIN days
    ON
        costs.month = days.month
        AND days.did_number IS NOT DISTINCT FROM costs.did_number
INNER JOIN callers
    ON
        costs.month = callers.month
        AND callers.did_number IS NOT DISTINCT FROM costs.did_number
