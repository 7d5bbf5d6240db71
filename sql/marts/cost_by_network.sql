-- One row per month, destination country, network and call type of outbound calls.
-- Ask: which network costs what, and at which price?
-- grain: month, destination_country, network, call_type
--
-- The price of a minute is the charge over billed minutes. The lowest and highest rate are those
-- that the vendor wrote beside the calls: a price that changed within the month shows as two. Calls
-- charged without an answer are included, and so are calls without a country or network: the rows
-- add up to the month.
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
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Country of the dialled number, the vendor's name for it; NULL where left out.
    destination_country,
    -- Network of the dialled number; NULL where left out.
    network,
    -- Price class: Local, International or Origin based.
    call_type,
    -- Calls to the network.
    calls,
    -- Calls with a connect time.
    answered_calls,
    -- Connected seconds.
    duration_seconds,
    -- Connected minutes.
    minutes(duration_seconds) AS minutes,
    -- Seconds charged, after rounding to the billing increments.
    billing_seconds,
    -- Minutes charged, after rounding to the billing increments.
    minutes(billing_seconds) AS billed_minutes,
    -- Lowest price per minute written beside a call, USD; NULL where none was.
    lowest_rate_usd,
    -- Highest price per minute written beside a call, USD; NULL where none was.
    highest_rate_usd,
    -- What the calls cost, USD.
    charged_usd,
    -- Cost in USD per billed minute; NULL where none was billed.
    cost_per_minute(charged_usd, billing_seconds) AS cost_per_billed_minute_usd,
    -- Share of the month's outbound cost, 0 to 1; NULL where nothing was charged.
    ratio(charged_usd, sum(charged_usd) OVER (PARTITION BY month)) AS share_of_month
FROM networks
