-- One row per month, destination country and call type of outbound calls.
-- Ask: where do we call, and what does it cost there?
-- grain: month, destination_country, call_type
--
-- The price of a minute is the charge over billed minutes, so it shows the rate. The gap between
-- minutes and billed_minutes is the rounding to billing increments. Countries have the vendor's
-- names. The vendor leaves out the country of failed calls to numbers without a price: they are the
-- row of the NULL country.
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
    acd(sum(duration_seconds) FILTER (WHERE answered), count(*) FILTER (WHERE answered))
        AS acd_seconds,
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
    cost_per_minute(coalesce(sum(charged_usd), 0), sum(billing_seconds))
        AS cost_per_billed_minute_usd
FROM staging.calls_out
GROUP BY month, destination_country, call_type
