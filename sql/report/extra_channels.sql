-- One row per number of extra flat channels, for all numbers and per capacity group.
-- Ask: would more channels pay?
SELECT
    CASE
        WHEN scope = 'all' THEN 'all numbers'
        ELSE coalesce(name, 'numbers in no group')
    END AS place,
    scope = 'all' AS everywhere,
    extra_channels,
    metered_calls,
    metered_usd,
    avoided_at_least_calls,
    avoided_at_least_usd,
    avoided_by_seconds_usd,
    lost_calls
FROM marts.channel_what_if
WHERE month = $month
ORDER BY scope, place, extra_channels
