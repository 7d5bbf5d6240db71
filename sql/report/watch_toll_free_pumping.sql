-- One row per finding of trends.watch_toll_free_pumping.
-- Ask: which toll-free numbers are pumped?
SELECT
    first_call_at AS at,
    did_number AS place,
    why,
    toll_free_usd AS cost_usd
FROM trends.watch_toll_free_pumping
WHERE month = $month
ORDER BY ALL
