-- One row per month, direction and trunk.
-- Ask: what does each trunk cost, and what does a minute over it cost?
-- grain: month, direction, trunk_name
--
-- Counts attempts, not calls. The money of an attempt belongs to its trunk, answered or not, so the
-- trunks of a direction add up to the month. The price of a minute is the cost over billed minutes
-- (out) or connected minutes (in). Trunks are names: a renamed trunk is a new row.
WITH trunks AS (
    SELECT
        month,
        direction,
        trunk_name,
        count(*) AS attempts,
        count(*) FILTER (WHERE answered) AS answered_attempts,
        coalesce(CAST(sum(duration_seconds) FILTER (WHERE answered) AS BIGINT), 0)
            AS duration_seconds,
        CAST(sum(billing_seconds) AS BIGINT) AS billing_seconds,
        coalesce(CAST(sum(cost_usd) FILTER (WHERE NOT answered) AS DECIMAL(38, 6)), 0)
            AS unanswered_usd,
        coalesce(CAST(sum(cost_usd) AS DECIMAL(38, 6)), 0) AS cost_usd
    FROM staging.attempts
    GROUP BY month, direction, trunk_name
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- Name of the trunk; NULL for attempts that reached none.
    trunk_name,
    -- Attempts sent to the trunk.
    attempts,
    -- Attempts with a connect time.
    answered_attempts,
    -- Connected seconds.
    duration_seconds,
    -- Connected minutes.
    minutes(duration_seconds) AS minutes,
    -- Seconds charged after rounding to increments; NULL for inbound, where the vendor does not
    -- say.
    billing_seconds,
    -- Minutes charged after rounding to increments; NULL for inbound.
    minutes(billing_seconds) AS billed_minutes,
    -- Part of the cost that attempts without a connect time carry, USD.
    unanswered_usd,
    -- What the attempts cost, USD.
    cost_usd,
    -- Cost in USD per billed minute (out) or per connected minute (in); NULL where there was none.
    cost_per_minute(cost_usd, coalesce(billing_seconds, duration_seconds)) AS cost_per_minute_usd,
    -- Share of the direction's cost in the month, 0 to 1; NULL where nothing was charged.
    ratio(cost_usd, sum(cost_usd) OVER (PARTITION BY month, direction)) AS share_of_month
FROM trunks
