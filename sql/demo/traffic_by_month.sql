-- One row per month and direction.
-- Ask: how much traffic was there, and how well did calls complete?
SELECT
    month,
    direction,
    sum(calls) AS calls,
    round(asr(sum(answered_calls), sum(calls)), 3) AS asr,
    round(acd(sum(answered_seconds), sum(answered_calls))) AS acd_seconds,
    round(sum(minutes)) AS minutes,
    sum(cost_usd) AS cost_usd
FROM marts.daily_traffic
GROUP BY month, direction
ORDER BY month, direction
