-- One row per finding of marts.watch_wangiri.
-- Ask: when did callers ring once to be called back?
SELECT
    first_call_at AS at,
    concat(dids, ' DIDs') AS place,
    why,
    calls_back_usd AS cost_usd
FROM marts.watch_wangiri
WHERE month = $month
ORDER BY ALL
