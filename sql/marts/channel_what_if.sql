-- One row per month, scope, capacity group and number of extra flat channels.
-- Ask: what would more flat channels have saved of metered spend?
-- grain: month, scope, name, extra_channels
-- month before: staging.carried_over
-- formerly: marts.capacity_adviser
--
-- Extra channels would have carried calls that were metered (metered_usd above 0), each for its
-- span in staging.call_spans. Each call depends on all calls before it, so two figures enclose the
-- answer.
--
-- At least: the calls that began while fewer metered calls than extra channels were in progress.
-- Each of them finds a free channel in any order of the others. This figure is never too high. It
-- is exact while metered calls never outnumber the extra channels.
--
-- By seconds: a call's spend is spread evenly over its seconds. Of each second's spend, the share
-- counts that fits on the extra channels. This is the saving if calls could move to a channel as it
-- becomes free. It is never too low if all metered seconds have one price.
--
-- Extra channels go up to the most metered calls at once, or to 50 if that is less. As many as the
-- most metered calls at once remove all metered spend. Scope all is one pool for every group. A
-- NULL group holds the numbers without a group. The price of the channels themselves is not in the
-- records.
--
-- Of calls that begin in the same second, the cheapest counts as the first. A call of zero seconds
-- needs a channel only in the instant of its start, after all others of that second. A call carried
-- over from the month before is in progress, and its money belongs to that month.
--
-- Lost calls are those of staging.lost_calls. They paid nothing, so neither figure includes them. A
-- scope with lost calls has a row even if no call was metered.
WITH RECURSIVE extra AS (
    SELECT 1 AS channels
    UNION ALL
    SELECT channels + 1 AS channels
    FROM extra
    WHERE channels < 50
),

calls AS (
    SELECT
        spans.month,
        scopes.scope,
        CASE WHEN scopes.scope = 'capacity_group' THEN spans.capacity_group END AS name,
        spans.metered_usd,
        spans.held_from,
        spans.held_until
    FROM staging.call_spans AS spans
    CROSS JOIN (VALUES ('all'), ('capacity_group')) AS scopes (scope)
    WHERE spans.metered_usd > 0
    UNION ALL
    SELECT
        carried.next_month AS month,
        scopes.scope,
        CASE WHEN scopes.scope = 'capacity_group' THEN carried.capacity_group END AS name,
        CAST(NULL AS DECIMAL(18, 6)) AS metered_usd, -- it is the month's in which the call began
        carried.held_from,
        carried.held_until
    FROM staging.carried_over AS carried
    CROSS JOIN (VALUES ('all'), ('capacity_group')) AS scopes (scope)
    WHERE carried.metered_usd > 0
),

-- A call's spend in one second, in 10^-15 US dollars: sums over a month are then exact.
priced AS (
    SELECT
        *,
        CASE
            WHEN held_until > held_from
                THEN
                    CAST(
                        round(
                            CAST(coalesce(metered_usd, 0) AS DOUBLE)
                            * 1e15
                            / (held_until - held_from)
                        ) AS DECIMAL(38, 0)
                    )
            ELSE 0
        END AS spend
    FROM calls
),

-- A call of zero seconds begins and ends after all others of its second.
events AS (
    SELECT
        month,
        scope,
        name,
        held_from AS second,
        CASE WHEN held_until > held_from THEN 1 ELSE 2 END AS place,
        1 AS calls,
        spend,
        metered_usd,
        CASE WHEN held_until > held_from THEN 0 ELSE metered_usd END AS usd_at_once
    FROM priced
    UNION ALL
    SELECT
        month,
        scope,
        name,
        held_until AS second,
        CASE WHEN held_until > held_from THEN 0 ELSE 3 END AS place,
        -1 AS calls,
        -spend AS spend,
        CAST(NULL AS DECIMAL(18, 6)) AS metered_usd,
        0 AS usd_at_once
    FROM priced
),

