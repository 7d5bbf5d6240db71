-- One row per month, trunk, destination country and hour that looks like revenue share fraud. Ask: did someone call expensive numbers through us?
-- Forensic: exports are hours old; this finds, it does not block.
--
-- International revenue share fraud: a hacked extension calls few expensive numbers again and again. Found is an hour of
-- the clock in which the calls through one trunk to one country cost irsf_hour_usd, at irsf_usd_per_minute or more, with
-- irsf_calls_per_number or more answered calls to each number, and irsf_times_usual times what that hour of the day costs
-- on the month's other days. All four are in the seed thresholds. A month is judged by itself alone.
WITH limits AS (
    SELECT
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'irsf_hour_usd') AS irsf_hour_usd,
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'irsf_usd_per_minute') AS irsf_usd_per_minute,
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'irsf_calls_per_number') AS irsf_calls_per_number,
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'irsf_times_usual') AS irsf_times_usual
    FROM seeds.thresholds
),
hours AS (
    SELECT
        month,
        trunk_name,
        destination_country,
        date_trunc('hour', started_at) AS found_hour,
        CAST(extract(hour FROM started_at) AS INTEGER) AS day_hour,
        coalesce(CAST(sum(billing_seconds) AS DOUBLE), 0) / 60 AS billed_minutes,
        max(duration_seconds) AS longest_seconds,
        coalesce(CAST(sum(charged_usd) AS DECIMAL(18, 6)), 0) AS cost_usd
    FROM staging.calls_out
    GROUP BY
        month,
        trunk_name,
        destination_country,
        date_trunc('hour', started_at),
        CAST(extract(hour FROM started_at) AS INTEGER)
),
days AS (
    SELECT
        month,
        count(DISTINCT CAST(found_hour AS DATE)) AS days
    FROM hours
    GROUP BY month
),
compared AS (
    SELECT
        hours.*,
        CAST(
            coalesce(
                CAST(
                    sum(hours.cost_usd) OVER (
                        PARTITION BY hours.month, hours.trunk_name, hours.destination_country, hours.day_hour
                    ) - hours.cost_usd AS DOUBLE
                ) / nullif(days.days - 1, 0),
                0
            ) AS DECIMAL(18, 6)
        ) AS usual_usd
    FROM hours
    INNER JOIN days
        ON days.month = hours.month
),
costly AS (
    SELECT compared.*
    FROM compared
    INNER JOIN limits
        ON compared.cost_usd >= limits.irsf_hour_usd
        AND compared.cost_usd >= limits.irsf_usd_per_minute * compared.billed_minutes
        AND compared.cost_usd >= limits.irsf_times_usual * compared.usual_usd
),
dialled AS (
    SELECT
        costly.month,
        costly.trunk_name,
        costly.destination_country,
        costly.found_hour,
        count(DISTINCT calls_out.destination_number) AS numbers,
        count(*) AS answered_calls,
        min(calls_out.started_at) AS first_call_at,
        max(calls_out.started_at) AS last_call_at
    FROM staging.calls_out AS calls_out
    INNER JOIN costly
        ON costly.month = calls_out.month
        AND costly.found_hour = date_trunc('hour', calls_out.started_at)
        AND costly.trunk_name IS NOT DISTINCT FROM calls_out.trunk_name
        AND costly.destination_country IS NOT DISTINCT FROM calls_out.destination_country
    WHERE calls_out.answered
    GROUP BY costly.month, costly.trunk_name, costly.destination_country, costly.found_hour
)
SELECT
    costly.month, -- Month of call start, YYYY-MM (UTC).
    costly.trunk_name, -- Name of the trunk that the calls went through.
    costly.destination_country, -- Country of the dialled numbers, the vendor's name for it.
    dialled.first_call_at, -- Start of the hour's first answered call, UTC.
    dialled.last_call_at, -- Start of the hour's last answered call, UTC.
    dialled.answered_calls, -- Answered calls within the hour.
    dialled.numbers, -- Different numbers that were reached.
    costly.billed_minutes, -- Minutes charged, after rounding to the billing increments.
    costly.longest_seconds, -- Length of the longest of the calls, connected seconds.
    costly.cost_usd, -- What the hour cost, USD.
    costly.usual_usd, -- What the same hour of the day cost on average on the month's other days, USD.
    concat(
        CAST(dialled.answered_calls AS VARCHAR), ' calls to ', CAST(dialled.numbers AS VARCHAR), ' numbers in one hour for ',
        CAST(costly.cost_usd AS VARCHAR), ' USD, where ', CAST(costly.usual_usd AS VARCHAR), ' USD are usual'
    ) AS why -- The numbers that made it a finding, in words.
FROM costly
INNER JOIN dialled
    ON dialled.month = costly.month
    AND dialled.found_hour = costly.found_hour
    AND dialled.trunk_name IS NOT DISTINCT FROM costly.trunk_name
    AND dialled.destination_country IS NOT DISTINCT FROM costly.destination_country
INNER JOIN limits
    ON dialled.answered_calls >= limits.irsf_calls_per_number * dialled.numbers
