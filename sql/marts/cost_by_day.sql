-- One row per month, UTC day of call start, direction and component of the charge.
-- Ask: on which days was the money spent, and for what?
--
-- Components are those of cost_by_component, by the start of each attempt. The price of a minute is the component over all
-- minutes of the day and direction, billed (out) or connected (in): the components of a day add up to what a minute cost
-- in all. A day without a record has no row.
WITH inbound AS (
    SELECT
        month,
        CAST(started_at AS DATE) AS day,
        'in' AS direction,
        sum(duration_seconds) AS charged_seconds,
        coalesce(sum(toll_free_usd), 0) AS toll_free_usd,
        coalesce(sum(pstn_usd), 0) AS pstn_usd,
        coalesce(sum(metered_usd), 0) AS metered_usd,
        coalesce(sum(cnam_usd), 0) AS cnam_usd,
        coalesce(sum(total_usd), 0) AS total_usd
    FROM cdr_in
    GROUP BY month, CAST(started_at AS DATE)
),
components AS (
    SELECT month, day, direction, 'toll_free' AS component, toll_free_usd AS cost_usd, charged_seconds FROM inbound
    UNION ALL
    SELECT month, day, direction, 'pstn' AS component, pstn_usd AS cost_usd, charged_seconds FROM inbound
    UNION ALL
    SELECT month, day, direction, 'metered' AS component, metered_usd AS cost_usd, charged_seconds FROM inbound
    UNION ALL
    SELECT month, day, direction, 'cnam' AS component, cnam_usd AS cost_usd, charged_seconds FROM inbound
    UNION ALL
    SELECT
        month,
        day,
        direction,
        'unexplained' AS component,
        total_usd - toll_free_usd - pstn_usd - metered_usd - cnam_usd AS cost_usd,
        charged_seconds
    FROM inbound
    UNION ALL
    SELECT
        month,
        CAST(started_at AS DATE) AS day,
        'out' AS direction,
        'outbound' AS component,
        coalesce(sum(charged_usd), 0) AS cost_usd,
        sum(billing_seconds) AS charged_seconds
    FROM cdr_out
    GROUP BY month, CAST(started_at AS DATE)
)
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Day of call start (UTC).
    day,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- What was charged: toll_free, pstn, metered, cnam or unexplained (in); outbound (out).
    component,
    -- What it cost, USD; unexplained may be negative.
    CAST(cost_usd AS DECIMAL(38, 6)) AS cost_usd,
    -- Cost in USD per minute of the day's traffic, billed (out) or connected (in); NULL where there
    -- was none.
    cost_per_minute(cost_usd, charged_seconds) AS cost_per_minute_usd,
    -- Seconds of the day's traffic, billed (out) or connected (in): the same for each component.
    coalesce(CAST(charged_seconds AS BIGINT), 0) AS charged_seconds
FROM components
