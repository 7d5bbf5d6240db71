-- One row per UTC hour, direction, scope and name in which a channel was held.
-- Ask: how many channels were in use, to the second?
-- grain: month, hour, direction, scope, name
-- month before: staging.carried_over
--
-- A sweep line over staging.call_spans, which says when a call holds a channel. Each call adds 1
-- when it takes the channel and subtracts 1 when it releases it. Held is the time from start to
-- end. Talk is the time from connect to end: an unanswered call holds a channel and has no talk. A
-- call is one channel, however many attempts it took.
--
-- Spans are half-open: a call that ends in a second does not overlap a call that begins in it. The
-- changes of one second are therefore added up first. Calls are cut at full hours, so that each
-- hour is counted alone.
--
-- A month counts its own calls and the calls of the month before that were still in progress
-- (staging.carried_over). The first month in the archive has no month before it: its first hours
-- lack calls that were already in progress.
--
-- Scopes: all; trunk (that of the deciding attempt); did and capacity_group (inbound only, NULL for
-- calls without one).
--
-- For speed, each pair of name and hour is one number, the cell: DuckDB partitions numbers several
-- times faster than text.
WITH RECURSIVE hours AS (
    -- Hours of the month: 31 days at most.
    SELECT 0 AS hour
    UNION ALL
    SELECT hour + 1 AS hour
    FROM hours
    WHERE hour < 743
),

-- A call that crosses so many edges of hours is cut into one piece more than that.
steps AS (
    SELECT
        hours.hour AS edges,
        pieces.hour AS step
    FROM hours
    INNER JOIN hours AS pieces
        ON hours.hour >= pieces.hour
),

users AS (
    SELECT
        month,
        direction,
        did_number,
        trunk_name,
        capacity_group
    FROM staging.call_spans
    GROUP BY month, direction, did_number, trunk_name, capacity_group
    UNION
    SELECT
        next_month AS month,
        direction,
        did_number,
        trunk_name,
        capacity_group
    FROM staging.carried_over
),

keys AS (
    SELECT
        *,
        86400 * extract(DAY FROM last_day(CAST(month || '-01' AS DATE))) AS month_seconds,
        4 * dense_rank() OVER (ORDER BY month, direction) AS all_key,
        4 * dense_rank() OVER (ORDER BY month, direction, trunk_name) + 1 AS trunk_key,
        CASE
            WHEN
                direction = 'in'
                THEN 4 * dense_rank() OVER (ORDER BY month, direction, did_number) + 2
        END AS did_key,
        CASE
            WHEN
                direction = 'in'
                THEN 4 * dense_rank() OVER (ORDER BY month, direction, capacity_group) + 3
        END AS group_key
    FROM users
),

names AS (
    SELECT DISTINCT
        all_key AS name_key,
        month,
        direction,
        'all' AS scope,
        CAST(NULL AS VARCHAR) AS name
    FROM keys
    UNION ALL
    SELECT DISTINCT
        trunk_key AS name_key,
        month,
        direction,
        'trunk' AS scope,
        trunk_name AS name
    FROM keys
    UNION ALL
    SELECT DISTINCT
        did_key AS name_key,
        month,
        direction,
        'did' AS scope,
        did_number AS name
    FROM keys
    WHERE did_key IS NOT NULL
    UNION ALL
    SELECT DISTINCT
        group_key AS name_key,
        month,
        direction,
        'capacity_group' AS scope,
        capacity_group AS name
    FROM keys
    WHERE group_key IS NOT NULL
),

calls AS (
    SELECT
        month,
        direction,
        did_number,
        trunk_name,
        capacity_group,
        held_from,
        talk_from,
        held_until
    FROM staging.call_spans
    UNION ALL
    SELECT
        next_month AS month,
        direction,
        did_number,
        trunk_name,
        capacity_group,
        held_from,
        talk_from,
        held_until
    FROM staging.carried_over
),

-- Spans within the month.
spans AS (
    SELECT
        keys.all_key,
        keys.trunk_key,
        keys.did_key,
        keys.group_key,
        greatest(calls.held_from, 0) AS held_from,
        calls.talk_from,
        least(calls.held_until, keys.month_seconds) AS ended
    FROM calls
    INNER JOIN keys
        ON
            calls.month = keys.month
            AND calls.direction = keys.direction
            AND keys.did_number IS NOT DISTINCT FROM calls.did_number
            AND keys.trunk_name IS NOT DISTINCT FROM calls.trunk_name
            AND keys.capacity_group IS NOT DISTINCT FROM calls.capacity_group
),

