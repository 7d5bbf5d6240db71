-- One row per destination country, by cost.
-- Ask: where do outbound calls go, and what does a billed minute cost there?
SELECT
    destination_country,
    sum(calls) AS calls,
    sum(answered_calls) AS answered_calls,
    asr(sum(answered_calls), sum(calls)) AS asr_call,
    sum(billed_minutes) AS billed_minutes,
    ratio(sum(charged_usd), sum(billed_minutes)) AS price_usd,
    sum(charged_usd) AS charged_usd
FROM marts.cost_by_country
WHERE month = $month
GROUP BY destination_country
ORDER BY charged_usd DESC, destination_country ASC
