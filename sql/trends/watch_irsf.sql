-- One row per month, trunk, destination country and hour that looks like revenue share fraud.
-- Ask: did someone call expensive numbers through us?
-- grain: month, trunk_name, destination_country, first_call_at
-- Forensic: exports are hours old; this finds, it does not block.
--
-- International revenue share fraud: a hacked extension calls a few expensive numbers again and
-- again. A finding is an hour of the clock with repeated calls through one trunk to one country
-- (marts.hourly_destinations). They cost at least irsf_hour_usd, irsf_usd_per_minute per minute,
-- and irsf_times_usual times the usual cost.
--
-- The usual cost is the median cost of the same hour of the day over the usual_days days before,
-- across months. It leaves repeated calls out: a fraud that goes on never becomes usual and is
-- found to its end. A day without a call counts as 0, and so does a day before the first loaded
-- one. The seed thresholds has all settings.
WITH suspect AS (
    SELECT hours.*
    FROM marts.hourly_destinations AS hours
    INNER JOIN staging.thresholds
        ON
            hours.repeated_usd >= thresholds.irsf_hour_usd
            AND hours.repeated_usd >= thresholds.irsf_usd_per_minute * hours.repeated_minutes
),

days AS (
    SELECT unnest(range(1, 367)) AS ago
),

earlier AS (
    SELECT
        suspect.trunk_name,
        suspect.destination_country,
        suspect.hour,
        coalesce(CAST(before.cost_usd - before.repeated_usd AS DOUBLE), 0) AS other_usd
    FROM suspect
    INNER JOIN staging.thresholds
        ON thresholds.usual_days IS NOT NULL
    INNER JOIN days
        ON thresholds.usual_days >= days.ago
    LEFT JOIN marts.hourly_destinations AS before
        ON
            before.trunk_name IS NOT DISTINCT FROM suspect.trunk_name
            AND before.destination_country IS NOT DISTINCT FROM suspect.destination_country
            AND CAST(before.hour AS DATE) = CAST(suspect.hour AS DATE) - CAST(days.ago AS INTEGER)
            AND extract(hour FROM before.hour) = extract(hour FROM suspect.hour)
),

usual AS (
    SELECT
        trunk_name,
        destination_country,
        hour,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY other_usd) AS usd
    FROM earlier
    GROUP BY trunk_name, destination_country, hour
),

compared AS (
    SELECT
        suspect.*,
        CAST(coalesce(usual.usd, 0) AS DECIMAL(38, 6)) AS usual_usd
    FROM suspect
    LEFT JOIN usual
        ON
            suspect.hour = usual.hour
            AND usual.trunk_name IS NOT DISTINCT FROM suspect.trunk_name
            AND usual.destination_country IS NOT DISTINCT FROM suspect.destination_country
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    compared.month,
    -- Name of the trunk that the calls went through.
    compared.trunk_name,
    -- Country of the dialled numbers, the vendor's name for it.
    compared.destination_country,
    -- Start of the hour's first repeated call, UTC.
    compared.first_call_at,
    -- Start of the hour's last repeated call, UTC.
    compared.last_call_at,
    -- Answered calls within the hour to numbers that were reached again and again.
    compared.repeated_calls AS answered_calls,
    -- Those numbers.
    compared.repeated_numbers AS numbers,
    -- Minutes charged for those calls, after rounding to the billing increments.
    compared.repeated_minutes AS billed_minutes,
    -- Length of the longest of those calls, connected seconds.
    compared.repeated_longest_seconds AS longest_seconds,
    -- What those calls cost, USD.
    compared.repeated_usd AS cost_usd,
    -- What the same hour of the day usually costs, USD: the median of the days before, without
    -- repeated calls.
    compared.usual_usd,
    -- The numbers that made it a finding, in words.
    concat(
        CAST(compared.repeated_calls AS VARCHAR),
        ' calls to ',
        CAST(compared.repeated_numbers AS VARCHAR),
        CASE compared.repeated_numbers WHEN 1 THEN ' number' ELSE ' numbers' END,
        ' in one hour for ',
        CAST(compared.repeated_usd AS VARCHAR),
        ' USD, where ',
        CAST(compared.usual_usd AS VARCHAR),
        ' USD are usual'
    ) AS why
FROM compared
INNER JOIN staging.thresholds
    ON compared.repeated_usd >= thresholds.irsf_times_usual * compared.usual_usd
