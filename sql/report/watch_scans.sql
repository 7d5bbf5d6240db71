-- One row per finding of marts.watch_scans.
-- Ask: when were numbers scanned?
SELECT
    first_call_at AS at,
    concat(direction, 'bound') AS place,
    why,
    cost_usd
FROM marts.watch_scans
WHERE month = $month
ORDER BY ALL
