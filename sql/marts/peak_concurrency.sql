-- One row per UTC day, direction, scope and name with a channel held or a call lost.
-- Ask: when were most channels in use, and how many are needed?
-- grain: month, day, direction, scope, name
--
-- Exact to the second, not sampled. staging.channel_occupancy says how, and what crosses the edge
-- of a month. Scopes: all, did, trunk, capacity_group. The busy hour is the full UTC hour with most
-- traffic held.
--
-- Channels needed: the smallest n whose blocking by Erlang B is at most blocking_share. With
-- traffic A: B(0) = 1, B(n) = A B(n - 1) / (n + A B(n - 1)). Erlang B assumes that calls arrive
-- independently and that blocked calls go away.
--
-- Peaks do not add up: the peaks of two trunks can fall into different seconds. Lost calls are
-- those of staging.lost_calls that began on the day. A day with only lost calls has no busy hour
-- and no traffic. Lost calls are not part of the traffic: where calls were lost, more channels are
-- needed than this mart says.
WITH RECURSIVE hours AS (
    SELECT
        *,
        CAST(hour AS DATE) AS day,
        max(peak_channels)
            OVER (PARTITION BY month, CAST(hour AS DATE), direction, scope, name)
            AS day_peak,
        max(peak_held_channels)
            OVER (PARTITION BY month, CAST(hour AS DATE), direction, scope, name)
            AS day_held_peak,
        max(held_seconds)
            OVER (PARTITION BY month, CAST(hour AS DATE), direction, scope, name)
            AS day_held_seconds
    FROM staging.channel_occupancy
),

held AS (
    SELECT
        month,
        day,
        direction,
        scope,
        name,
        max(peak_channels) AS peak_channels,
        min(peak_at) FILTER (WHERE peak_channels = day_peak) AS peak_at,
        max(peak_held_channels) AS peak_held_channels,
        min(peak_held_at) FILTER (WHERE peak_held_channels = day_held_peak) AS peak_held_at,
        min(hour) FILTER (WHERE held_seconds = day_held_seconds) AS busy_hour,
        max(held_seconds) AS busy_seconds
    FROM hours
    GROUP BY month, day, direction, scope, name
),

lost AS (
    SELECT
        month,
        CAST(hour AS DATE) AS day,
        direction,
        scope,
        name,
        CAST(sum(lost_calls) AS BIGINT) AS lost_calls
    FROM staging.lost_calls
    GROUP BY month, CAST(hour AS DATE), direction, scope, name
),

days AS (
    SELECT
        coalesce(held.month, lost.month) AS month,
        coalesce(held.day, lost.day) AS day,
        coalesce(held.direction, lost.direction) AS direction,
        coalesce(held.scope, lost.scope) AS scope,
        coalesce(held.name, lost.name) AS name,
        coalesce(held.peak_channels, 0) AS peak_channels,
        held.peak_at,
        coalesce(held.peak_held_channels, 0) AS peak_held_channels,
        held.peak_held_at,
        held.busy_hour,
        coalesce(held.busy_seconds, 0) AS busy_seconds,
        coalesce(lost.lost_calls, 0) AS lost_calls
    FROM held
    FULL JOIN lost
        ON
            held.month = lost.month
            AND held.day = lost.day
            AND held.direction = lost.direction
            AND held.scope = lost.scope
            AND lost.name IS NOT DISTINCT FROM held.name
),

erlang_b AS (
    SELECT DISTINCT
        days.busy_seconds,
        thresholds.blocking_share,
        0 AS channels,
        CAST(1 AS DOUBLE) AS blocking
    FROM days
    CROSS JOIN staging.thresholds
    UNION ALL
    SELECT
        busy_seconds,
        blocking_share,
        channels + 1 AS channels,
        busy_seconds
        * blocking
        / (3600 * CAST(channels + 1 AS DOUBLE) + busy_seconds * blocking) AS blocking
    FROM erlang_b
    WHERE
        blocking > blocking_share
        AND blocking > 0
),

needed AS (
    SELECT
        busy_seconds,
        max(channels) AS channels
    FROM erlang_b
    WHERE blocking_share IS NOT NULL
    GROUP BY busy_seconds
)

SELECT
    -- Month of the day, YYYY-MM (UTC).
    days.month,
    -- Day on which the channels were in use, or calls were lost (UTC).
    days.day,
    -- Direction of the traffic: in (to a DID) or out.
    days.direction,
    -- What is counted together: all, did, trunk or capacity_group.
    days.scope,
    -- The DID, trunk or capacity group; NULL for all, and for calls in none.
    days.name,
    -- Most calls that were connected in the same second.
    days.peak_channels,
    -- The first such second, UTC; NULL where none was connected.
    days.peak_at,
    -- Most calls that held a channel in the same second, ringing included.
    days.peak_held_channels,
    -- The first such second, UTC; NULL where no channel was held.
    days.peak_held_at,
    -- Beginning of the hour with most traffic, UTC; the first of equal ones; NULL where no channel
    -- was held.
    days.busy_hour,
    -- Mean number of channels held in that hour.
    erlangs(days.busy_seconds) AS busy_hour_erlangs,
    -- Fewest channels that carry the busy hour at blocking_share of the seed thresholds, by Erlang
    -- B.
    needed.channels AS channels_needed,
    -- Calls that began on the day and were lost, because every channel was in use.
    days.lost_calls
FROM days
LEFT JOIN needed
    ON days.busy_seconds = needed.busy_seconds
