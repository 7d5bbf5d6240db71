-- One row per month, direction and source number, of the callers with most calls.
-- Ask: who calls most, again and again, or briefly?
-- grain: month, direction, place
-- Personal data: source_number.
--
-- Keeps only top_callers callers per month and direction: a full list of people exists only in the
-- calls. A repeat call began at most repeat_call_seconds after the caller's last call to the same
-- number. The first call of a month is no repeat call. Calls without a source number are left out.
-- A word in its place, such as anonymous, is one caller.
WITH callers AS (
    SELECT
        month,
        direction,
        source_number,
        count(*) AS calls
    FROM staging.calls
    WHERE source_number IS NOT NULL
    GROUP BY month, direction, source_number
),

ranked AS (
    SELECT
        *,
        row_number()
            OVER (PARTITION BY month, direction ORDER BY calls DESC, source_number ASC)
            AS place
    FROM callers
),

chosen AS (
    SELECT
        ranked.month,
        ranked.direction,
        ranked.source_number,
        ranked.place
    FROM ranked
    INNER JOIN staging.thresholds
        ON ranked.place <= thresholds.top_callers
),

spaced AS (
    SELECT
        calls.month,
        calls.direction,
        chosen.place,
        calls.destination_number,
        calls.started_at,
        calls.answered,
        calls.duration_seconds,
        calls.cost_usd,
        date_diff(
            'second',
            lag(calls.started_at) OVER (
                PARTITION BY calls.month, calls.direction, chosen.place, calls.destination_number
                ORDER BY calls.started_at
            ),
            calls.started_at
        ) AS seconds_since_last
    FROM staging.calls
    INNER JOIN chosen
        ON
            calls.month = chosen.month
            AND calls.direction = chosen.direction
            AND calls.source_number = chosen.source_number
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    spaced.month,
    -- Direction of the traffic: in (to a DID) or out.
    spaced.direction,
    -- Place among the month's callers of that direction, by calls, from 1.
    spaced.place,
    -- The caller's number as served.
    chosen.source_number,
    -- Calls: an inbound call counts once however many attempts it took.
    count(*) AS calls,
    -- Calls with a connect time.
    count(*) FILTER (WHERE spaced.answered) AS answered_calls,
    -- Answered calls of at most short_call_seconds of the seed thresholds.
    count(*) FILTER (
        WHERE spaced.answered AND spaced.duration_seconds <= thresholds.short_call_seconds
    ) AS short_calls,
    -- Calls to the same number again within repeat_call_seconds of the seed thresholds.
    count(*) FILTER (WHERE spaced.seconds_since_last <= thresholds.repeat_call_seconds)
        AS repeat_calls,
    -- Different numbers called: DIDs (in) or destinations (out).
    count(DISTINCT spaced.destination_number) AS called_numbers,
    -- Connected minutes.
    minutes(coalesce(sum(spaced.duration_seconds), 0)) AS minutes,
    -- What the calls cost, USD.
    coalesce(CAST(sum(spaced.cost_usd) AS DECIMAL(38, 6)), 0) AS cost_usd,
    -- Start of the caller's last call of the month, UTC.
    max(spaced.started_at) AS last_call_at
FROM spaced
INNER JOIN chosen
    ON
        spaced.month = chosen.month
        AND spaced.direction = chosen.direction
        AND spaced.place = chosen.place
CROSS JOIN staging.thresholds
GROUP BY spaced.month, spaced.direction, spaced.place, chosen.source_number