cut AS (
    SELECT
        spans.*,
        spans.held_from // 3600 + steps.step AS hour,
        3600 * (spans.held_from // 3600 + steps.step) AS hour_start
    FROM spans
    INNER JOIN steps
        ON steps.edges = (spans.ended - 1) // 3600 - spans.held_from // 3600
    WHERE spans.ended > spans.held_from
),

-- The part of a span within one hour, in seconds of the hour.
pieces AS (
    SELECT
        all_key,
        trunk_key,
        did_key,
        group_key,
        hour,
        greatest(held_from - hour_start, 0) AS held_from,
        CASE
            WHEN
                talk_from < least(ended, hour_start + 3600)
                THEN greatest(talk_from - hour_start, held_from - hour_start, 0)
        END AS talk_from,
        least(ended - hour_start, 3600) AS ended
    FROM cut
),

scoped AS (
    SELECT
        CASE scopes.scope
            WHEN 'all' THEN pieces.all_key
            WHEN 'trunk' THEN pieces.trunk_key
            WHEN 'did' THEN pieces.did_key
            ELSE pieces.group_key
        END AS name_key,
        pieces.hour,
        pieces.held_from,
        pieces.talk_from,
        pieces.ended
    FROM pieces
    CROSS JOIN (VALUES ('all'), ('trunk'), ('did'), ('capacity_group')) AS scopes (scope)
),

-- What each call changes, and in which second of the hour: it starts, it connects, it ends.
events AS (
    SELECT
        1000 * scoped.name_key + scoped.hour AS cell,
        CAST(
            CASE kinds.kind
                WHEN 'start' THEN scoped.held_from
                WHEN 'connect' THEN scoped.talk_from
                ELSE scoped.ended
            END AS SMALLINT
        ) AS second,
        CAST(kinds.held AS SMALLINT) AS held,
        CAST(CASE WHEN scoped.talk_from IS NULL THEN 0 ELSE kinds.talk END AS SMALLINT) AS talk
    FROM scoped
    CROSS JOIN (
        VALUES ('start', 1, 0), ('connect', 0, 1), ('end', -1, -1)
    ) AS kinds (kind, held, talk)
    WHERE
        scoped.name_key IS NOT NULL
        AND (kinds.kind <> 'connect' OR scoped.talk_from IS NOT NULL)
),

changes AS (
    SELECT
        cell,
        second,
        CAST(sum(talk) AS INTEGER) AS talk,
        CAST(sum(held) AS INTEGER) AS held
    FROM events
    GROUP BY cell, second
),

-- Calls in progress after each change.
levels AS (
    SELECT
        cell,
        second,
        talk,
        held,
        CAST(sum(talk) OVER earlier AS BIGINT) AS talk_level,
        CAST(sum(held) OVER earlier AS BIGINT) AS held_level
    FROM changes
    WINDOW earlier AS (PARTITION BY cell ORDER BY second ROWS UNBOUNDED PRECEDING)
),

-- A peak is the highest level and the earliest second that has it. One number holds both, so that
-- one pass finds them: 4096 * level + (4095 - second). A second of an hour is below 4096.
cells AS (
    SELECT
        cell,
        max(4096 * talk_level + 4095 - second) AS talk_peak,
        max(4096 * held_level + 4095 - second) AS held_peak,
        -CAST(sum(talk * CAST(second AS BIGINT)) AS BIGINT) AS talk_seconds,
        -CAST(sum(held * CAST(second AS BIGINT)) AS BIGINT) AS held_seconds
    FROM levels
    GROUP BY cell
),

found AS (
    SELECT
        names.month,
        names.direction,
        names.scope,
        names.name,
        CAST(substr(names.month, 1, 4) AS BIGINT) AS year,
        CAST(substr(names.month, 6, 2) AS BIGINT) AS month_number,
        cells.cell % 1000 // 24 + 1 AS day,
        cells.cell % 1000 % 24 AS hour,
        cells.talk_peak // 4096 AS talk_peak,
        4095 - cells.talk_peak % 4096 AS talk_peak_second,
        cells.held_peak // 4096 AS held_peak,
        4095 - cells.held_peak % 4096 AS held_peak_second,
        cells.talk_seconds,
        cells.held_seconds
    FROM cells
    INNER JOIN names
        ON names.name_key = cells.cell // 1000
)

SELECT
    -- Month of the hour, YYYY-MM (UTC).
    month,
    -- Beginning of the hour, UTC.
    make_timestamp(year, month_number, day, hour, 0, 0) AS hour,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- What is counted together: all, did, trunk or capacity_group.
    scope,
    -- The DID, trunk or capacity group; NULL for all, and for calls in none.
    name,
    -- Most calls that were connected in the same second.
    talk_peak AS peak_channels,
    -- The first such second, UTC; NULL where none was connected.
    CASE
        WHEN
            talk_peak > 0
            THEN
                make_timestamp(
                    year, month_number, day, hour, talk_peak_second // 60, talk_peak_second % 60
                )
    END AS peak_at,
    -- Most calls that held a channel in the same second, ringing included.
    held_peak AS peak_held_channels,
    -- The first such second, UTC.
    make_timestamp(year, month_number, day, hour, held_peak_second // 60, held_peak_second % 60)
        AS peak_held_at,
    -- Connected seconds that fell into the hour, over all calls.
    talk_seconds,
    -- Seconds that fell into the hour in which a channel was held, over all calls.
    held_seconds
FROM found
