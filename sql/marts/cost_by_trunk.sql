-- One row per month, direction and trunk. Ask: what does each trunk cost, and what does a minute over it cost?
--
-- Attempts, not calls: each attempt's money stays with the trunk that it was sent to, also where it was not answered, so
-- the trunks of a direction add up to the month. The price of a minute is the cost over the minutes charged (out) or
-- connected (in, where the vendor does not say what it charged). Trunks are names: a renamed trunk is a new row.
WITH attempts AS (
    SELECT
        month,
        'in' AS direction,
        trunk_name,
        connected_at IS NOT NULL AS answered,
        duration_seconds,
        CAST(NULL AS INTEGER) AS billing_seconds,
        total_usd AS cost_usd
    FROM cdr_in
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        trunk_name,
        connected_at IS NOT NULL AS answered,
        duration_seconds,
        coalesce(billing_seconds, 0) AS billing_seconds,
        charged_usd AS cost_usd
    FROM cdr_out
),
trunks AS (
    SELECT
        month,
        direction,
        trunk_name,
        count(*) AS attempts,
        count(*) FILTER (WHERE answered) AS answered_attempts,
        coalesce(CAST(sum(duration_seconds) FILTER (WHERE answered) AS BIGINT), 0) AS duration_seconds,
        CAST(sum(billing_seconds) AS BIGINT) AS billing_seconds,
        coalesce(CAST(sum(cost_usd) FILTER (WHERE NOT answered) AS DECIMAL(38, 6)), 0) AS unanswered_usd,
        coalesce(CAST(sum(cost_usd) AS DECIMAL(38, 6)), 0) AS cost_usd
    FROM attempts
    GROUP BY month, direction, trunk_name
)
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    direction, -- Direction of the traffic: in (to a DID) or out.
    trunk_name, -- Name of the trunk; NULL for attempts that reached none.
    attempts, -- Attempts sent to the trunk.
    answered_attempts, -- Attempts with a connect time.
    duration_seconds, -- Connected seconds.
    CAST(duration_seconds AS DOUBLE) / 60 AS minutes, -- Connected minutes.
    billing_seconds, -- Seconds charged after rounding to increments; NULL for inbound, where the vendor does not say.
    CAST(billing_seconds AS DOUBLE) / 60 AS billed_minutes, -- Minutes charged after rounding to increments; NULL for inbound.
    unanswered_usd, -- Part of the cost that attempts without a connect time carry, USD.
    cost_usd, -- What the attempts cost, USD.
    CAST(cost_usd AS DOUBLE) / nullif(CAST(coalesce(billing_seconds, duration_seconds) AS DOUBLE) / 60, 0) AS cost_per_minute_usd, -- Cost in USD per billed minute (out) or per connected minute (in); NULL where there was none.
    CAST(cost_usd AS DOUBLE) / nullif(CAST(sum(cost_usd) OVER (PARTITION BY month, direction) AS DOUBLE), 0) AS share_of_month -- Share of the direction's cost in the month, 0 to 1; NULL where nothing was charged.
FROM trunks
