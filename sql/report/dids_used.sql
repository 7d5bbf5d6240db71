-- One row per DID that was called in the month, the busiest first.
-- Ask: which of our numbers are busy?
--
-- calls_share_to_here is the share of the calls, 0 to 1, that the DID and all those before it took.
WITH used AS (
    SELECT
        *,
        row_number() OVER (ORDER BY calls DESC, minutes DESC, did_number ASC) AS place
    FROM marts.did_usage
    WHERE month = $month
)

SELECT
    did_number,
    asr(answered_calls, calls) AS asr_call,
    minutes,
    callers,
    busiest_hour,
    last_call_at,
    total_usd,
    calls,
    ratio(sum(calls) OVER (ORDER BY place), sum(calls) OVER ()) AS calls_share_to_here
FROM used
ORDER BY place
