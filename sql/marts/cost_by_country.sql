-- One row per month, destination country and call type of outbound calls.
-- Ask: where do we call, and what does it cost there?
--
-- ASR = answered / calls (E.411, E.425 1.3). ACD = connected seconds of answered calls / answered calls. The price of a minute
-- is the charge over the billed minutes, so it shows the rate; against the connected minutes it would also show the rounding,
-- which is the gap between minutes and billed_minutes. Countries are the vendor's names. It leaves them out of failed calls
-- to numbers of no price list: those are the row of the NULL country, and in the ASR of no other.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Country of the dialled number, the vendor's name for it; NULL where left out.
    destination_country,
    -- Price class: Local, International or Origin based.
    call_type,
    -- Calls to the country.
    count(*) AS calls,
    -- Calls with a connect time.
    count(*) FILTER (WHERE answered) AS answered_calls,
    -- Answer-seizure ratio by call, 0 to 1: answered calls / calls, of those that name the country.
    asr(count(*) FILTER (WHERE answered), count(*)) AS asr_call,
    -- Average call duration in seconds: connected seconds of answered calls / answered calls.
    acd(sum(duration_seconds) FILTER (WHERE answered), count(*) FILTER (WHERE answered)) AS acd_seconds,
    -- Connected seconds.
    coalesce(CAST(sum(duration_seconds) AS BIGINT), 0) AS duration_seconds,
    -- Connected minutes.
    minutes(coalesce(sum(duration_seconds), 0)) AS minutes,
    -- Seconds charged, after rounding to the billing increments.
    coalesce(CAST(sum(billing_seconds) AS BIGINT), 0) AS billing_seconds,
    -- Minutes charged, after rounding to the billing increments.
    minutes(coalesce(sum(billing_seconds), 0)) AS billed_minutes,
    -- What the calls cost, USD.
    coalesce(CAST(sum(charged_usd) AS DECIMAL(38, 6)), 0) AS charged_usd,
    -- Cost in USD per billed minute; NULL where none was billed.
    cost_per_minute(coalesce(sum(charged_usd), 0), sum(billing_seconds)) AS cost_per_billed_minute_usd
FROM staging.calls_out
GROUP BY month, destination_country, call_type