levels AS (
    SELECT
        month,
        scope,
        name,
        metered_usd,
        usd_at_once,
        CAST(
            sum(calls)
                OVER (
                    PARTITION BY month, scope, name
                    ORDER BY second, place, metered_usd ROWS UNBOUNDED PRECEDING
                )
            AS INTEGER
        ) AS level,
        CAST(
            sum(spend)
                OVER (
                    PARTITION BY month, scope, name
                    ORDER BY second, place, metered_usd ROWS UNBOUNDED PRECEDING
                )
            AS DECIMAL(38, 0)
        ) AS spend,
        lead(second) OVER (PARTITION BY month, scope, name ORDER BY second, place, metered_usd)
        - second AS seconds
    FROM events
),

spent AS (
    SELECT
        month,
        scope,
        name,
        level,
        count(metered_usd) AS calls,
        coalesce(sum(metered_usd), 0) AS metered_usd,
        CAST(sum(spend * seconds) AS DOUBLE) / 1e15
        + CAST(sum(usd_at_once) AS DOUBLE) AS usd_by_seconds
    FROM levels
    WHERE level > 0
    GROUP BY month, scope, name, level
),

totals AS (
    SELECT
        month,
        scope,
        name,
        max(level) AS peak_metered_calls,
        sum(calls) AS calls,
        sum(metered_usd) AS metered_usd
    FROM spent
    GROUP BY month, scope, name
),

lost AS (
    SELECT
        month,
        scope,
        name,
        CAST(sum(lost_calls) AS BIGINT) AS lost_calls
    FROM staging.lost_calls
    WHERE
        direction = 'in'
        AND scope IN ('all', 'capacity_group')
    GROUP BY month, scope, name
),

advised AS (
    SELECT
        coalesce(totals.month, lost.month) AS month,
        coalesce(totals.scope, lost.scope) AS scope,
        coalesce(totals.name, lost.name) AS name,
        coalesce(totals.peak_metered_calls, 0) AS peak_metered_calls,
        coalesce(totals.calls, 0) AS calls,
        coalesce(totals.metered_usd, 0) AS metered_usd,
        coalesce(lost.lost_calls, 0) AS lost_calls
    FROM totals
    FULL JOIN lost
        ON
            totals.month = lost.month
            AND totals.scope = lost.scope
            AND lost.name IS NOT DISTINCT FROM totals.name
    WHERE
        totals.calls > 0
        OR lost.lost_calls > 0
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    advised.month,
    -- What the channels are for: all, or capacity_group.
    advised.scope,
    -- The capacity group; NULL for all, and for the numbers in none.
    advised.name,
    -- Flat channels more than there were, from 1 to the peak or 50; 1 where no call was metered.
    extra.channels AS extra_channels,
    -- Most metered calls in progress in the same second.
    CAST(advised.peak_metered_calls AS BIGINT) AS peak_metered_calls,
    -- Metered calls of the month.
    CAST(advised.calls AS BIGINT) AS metered_calls,
    -- What they paid for metered channels, USD.
    CAST(advised.metered_usd AS DECIMAL(38, 6)) AS metered_usd,
    -- Calls that the extra channels would have carried at least.
    coalesce(CAST(sum(spent.calls) FILTER (WHERE spent.level <= extra.channels) AS BIGINT), 0)
        AS avoided_at_least_calls,
    -- Metered spend that the extra channels would have avoided at least, USD.
    coalesce(
        CAST(sum(spent.metered_usd) FILTER (WHERE spent.level <= extra.channels) AS DECIMAL(38, 6)),
        0
    ) AS avoided_at_least_usd,
    -- Metered spend that they would have avoided had calls moved to a channel as it fell free, USD.
    coalesce(
        CAST(
            sum(
                spent.usd_by_seconds * least(spent.level, extra.channels) / spent.level
            ) AS DECIMAL(38, 6)
        ),
        0
    ) AS avoided_by_seconds_usd,
    -- Inbound calls of the month that were lost, because every channel was in use.
    advised.lost_calls
FROM advised
INNER JOIN extra
    ON extra.channels <= greatest(advised.peak_metered_calls, 1)
LEFT JOIN spent
    ON
        advised.month = spent.month
        AND advised.scope = spent.scope
        AND spent.name IS NOT DISTINCT FROM advised.name
GROUP BY
    advised.month,
    advised.scope,
    advised.name,
    extra.channels,
    advised.peak_metered_calls,
    advised.calls,
    advised.metered_usd,
    advised.lost_calls
