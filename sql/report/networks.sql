-- One row per destination country, network and call type, for the 100 most expensive.
-- Ask: which networks cost most?
SELECT
    destination_country,
    network,
    call_type,
    calls,
    asr(answered_calls, calls) AS asr_call,
    billed_minutes,
    lowest_rate_usd,
    highest_rate_usd,
    charged_usd
FROM marts.cost_by_network
WHERE month = $month
ORDER BY charged_usd DESC, destination_country ASC, network ASC, call_type ASC
LIMIT 100
