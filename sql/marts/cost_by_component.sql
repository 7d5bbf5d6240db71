-- One row per month, direction and component of the charge.
-- Ask: what is the money paid for?
-- grain: month, direction, component
--
-- Inbound components: toll_free, pstn (forwarding to the telephone network), metered (channels) and
-- cnam (callers' names). One call can have several. The component unexplained is the vendor's total
-- minus those four, so that the components always add up to the total. Outbound calls have one
-- component. A call is charged with a component if its sum over the attempts is not zero.
WITH charges AS (
    SELECT
        month,
        'in' AS direction,
        duration_seconds,
        coalesce(toll_free_usd, 0) AS toll_free_usd,
        coalesce(pstn_usd, 0) AS pstn_usd,
        coalesce(metered_usd, 0) AS metered_usd,
        coalesce(cnam_usd, 0) AS cnam_usd,
        coalesce(total_usd, 0)
        - coalesce(toll_free_usd, 0)
        - coalesce(pstn_usd, 0)
        - coalesce(metered_usd, 0)
        - coalesce(cnam_usd, 0) AS unexplained_usd
    FROM staging.calls_in
),

inbound AS (
    SELECT
        month,
        direction,
        sum(toll_free_usd) AS toll_free_usd,
        count(*) FILTER (WHERE toll_free_usd <> 0) AS toll_free_calls,
        sum(duration_seconds) FILTER (WHERE toll_free_usd <> 0) AS toll_free_seconds,
        sum(pstn_usd) AS pstn_usd,
        count(*) FILTER (WHERE pstn_usd <> 0) AS pstn_calls,
        sum(duration_seconds) FILTER (WHERE pstn_usd <> 0) AS pstn_seconds,
        sum(metered_usd) AS metered_usd,
        count(*) FILTER (WHERE metered_usd <> 0) AS metered_calls,
        sum(duration_seconds) FILTER (WHERE metered_usd <> 0) AS metered_seconds,
        sum(cnam_usd) AS cnam_usd,
        count(*) FILTER (WHERE cnam_usd <> 0) AS cnam_calls,
        sum(unexplained_usd) AS unexplained_usd,
        count(*) FILTER (WHERE unexplained_usd <> 0) AS unexplained_calls
    FROM charges
    GROUP BY month, direction
),

components AS (
    SELECT
        month,
        direction,
        'toll_free' AS component,
        toll_free_usd AS cost_usd,
        toll_free_calls AS calls_charged,
        toll_free_seconds AS charged_seconds
    FROM inbound
    UNION ALL
    SELECT
        month,
        direction,
        'pstn' AS component,
        pstn_usd AS cost_usd,
        pstn_calls AS calls_charged,
        pstn_seconds AS charged_seconds
    FROM inbound
    UNION ALL
    SELECT
        month,
        direction,
        'metered' AS component,
        metered_usd AS cost_usd,
        metered_calls AS calls_charged,
        metered_seconds AS charged_seconds
    FROM inbound
    UNION ALL
    SELECT
        month,
        direction,
        'cnam' AS component,
        cnam_usd AS cost_usd,
        cnam_calls AS calls_charged,
        NULL AS charged_seconds
    FROM inbound
    UNION ALL
    SELECT
        month,
        direction,
        'unexplained' AS component,
        unexplained_usd AS cost_usd,
        unexplained_calls AS calls_charged,
        NULL AS charged_seconds
    FROM inbound
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        'outbound' AS component,
        coalesce(sum(charged_usd), 0) AS cost_usd,
        count(*) FILTER (WHERE charged_usd <> 0) AS calls_charged,
        sum(billing_seconds) FILTER (WHERE charged_usd <> 0) AS charged_seconds
    FROM staging.calls_out
    GROUP BY month
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- What was charged: toll_free, pstn, metered, cnam or unexplained (in); outbound (out).
    component,
    -- What it cost, USD; unexplained may be negative.
    CAST(cost_usd AS DECIMAL(38, 6)) AS cost_usd,
    -- Calls charged with it.
    calls_charged,
    -- Minutes of those calls: billed (out) or connected (in); NULL for cnam, charged by lookup, and
    -- for unexplained.
    minutes(charged_seconds) AS charged_minutes,
    -- Cost in USD per such minute.
    cost_per_minute(cost_usd, charged_seconds) AS cost_per_minute_usd,
    -- Share of the direction's cost in the month; NULL where nothing was charged.
    ratio(cost_usd, sum(cost_usd) OVER (PARTITION BY month, direction)) AS share_of_month
FROM components
