-- One row per month, toll-free DID and hour that looks like pumped traffic. Ask: did someone call our toll-free numbers to earn by it?
-- Forensic: exports are hours old; this finds, it does not block.
--
-- Toll-free pumping: machines call a number whose owner pays, and the originating network shares the fee. Found is an hour
-- of the clock with pumping_hour_calls or more calls that carry a toll-free charge, pumping_times_usual times what that hour
-- of the day has on the month's other days, of which pumping_same_duration_share are equally long to the second. All three
-- are in the seed thresholds. A month is judged by itself alone.
WITH limits AS (
    SELECT
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'pumping_hour_calls') AS pumping_hour_calls,
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'pumping_times_usual') AS pumping_times_usual,
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'pumping_same_duration_share') AS pumping_same_duration_share
    FROM seeds.thresholds
),
lengths AS (
    SELECT
        month,
        did_number,
        date_trunc('hour', started_at) AS found_hour,
        duration_seconds,
        count(*) AS calls,
        min(started_at) AS first_call_at,
        max(started_at) AS last_call_at,
        sum(toll_free_usd) AS toll_free_usd
    FROM staging.calls_in
    WHERE toll_free_usd > 0
    GROUP BY month, did_number, date_trunc('hour', started_at), duration_seconds
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY month, did_number, found_hour
            ORDER BY calls DESC, duration_seconds DESC
        ) AS place
    FROM lengths
),
hours AS (
    SELECT
        month,
        did_number,
        found_hour,
        CAST(extract(hour FROM found_hour) AS INTEGER) AS day_hour,
        CAST(sum(calls) AS BIGINT) AS calls,
        min(first_call_at) AS first_call_at,
        max(last_call_at) AS last_call_at,
        max(calls) AS same_duration_calls,
        max(duration_seconds) FILTER (WHERE place = 1) AS same_duration_seconds,
        CAST(sum(calls * duration_seconds) AS DOUBLE) / 60 AS minutes,
        CAST(sum(toll_free_usd) AS DECIMAL(18, 6)) AS toll_free_usd
    FROM ranked
    GROUP BY month, did_number, found_hour
),
days AS (
    SELECT
        month,
        count(DISTINCT CAST(started_at AS DATE)) AS days
    FROM staging.calls_in
    GROUP BY month
),
compared AS (
    SELECT
        hours.*,
        coalesce(
            CAST(
                sum(hours.calls) OVER (PARTITION BY hours.month, hours.did_number, hours.day_hour)
                - hours.calls AS DOUBLE
            ) / nullif(days.days - 1, 0),
            0
        ) AS usual_calls
    FROM hours
    INNER JOIN days
        ON days.month = hours.month
)
SELECT
    compared.month, -- Month of call start, YYYY-MM (UTC).
    compared.did_number, -- The toll-free DID, digits without a plus.
    compared.first_call_at, -- Start of the hour's first charged call, UTC.
    compared.last_call_at, -- Start of the hour's last charged call, UTC.
    compared.calls, -- Calls within the hour that carry a toll-free charge.
    compared.usual_calls, -- Such calls in the same hour of the day on average on the month's other days.
    compared.same_duration_calls, -- Calls of the most frequent length.
    compared.same_duration_seconds, -- That length, connected seconds.
    compared.minutes, -- Connected minutes of the hour's charged calls.
    compared.toll_free_usd, -- Toll-free part of their charge, USD.
    concat(
        CAST(compared.calls AS VARCHAR), ' charged calls in one hour, where ',
        CAST(round(compared.usual_calls, 1) AS VARCHAR), ' are usual, ', CAST(compared.same_duration_calls AS VARCHAR),
        ' of them lasted ', CAST(compared.same_duration_seconds AS VARCHAR), ' seconds'
    ) AS why -- The numbers that made it a finding, in words.
FROM compared
INNER JOIN limits
    ON compared.calls >= limits.pumping_hour_calls
    AND compared.calls >= limits.pumping_times_usual * compared.usual_calls
    AND compared.same_duration_calls >= limits.pumping_same_duration_share * compared.calls
