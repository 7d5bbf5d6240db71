-- One row per call that still held a channel when its month ended.
-- Ask: which calls were in progress as the next month began?
--
-- The next month counts channels over its own calls and these. It need not read all calls of the
-- month before.
--
-- A call is carried over once. A call that lasts beyond the end of the next month is cut there,
-- because no real call is that long. Seconds are those of the next month: seconds before it are
-- negative.
WITH spans AS (
    SELECT
        *,
        last_day(CAST(month || '-01' AS DATE)) AS last_day,
        CAST(86400 * extract(DAY FROM last_day(CAST(month || '-01' AS DATE))) AS INTEGER) AS seconds
    FROM staging.call_spans
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Month into which the call is carried over, YYYY-MM (UTC).
    strftime(last_day + 1, '%Y-%m') AS next_month,
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
    -- Second of the next month from which the call held a channel; negative, before it.
    held_from - seconds AS held_from,
    -- Second of the next month from which it was connected; NULL where it never was.
    talk_from - seconds AS talk_from,
    -- Second of the next month in which it held the channel no more.
    held_until - seconds AS held_until
FROM spans
WHERE
    held_until > seconds
    AND held_until > held_from
