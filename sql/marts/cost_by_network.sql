-- One row per month, destination country, network and call type of outbound calls. Ask: which network costs what, and at which price?
--
-- The price of a minute is the charge over the billed minutes; the lowest and highest rate are those that the vendor wrote
-- beside the calls, so a price that changed within the month shows as two. Calls that were charged without an answer are
-- in, and so are those of which the vendor names neither country nor network: the rows add up to the month.
WITH networks AS (
    SELECT
        month,
        destination_country,
        network,
        call_type,
        count(*) AS calls,
        count(*) FILTER (WHERE answered) AS answered_calls,
        coalesce(CAST(sum(duration_seconds) AS BIGINT), 0) AS duration_seconds,
        coalesce(CAST(sum(billing_seconds) AS BIGINT), 0) AS billing_seconds,
        min(rate_usd) AS lowest_rate_usd,
        max(rate_usd) AS highest_rate_usd,
        coalesce(CAST(sum(charged_usd) AS DECIMAL(38, 6)), 0) AS charged_usd
    FROM staging.calls_out
    GROUP BY month, destination_country, network, call_type
)
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    destination_country, -- Country of the dialled number, the vendor's name for it; NULL where left out.
    network, -- Network of the dialled number; NULL where left out.
    call_type, -- Price class: Local, International or Origin based.
    calls, -- Calls to the network.
    answered_calls, -- Calls with a connect time.
    duration_seconds, -- Connected seconds.
    CAST(duration_seconds AS DOUBLE) / 60 AS minutes, -- Connected minutes.
    billing_seconds, -- Seconds charged, after rounding to the billing increments.
    CAST(billing_seconds AS DOUBLE) / 60 AS billed_minutes, -- Minutes charged, after rounding to the billing increments.
    lowest_rate_usd, -- Lowest price per minute written beside a call, USD; NULL where none was.
    highest_rate_usd, -- Highest price per minute written beside a call, USD; NULL where none was.
    charged_usd, -- What the calls cost, USD.
    CAST(charged_usd AS DOUBLE) / nullif(CAST(billing_seconds AS DOUBLE) / 60, 0) AS cost_per_billed_minute_usd, -- Cost in USD per billed minute; NULL where none was billed.
    CAST(charged_usd AS DOUBLE) / nullif(CAST(sum(charged_usd) OVER (PARTITION BY month) AS DOUBLE), 0) AS share_of_month -- Share of the month's outbound cost, 0 to 1; NULL where nothing was charged.
FROM networks
