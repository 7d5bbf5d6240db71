-- One row per month, direction and source number, of the callers with most calls.
-- Ask: who calls most, again and again, or briefly?
-- Personal data: source_number.
--
-- Only as many callers as top_callers of the seed thresholds says, per month and direction: a full list of people is kept
-- nowhere but in the calls. A repeat call began at most repeat_call_seconds after the same caller's last one to the same
-- number; the first of a month is none. Calls without a source number are nobody's; a word in its place, such as anonymous,
-- is one caller, whoever they were.
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
        row_number() OVER (PARTITION BY month, direction ORDER BY calls DESC, source_number) AS place
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
        ON chosen.month = calls.month
        AND chosen.direction = calls.direction
        AND chosen.source_number = calls.source_number
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
    count(*) FILTER (WHERE spaced.answered AND spaced.duration_seconds <= thresholds.short_call_seconds) AS short_calls,
    -- Calls to the same number again within repeat_call_seconds of the seed thresholds.
    count(*) FILTER (WHERE spaced.seconds_since_last <= thresholds.repeat_call_seconds) AS repeat_calls,
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
    ON chosen.month = spaced.month
    AND chosen.direction = spaced.direction
    AND chosen.place = spaced.place
CROSS JOIN staging.thresholds
GROUP BY spaced.month, spaced.direction, spaced.place, chosen.source_number
