-- One row per DID that has gone quiet, the longest first.
-- Ask: for which numbers is a fee paid although they get no calls?
SELECT
    did_number,
    last_call_at,
    idle_days,
    months,
    calls
FROM trends.did_activity
WHERE idle AND strftime(first_call_at, '%Y-%m') <= $month
ORDER BY idle_days DESC, did_number ASC
