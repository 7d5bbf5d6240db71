-- One row per month, trunk, destination country and UTC hour of outbound calls.
-- Ask: when was how much called where, and which numbers again and again?
-- grain: month, trunk_name, destination_country, hour
--
-- trends.watch_irsf compares these rows over months. Repeated calls are answered calls to a number
-- that was reached at least irsf_calls_per_number times within the hour. They are searched only in
-- hours that cost irsf_hour_usd or more. Both thresholds are in the seed thresholds. Other calls of
-- such an hour do not hide repeated ones. A call counts in the hour in which it began.
WITH hours AS (
    SELECT
        month,
        trunk_name,
        destination_country,
        date_trunc('hour', started_at) AS hour,
        count(*) AS calls,
        count(*) FILTER (WHERE answered) AS answered_calls,
        minutes(coalesce(sum(billing_seconds), 0)) AS billed_minutes,
        coalesce(CAST(sum(charged_usd) AS DECIMAL(38, 6)), 0) AS cost_usd
    FROM staging.calls_out
    GROUP BY month, trunk_name, destination_country, date_trunc('hour', started_at)
),

costly AS (
    SELECT
        hours.month,
        hours.trunk_name,
        hours.destination_country,
        hours.hour
    FROM hours
    INNER JOIN staging.thresholds
        ON hours.cost_usd >= thresholds.irsf_hour_usd
),

reached AS (
    SELECT
        costly.month,
        costly.trunk_name,
        costly.destination_country,
        costly.hour,
        count(*) AS calls,
        sum(calls_out.billing_seconds) AS billing_seconds,
        sum(calls_out.charged_usd) AS cost_usd,
        max(calls_out.duration_seconds) AS longest_seconds,
        min(calls_out.started_at) AS first_call_at,
        max(calls_out.started_at) AS last_call_at
    FROM staging.calls_out AS calls_out
    INNER JOIN costly
        ON
            calls_out.month = costly.month
            AND costly.hour = date_trunc('hour', calls_out.started_at)
            AND costly.trunk_name IS NOT DISTINCT FROM calls_out.trunk_name
            AND costly.destination_country IS NOT DISTINCT FROM calls_out.destination_country
    WHERE
        calls_out.answered
        AND calls_out.destination_number IS NOT NULL
    GROUP BY
        costly.month,
        costly.trunk_name,
        costly.destination_country,
        costly.hour,
        calls_out.destination_number
),

repeated AS (
    SELECT
        reached.month,
        reached.trunk_name,
        reached.destination_country,
        reached.hour,
        count(*) AS numbers,
        CAST(sum(reached.calls) AS BIGINT) AS calls,
        minutes(coalesce(sum(reached.billing_seconds), 0)) AS billed_minutes,
        coalesce(CAST(sum(reached.cost_usd) AS DECIMAL(38, 6)), 0) AS cost_usd,
        max(reached.longest_seconds) AS longest_seconds,
        min(reached.first_call_at) AS first_call_at,
        max(reached.last_call_at) AS last_call_at
    FROM reached
    INNER JOIN staging.thresholds
        ON reached.calls >= thresholds.irsf_calls_per_number
    GROUP BY reached.month, reached.trunk_name, reached.destination_country, reached.hour
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    hours.month,
    -- Name of the trunk that the calls went through.
    hours.trunk_name,
    -- Country of the dialled numbers, the vendor's name for it; NULL where left out.
    hours.destination_country,
    -- Beginning of the hour of call start, UTC.
    hours.hour,
    -- Calls of the hour.
    hours.calls,
    -- Calls with a connect time.
    hours.answered_calls,
    -- Minutes charged, after rounding to the billing increments.
    hours.billed_minutes,
    -- What the hour cost, USD.
    hours.cost_usd,
    -- Numbers that were reached again and again.
    coalesce(repeated.numbers, 0) AS repeated_numbers,
    -- Answered calls to those numbers.
    coalesce(repeated.calls, 0) AS repeated_calls,
    -- Minutes charged for those calls.
    coalesce(repeated.billed_minutes, 0) AS repeated_minutes,
    -- What those calls cost, USD.
    coalesce(repeated.cost_usd, 0) AS repeated_usd,
    -- Length of the longest of those calls, connected seconds.
    repeated.longest_seconds AS repeated_longest_seconds,
    -- Start of the first of those calls, UTC; NULL without such calls.
    repeated.first_call_at,
    -- Start of the last of those calls, UTC; NULL without such calls.
    repeated.last_call_at
FROM hours
LEFT JOIN repeated
    ON
        hours.month = repeated.month
        AND hours.hour = repeated.hour
        AND repeated.trunk_name IS NOT DISTINCT FROM hours.trunk_name
        AND repeated.destination_country IS NOT DISTINCT FROM hours.destination_country
