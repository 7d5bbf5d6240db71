-- One row per month, UTC day of call start, direction and component of the charge.
-- Ask: on which days was the money spent, and for what?
-- grain: month, day, direction, component
--
-- Components are those of cost_by_component, by the start of each attempt. The price of a minute is
-- the component's cost over all minutes of the day and direction, billed (out) or connected (in).
-- The prices of a day's components therefore add up to the price of a minute. A day without a
-- record has no row.
WITH days AS (
    SELECT
        month,
        CAST(started_at AS DATE) AS day,
        direction,
        CASE
            WHEN direction = 'in' THEN sum(duration_seconds)
            ELSE sum(billing_seconds)
        END AS charged_seconds,
        coalesce(sum(toll_free_usd), 0) AS toll_free_usd,
        coalesce(sum(pstn_usd), 0) AS pstn_usd,
        coalesce(sum(metered_usd), 0) AS metered_usd,
        coalesce(sum(cnam_usd), 0) AS cnam_usd,
        coalesce(sum(cost_usd), 0) AS cost_usd
    FROM staging.attempts
    GROUP BY month, CAST(started_at AS DATE), direction
),

components AS (
    SELECT
        days.month,
        days.day,
        days.direction,
        parts.component,
        days.charged_seconds,
        CASE parts.component
            WHEN 'toll_free' THEN days.toll_free_usd
            WHEN 'pstn' THEN days.pstn_usd
            WHEN 'metered' THEN days.metered_usd
            WHEN 'cnam' THEN days.cnam_usd
            WHEN 'unexplained'
                THEN
                    days.cost_usd
                    - days.toll_free_usd
                    - days.pstn_usd
                    - days.metered_usd
                    - days.cnam_usd
            ELSE days.cost_usd
        END AS cost_usd
    FROM days
    INNER JOIN (
        VALUES
        ('in', 'toll_free'),
        ('in', 'pstn'),
        ('in', 'metered'),
        ('in', 'cnam'),
        ('in', 'unexplained'),
        ('out', 'outbound')
    ) AS parts (direction, component)
        ON days.direction = parts.direction
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
