-- One row per destination country, by cost.
-- Ask: where do outbound calls go, and what does a billed minute cost there?
SELECT
    destination_country,
    sum(calls) AS calls,
    sum(answered_calls) AS answered_calls,
    sum(answered_calls) / nullif(sum(calls), 0) AS asr_call,
    sum(billed_minutes) AS billed_minutes,
    CAST(sum(charged_usd) AS DOUBLE) / nullif(sum(billed_minutes), 0) AS price_usd,
    sum(charged_usd) AS charged_usd
FROM marts.cost_by_country
WHERE month = $month
GROUP BY destination_country
ORDER BY charged_usd DESC, destination_country
