-- One row per month, destination country and call type of outbound calls. Ask: where do we call, and what does it cost there?
--
-- ASR = answered / calls (E.411, E.425 1.3). ACD = connected seconds of answered calls / answered calls. The price of a minute
-- is the charge over the billed minutes, so it shows the rate; against the connected minutes it would also show the rounding,
-- which is the gap between minutes and billed_minutes. Countries are the vendor's names. It leaves them out of failed calls
-- to numbers of no price list: those are the row of the NULL country, and in the ASR of no other.
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    destination_country, -- Country of the dialled number, the vendor's name for it; NULL where left out.
    call_type, -- Price class: Local, International or Origin based.
    count(*) AS calls, -- Calls to the country.
    count(*) FILTER (WHERE answered) AS answered_calls, -- Calls with a connect time.
    CAST(count(*) FILTER (WHERE answered) AS DOUBLE) / nullif(count(*), 0) AS asr_call, -- Answer-seizure ratio by call, 0 to 1: answered calls / calls, of those that name the country.
    CAST(sum(duration_seconds) FILTER (WHERE answered) AS DOUBLE) / nullif(count(*) FILTER (WHERE answered), 0) AS acd_seconds, -- Average call duration in seconds: connected seconds of answered calls / answered calls.
    coalesce(CAST(sum(duration_seconds) AS BIGINT), 0) AS duration_seconds, -- Connected seconds.
    coalesce(CAST(sum(duration_seconds) AS DOUBLE), 0) / 60 AS minutes, -- Connected minutes.
    coalesce(CAST(sum(billing_seconds) AS BIGINT), 0) AS billing_seconds, -- Seconds charged, after rounding to the billing increments.
    coalesce(CAST(sum(billing_seconds) AS DOUBLE), 0) / 60 AS billed_minutes, -- Minutes charged, after rounding to the billing increments.
    coalesce(CAST(sum(charged_usd) AS DECIMAL(38, 6)), 0) AS charged_usd, -- What the calls cost, USD.
    coalesce(CAST(sum(charged_usd) AS DOUBLE), 0) / nullif(CAST(sum(billing_seconds) AS DOUBLE) / 60, 0) AS cost_per_billed_minute_usd -- Cost in USD per billed minute; NULL where none was billed.
FROM staging.calls_out
GROUP BY month, destination_country, call_type
