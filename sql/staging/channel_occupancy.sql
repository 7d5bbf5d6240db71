-- One row per UTC hour, direction, scope and name in which a channel was held.
-- Ask: how many channels were in use, to the second?
-- month before: staging.carried_over
--
-- A sweep line over staging.call_spans, which says from when to when a call holds a channel: +1 where it takes it, -1 where it
-- gives it back. Talk is from connect to end, held from start to end: a call that is not answered holds a channel and has no
-- talk. A call is one channel however many attempts it took. Spans are half-open: a call that ends in a second and one that
-- begins in it are not both there, so the changes of a second are netted. Calls are cut at full hours, so that each hour can
-- be swept alone.
-- A month is swept over its own calls and those of the month before that were still in progress (staging.carried_over). The
-- first month that is held has none before it: its first hours lack the calls that were in progress when it began.
-- Scopes: all; did and capacity_group (inbound, NULL for calls in none); trunk (that of the deciding attempt).
-- Levels are found per cell, a number for name and hour, since numbers are partitioned several times faster than text.
WITH RECURSIVE hours AS (
    SELECT 0 AS hour -- of the month, 31 days at most
    UNION ALL
    SELECT hour + 1 AS hour
    FROM hours
    WHERE hour < 743
),
steps AS (
    SELECT
        hours.hour AS edges, -- full hours that a call crosses
        pieces.hour AS step -- the pieces that it is cut into by them
    FROM hours
    INNER JOIN hours AS pieces
        ON pieces.hour <= hours.hour
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
        CASE WHEN direction = 'in' THEN 4 * dense_rank() OVER (ORDER BY month, direction, did_number) + 2 END AS did_key,
        CASE WHEN direction = 'in' THEN 4 * dense_rank() OVER (ORDER BY month, direction, capacity_group) + 3 END AS group_key
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
spans AS ( -- cut at the ends of the month
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
        ON keys.month = calls.month
        AND keys.direction = calls.direction
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
pieces AS ( -- in seconds of the hour
    SELECT
        all_key,
        trunk_key,
        did_key,
        group_key,
        hour,
        greatest(held_from - hour_start, 0) AS held_from,
        CASE
            WHEN talk_from < least(ended, hour_start + 3600) THEN greatest(talk_from - hour_start, held_from - hour_start, 0)
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
events AS (
    SELECT
        1000 * scoped.name_key + scoped.hour AS cell,
        CAST(
            CASE kinds.kind WHEN 'start' THEN scoped.held_from WHEN 'connect' THEN scoped.talk_from ELSE scoped.ended END AS SMALLINT
        ) AS second,
        CAST(CASE kinds.kind WHEN 'start' THEN 1 WHEN 'connect' THEN 0 ELSE -1 END AS SMALLINT) AS held,
        CAST(
            CASE WHEN kinds.kind = 'connect' THEN 1 WHEN kinds.kind = 'end' AND scoped.talk_from IS NOT NULL THEN -1 ELSE 0 END AS SMALLINT
        ) AS talk
    FROM scoped
    CROSS JOIN (VALUES ('start'), ('connect'), ('end')) AS kinds (kind)
    WHERE scoped.name_key IS NOT NULL
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
levels AS ( -- both in one number, as a running sum is what costs most here: held in thousand millions, talk below
    SELECT
        cell,
        second,
        talk,
        held,
        CAST(
            sum(CAST(1000000000 AS BIGINT) * held + talk) OVER (PARTITION BY cell ORDER BY second ROWS UNBOUNDED PRECEDING) AS BIGINT
        ) AS level
    FROM changes
),
cells AS ( -- the highest level and, of equals, the earliest second in one number: 4096 is above any second of an hour
    SELECT
        cell,
        max(4096 * (level % 1000000000) + 4095 - second) AS talk_peak,
        max(4096 * (level // 1000000000) + 4095 - second) AS held_peak,
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
    CASE WHEN talk_peak > 0 THEN make_timestamp(year, month_number, day, hour, talk_peak_second // 60, talk_peak_second % 60) END AS peak_at,
    -- Most calls that held a channel in the same second, ringing included.
    held_peak AS peak_held_channels,
    -- The first such second, UTC.
    make_timestamp(year, month_number, day, hour, held_peak_second // 60, held_peak_second % 60) AS peak_held_at,
    -- Connected seconds that fell into the hour, over all calls.
    talk_seconds,
    -- Seconds that fell into the hour in which a channel was held, over all calls.
    held_seconds
FROM found
