-- One row per month, range of callers and burst of rings that looks like wangiri.
-- Ask: who rang many of our numbers to be called back?
-- grain: month, source_range, first_call_at
-- Forensic: exports are hours old; this finds, it does not block.
-- Personal data: source_range.
--
-- Wangiri: expensive numbers of one range ring many of ours once, and earn when we call back. A
-- ring is a call from a number of 7 to 15 digits that was not answered, or lasted at most
-- wangiri_ring_seconds. A range is such a number without its last wangiri_range_digits.
--
-- A burst is a series of rings of one range that begin at most wangiri_gap_seconds apart. It is
-- found from wangiri_calls rings to wangiri_dids DIDs on. The seed thresholds has all of these.
-- Calls back are the month's outbound calls into the range since the burst began.
--
-- Each month is searched alone. A burst over the edge of a month is two bursts, and each must be
-- found by itself. A call back after the month is not counted. To look for one, search cdr_out for
-- destination_number from the source_range found.
WITH rings AS (
    SELECT
        calls_in.month,
        left(
            calls_in.source_number, length(calls_in.source_number) - thresholds.wangiri_range_digits
        ) AS source_range,
        calls_in.source_number,
        calls_in.did_number,
        calls_in.started_at,
        calls_in.answered
    FROM staging.calls_in AS calls_in
    CROSS JOIN staging.thresholds
    WHERE
        (NOT calls_in.answered OR calls_in.duration_seconds <= thresholds.wangiri_ring_seconds)
        AND regexp_matches(calls_in.source_number, '^[0-9]{7,15}$')
),

ranges AS (
    SELECT
        rings.month,
        rings.source_range
    FROM rings
    GROUP BY rings.month, rings.source_range
    HAVING count(*) >= (SELECT thresholds.wangiri_calls FROM staging.thresholds)
),

spaced AS (
    SELECT
        rings.*,
        date_diff(
            'second',
            lag(rings.started_at)
                OVER (PARTITION BY rings.month, rings.source_range ORDER BY rings.started_at),
            rings.started_at
        ) AS seconds_since_last
    FROM rings
    INNER JOIN ranges
        ON
            rings.month = ranges.month
            AND rings.source_range = ranges.source_range
),

numbered AS (
    SELECT
        spaced.*,
        count(*) FILTER (
            WHERE coalesce(spaced.seconds_since_last > thresholds.wangiri_gap_seconds, TRUE)
        )
            OVER (PARTITION BY spaced.month, spaced.source_range ORDER BY spaced.started_at)
            AS burst
    FROM spaced
    CROSS JOIN staging.thresholds
),

bursts AS (
    SELECT
        month,
        source_range,
        burst,
        min(started_at) AS first_call_at,
        max(started_at) AS last_call_at,
        count(*) AS rings,
        count(*) FILTER (WHERE answered) AS answered_rings,
        count(DISTINCT source_number) AS callers,
        count(DISTINCT did_number) AS dids
    FROM numbered
    GROUP BY month, source_range, burst
),

found AS (
    SELECT bursts.*
    FROM bursts
    INNER JOIN staging.thresholds
        ON
            bursts.rings >= thresholds.wangiri_calls
            AND bursts.dids >= thresholds.wangiri_dids
),

-- Calls into a range are added up once, from the last to the first, for all bursts of the range.
events AS (
    SELECT
        month,
        source_range,
        burst,
        first_call_at AS event_at,
        0 AS calls,
        CAST(0 AS DECIMAL(38, 6)) AS cost_usd
    FROM found
    UNION ALL
    SELECT
        calls_out.month,
        left(
            calls_out.destination_number,
            length(calls_out.destination_number) - thresholds.wangiri_range_digits
        ) AS source_range,
        CAST(NULL AS BIGINT) AS burst,
        calls_out.started_at AS event_at,
        1 AS calls,
        calls_out.charged_usd AS cost_usd
    FROM staging.calls_out AS calls_out
    CROSS JOIN staging.thresholds
    WHERE
        left(
            calls_out.destination_number,
            length(calls_out.destination_number) - thresholds.wangiri_range_digits
        )
        IN (SELECT found.source_range FROM found)
),

back AS (
    SELECT
        month,
        source_range,
        burst,
        CAST(sum(calls) OVER since AS BIGINT) AS calls,
        sum(cost_usd) OVER since AS cost_usd
    FROM events
    WINDOW since AS (PARTITION BY month, source_range ORDER BY event_at DESC)
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    found.month,
    -- The callers' numbers without their last digits.
    found.source_range,
    -- Start of the burst's first ring, UTC.
    found.first_call_at,
    -- Start of the burst's last ring, UTC.
    found.last_call_at,
    -- Calls of the burst that were not answered, or lasted only a moment.
    found.rings,
    -- Those that were answered, briefly.
    found.answered_rings,
    -- Different source numbers of the range.
    found.callers,
    -- Different DIDs that rang.
    found.dids,
    -- Outbound calls of the month into the range, since the burst began.
    coalesce(back.calls, 0) AS calls_back,
    -- What those calls cost, USD.
    coalesce(CAST(back.cost_usd AS DECIMAL(38, 6)), 0) AS calls_back_usd,
    -- The numbers that made it a finding, in words.
    concat(
        CAST(found.rings AS VARCHAR),
        ' rings by ',
        CAST(found.callers AS VARCHAR),
        ' numbers of one range to ',
        CAST(found.dids AS VARCHAR), ' DIDs, ', CAST(coalesce(back.calls, 0) AS VARCHAR),
        CASE back.calls WHEN 1 THEN ' call back' ELSE ' calls back' END
    ) AS why
FROM found
LEFT JOIN back
    ON
        found.month = back.month
        AND found.source_range = back.source_range
        AND found.burst = back.burst
