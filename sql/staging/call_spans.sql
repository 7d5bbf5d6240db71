-- One row per call, with the seconds in which it held a channel.
-- Ask: from when to when was each channel in use?
--
-- The one definition of a call's span. staging.channel_occupancy and marts.channel_what_if use it.
--
-- A call holds a channel from its start to its end. It talks from its answer to its end. The end is
-- that of the deciding attempt. If that end is missing or before the start, the end is answer +
-- duration; without an answer, it is the start. A missing or negative duration counts as 0. Spans
-- are half-open: a call of zero seconds has a row but holds no channel. An answer before the start
-- counts as an answer at the start. An answer at or after the end is no talk.
--
-- Seconds count from the first of the month in which the call began. Seconds before that month are
-- negative; seconds after it continue. They stop at 62 days either way: no two months in a row are
-- longer.
WITH calls AS (
    SELECT
        *,
        CAST(month || '-01' AS TIMESTAMP) AS month_start
    FROM staging.calls
),

seconds AS (
    SELECT
        month,
        direction,
        did_number,
        trunk_name,
        capacity_group,
        metered_usd,
        greatest(least(date_diff('second', month_start, started_at), 5356800), -5356800) AS started,
        date_diff('second', month_start, connected_at) AS connected,
        CASE
            WHEN ended_at >= started_at THEN date_diff('second', month_start, ended_at)
            ELSE
                date_diff('second', month_start, connected_at)
                + least(greatest(coalesce(duration_seconds, 0), 0), 5356800)
        END AS ended
    FROM calls
),

spans AS (
    SELECT
        *,
        greatest(least(coalesce(ended, started), 5356800), started) AS held_until
    FROM seconds
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Direction of the call: in (to a DID) or out.
    direction,
    -- The dialled DID; NULL for outbound.
    did_number,
    -- Name of the deciding attempt's trunk.
    trunk_name,
    -- Name of the deciding attempt's shared capacity group; NULL for none,
    -- and for outbound.
    capacity_group,
    -- Charge for metered channels over all attempts, USD; NULL for outbound.
    metered_usd,
    -- Second of the month from which the call held a channel.
    CAST(started AS INTEGER) AS held_from,
    -- Second of the month from which it was connected; NULL where it never was.
    CAST(CASE WHEN connected < held_until THEN greatest(connected, started) END AS INTEGER)
        AS talk_from,
    -- Second of the month in which it held the channel no more; held_from where it never did.
    CAST(held_until AS INTEGER) AS held_until
FROM spans
