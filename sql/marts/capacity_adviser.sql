-- One row per month, scope, capacity group and number of extra flat channels. Ask: what would more flat channels have saved of metered spend?
--
-- Extra channels would have carried calls that were metered (metered_usd above 0), each from its start to its end, the next one
-- only when one of them was free. Which calls those are depends on all calls before, so two figures enclose the answer:
-- at least: calls that began while fewer metered calls than extra channels were in progress. Each of them finds a channel free
-- however the others were placed: this is never too much, and exact where metered calls never outnumber the extra channels.
-- by seconds: each second's metered spend, a call's spread evenly over its seconds, times the share of the metered calls in
-- progress that fit on the extra channels. This is what calls that may move to a channel as it falls free would have saved:
-- where a metered second has one price, never too little. Far above the channels it is the better estimate, below them both agree.
-- Channels go up to the most metered calls at once, which removes all metered spend, and to 50. Scope all takes the channels as
-- one pool for every group; a NULL group holds the numbers in none. What the channels themselves cost is not in the records.
-- A call holds its channel for at least a second; intervals are half-open; a month is built of its own calls.
WITH RECURSIVE extra AS (
    SELECT 1 AS channels
    UNION ALL
    SELECT channels + 1 AS channels
    FROM extra
    WHERE channels < 50
),
metered AS (
    SELECT
        month,
        capacity_group,
        export_id,
        row_number AS line,
        metered_usd,
        date_diff('second', CAST(month || '-01' AS TIMESTAMP), started_at) AS started,
        date_diff('second', CAST(month || '-01' AS TIMESTAMP), coalesce(ended_at, connected_at, started_at)) AS ended
    FROM staging.calls_in
    WHERE metered_usd > 0
),
calls AS (
    SELECT
        metered.month,
        scopes.scope,
        CASE WHEN scopes.scope = 'capacity_group' THEN metered.capacity_group END AS name,
        metered.export_id,
        metered.line,
        metered.metered_usd,
        metered.started,
        greatest(metered.ended, metered.started + 1) AS ended
    FROM metered
    CROSS JOIN (VALUES ('all'), ('capacity_group')) AS scopes (scope)
),
events AS ( -- a call's spend of a second in millionths of a millionth of a dollar, so that sums are exact
    SELECT
        month,
        scope,
        name,
        started AS second,
        1 AS calls,
        CAST(round(CAST(metered_usd AS DOUBLE) * 1e12 / (ended - started)) AS BIGINT) AS spend,
        metered_usd,
        export_id,
        line
    FROM calls
    UNION ALL
    SELECT
        month,
        scope,
        name,
        ended AS second,
        -1 AS calls,
        -CAST(round(CAST(metered_usd AS DOUBLE) * 1e12 / (ended - started)) AS BIGINT) AS spend,
        CAST(NULL AS DECIMAL(18, 6)) AS metered_usd,
        export_id,
        line
    FROM calls
),
levels AS ( -- ends come first in their second
    SELECT
        month,
        scope,
        name,
        calls,
        metered_usd,
        CAST(sum(calls) OVER (PARTITION BY month, scope, name ORDER BY second, calls, export_id, line ROWS UNBOUNDED PRECEDING) AS INTEGER) AS level,
        CAST(sum(spend) OVER (PARTITION BY month, scope, name ORDER BY second, calls, export_id, line ROWS UNBOUNDED PRECEDING) AS DECIMAL(38, 0)) AS spend,
        lead(second) OVER (PARTITION BY month, scope, name ORDER BY second, calls, export_id, line) - second AS seconds
    FROM events
),
spent AS (
    SELECT
        month,
        scope,
        name,
        level,
        count(*) FILTER (WHERE calls = 1) AS calls,
        coalesce(sum(metered_usd) FILTER (WHERE calls = 1), 0) AS metered_usd,
        CAST(sum(spend * seconds) AS DOUBLE) / 1e12 AS usd_by_seconds
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
)
SELECT
    totals.month, -- Month of call start, YYYY-MM (UTC).
    totals.scope, -- What the channels are for: all, or capacity_group.
    totals.name, -- The capacity group; NULL for all, and for the numbers in none.
    extra.channels AS extra_channels, -- Flat channels more than there were, from 1 to the peak or 50.
    CAST(totals.peak_metered_calls AS BIGINT) AS peak_metered_calls, -- Most metered calls in progress in the same second.
    CAST(totals.calls AS BIGINT) AS metered_calls, -- Metered calls of the month.
    CAST(totals.metered_usd AS DECIMAL(18, 6)) AS metered_usd, -- What they paid for metered channels, USD.
    CAST(sum(spent.calls) FILTER (WHERE spent.level <= extra.channels) AS BIGINT) AS avoided_at_least_calls, -- Calls that the extra channels would have carried at least.
    CAST(sum(spent.metered_usd) FILTER (WHERE spent.level <= extra.channels) AS DECIMAL(18, 6)) AS avoided_at_least_usd, -- Metered spend that the extra channels would have avoided at least, USD.
    CAST(sum(spent.usd_by_seconds * least(spent.level, extra.channels) / spent.level) AS DECIMAL(18, 6)) AS avoided_by_seconds_usd -- Metered spend that they would have avoided had calls moved to a channel as it fell free, USD.
FROM totals
INNER JOIN extra
    ON extra.channels <= totals.peak_metered_calls
INNER JOIN spent
    ON spent.month = totals.month
    AND spent.scope = totals.scope
    AND spent.name IS NOT DISTINCT FROM totals.name
GROUP BY
    totals.month,
    totals.scope,
    totals.name,
    extra.channels,
    totals.peak_metered_calls,
    totals.calls,
    totals.metered_usd
