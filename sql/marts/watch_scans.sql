-- One row per month, direction, source number and hour that looks like a scan.
-- Ask: who dialled number after number?
-- grain: month, direction, source_number, first_call_at
-- Forensic: exports are hours old; this finds, it does not block.
-- Personal data: source_number.
--
-- A scan or a robot dials neighbouring numbers and hardly talks. A finding is an hour of the clock
-- in which one source called scan_hour_numbers different numbers or more. At least
-- scan_neighbour_share of them lie at most scan_neighbour_step above the next lower one. Its
-- answered calls lasted fewer than scan_acd_seconds on average. The seed thresholds has all four.
-- Numbers with anything but digits, or with more than 18 digits, have no neighbours. An hour of the
-- clock lies in one month, so the edge of a month hides nothing.
WITH sources AS (
    SELECT
        month,
        direction,
        source_number
    FROM staging.calls
    WHERE source_number IS NOT NULL
    GROUP BY month, direction, source_number
    HAVING count(*) >= (SELECT thresholds.scan_hour_numbers FROM staging.thresholds)
),

hours AS (
    SELECT
        calls.month,
        calls.direction,
        calls.source_number,
        date_trunc('hour', calls.started_at) AS found_hour,
        min(calls.started_at) AS first_call_at,
        max(calls.started_at) AS last_call_at,
        count(*) AS calls,
        count(*) FILTER (WHERE calls.answered) AS answered_calls,
        coalesce(CAST(sum(calls.duration_seconds) FILTER (WHERE calls.answered) AS BIGINT), 0)
            AS answered_seconds,
        coalesce(CAST(sum(calls.cost_usd) AS DECIMAL(38, 6)), 0) AS cost_usd
    FROM staging.calls
    INNER JOIN sources
        ON
            calls.month = sources.month
            AND calls.direction = sources.direction
            AND calls.source_number = sources.source_number
    GROUP BY calls.month, calls.direction, calls.source_number, date_trunc('hour', calls.started_at)
),

busy AS (
    SELECT hours.*
    FROM hours
    INNER JOIN staging.thresholds
        ON
            hours.calls >= thresholds.scan_hour_numbers
            AND hours.answered_seconds
            < thresholds.scan_acd_seconds * greatest(hours.answered_calls, 1)
),

called AS (
    SELECT DISTINCT
        calls.month,
        calls.direction,
        calls.source_number,
        busy.found_hour,
        calls.destination_number AS called_number,
        CASE
            WHEN
                regexp_matches(calls.destination_number, '^[0-9]{1,18}$')
                THEN CAST(calls.destination_number AS BIGINT)
        END AS place
    FROM staging.calls
    INNER JOIN busy
        ON
            calls.month = busy.month
            AND calls.direction = busy.direction
            AND calls.source_number = busy.source_number
            AND busy.found_hour = date_trunc('hour', calls.started_at)
    WHERE calls.destination_number IS NOT NULL
),

stepped AS (
    SELECT
        *,
        place
        - lag(place)
            OVER (PARTITION BY month, direction, source_number, found_hour ORDER BY place)
            AS step
    FROM called
),

series AS (
    SELECT
        stepped.month,
        stepped.direction,
        stepped.source_number,
        stepped.found_hour,
        count(*) AS called_numbers,
        count(*) FILTER (WHERE stepped.step BETWEEN 1 AND thresholds.scan_neighbour_step)
            AS neighbours
    FROM stepped
    CROSS JOIN staging.thresholds
    GROUP BY stepped.month, stepped.direction, stepped.source_number, stepped.found_hour
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    busy.month,
    -- Direction of the traffic: in (to a DID) or out.
    busy.direction,
    -- The caller's number as served.
    busy.source_number,
    -- Start of the hour's first call, UTC.
    busy.first_call_at,
    -- Start of the hour's last call, UTC.
    busy.last_call_at,
    -- Calls of the source within the hour.
    busy.calls,
    -- Those with a connect time.
    busy.answered_calls,
    -- Different numbers called: DIDs (in) or destinations (out).
    series.called_numbers,
    -- Those close above another one.
    series.neighbours,
    -- Average call duration in seconds: connected seconds of answered calls / answered calls; NULL
    -- where none was answered.
    acd(busy.answered_seconds, busy.answered_calls) AS acd_seconds,
    -- Connected seconds of the answered calls.
    busy.answered_seconds,
    -- What the calls cost, USD.
    busy.cost_usd,
    -- The numbers that made it a finding, in words.
    concat(
        CAST(series.called_numbers AS VARCHAR),
        ' numbers in one hour, ',
        CAST(series.neighbours AS VARCHAR),
        ' of them neighbours, ', CAST(busy.answered_calls AS VARCHAR), ' calls answered'
    ) AS why
FROM busy
INNER JOIN series
    ON
        busy.month = series.month
        AND busy.direction = series.direction
        AND busy.source_number = series.source_number
        AND busy.found_hour = series.found_hour
INNER JOIN staging.thresholds
    ON
        series.called_numbers >= thresholds.scan_hour_numbers
        AND series.neighbours >= thresholds.scan_neighbour_share * series.called_numbers
