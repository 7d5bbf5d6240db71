-- One row per day of call start (UTC) and direction.
-- Ask: how much traffic was there each day, and how well did it complete?
SELECT
    day,
    direction,
    calls,
    answered_calls,
    asr_call,
    acd_seconds,
    minutes,
    cost_usd
FROM marts.daily_traffic
WHERE month = $month
ORDER BY day, direction
