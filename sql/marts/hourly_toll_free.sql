-- One row per month, DID and UTC hour in which calls with a toll-free charge began.
-- Ask: when do callers cost us money, and do their calls look alike?
-- grain: month, did_number, hour
--
-- trends.watch_toll_free_pumping compares these rows over months. A row says how many calls carry a
-- charge, and how many of them have the same length to the second. An unknown length equals no
-- other. A call counts in the hour in which it began.
WITH lengths AS (
    SELECT
        month,
        did_number,
        date_trunc('hour', started_at) AS hour,
        nullif(duration_seconds, 0) AS duration_seconds,
        count(*) AS calls,
        min(started_at) AS first_call_at,
        max(started_at) AS last_call_at,
        sum(toll_free_usd) AS toll_free_usd
    FROM staging.calls_in
    WHERE toll_free_usd > 0
    GROUP BY month, did_number, date_trunc('hour', started_at), nullif(duration_seconds, 0)
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY month, did_number, hour
            ORDER BY duration_seconds IS NULL, calls DESC, duration_seconds DESC
        ) AS place
    FROM lengths
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The toll-free DID, digits without a plus.
    did_number,
    -- Beginning of the hour of call start, UTC.
    hour,
    -- Calls that carry a toll-free charge.
    CAST(sum(calls) AS BIGINT) AS calls,
    -- Start of the hour's first charged call, UTC.
    min(first_call_at) AS first_call_at,
    -- Start of the hour's last charged call, UTC.
    max(last_call_at) AS last_call_at,
    -- Calls of the most frequent length, of those that lasted.
    coalesce(max(calls) FILTER (WHERE duration_seconds IS NOT NULL), 0) AS same_duration_calls,
    -- That length, connected seconds; the longest of equally frequent ones; NULL if none is
    -- known.
    max(duration_seconds) FILTER (WHERE place = 1) AS same_duration_seconds,
    -- Connected minutes of the hour's charged calls.
    minutes(coalesce(sum(calls * CAST(duration_seconds AS DOUBLE)), 0)) AS minutes,
    -- Toll-free part of their charge, USD.
    CAST(sum(toll_free_usd) AS DECIMAL(38, 6)) AS toll_free_usd
FROM ranked
GROUP BY month, did_number, hour
