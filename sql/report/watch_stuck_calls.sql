-- One row per finding of marts.watch_stuck_calls.
-- Ask: which calls did not end?
SELECT
    started_at AS at,
    trunk_name AS place,
    why,
    cost_usd
FROM marts.watch_stuck_calls
WHERE month = $month
ORDER BY ALL
