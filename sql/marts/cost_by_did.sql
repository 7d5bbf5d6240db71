-- One row per month and dialled DID.
-- Ask: what does each number cost, by component, and is it used?
-- grain: month, did_number
--
-- One call can have several charges, so money is shown by component. The total is the vendor's own;
-- checks.total_differs_from_parts compares both. A DID without a call has no row: join the list of
-- your DIDs to see idle ones. The vendor does not say whether VAT is included. ACD and ASR are in
-- daily_traffic and trunk_quality.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The dialled DID, digits without a plus.
    did_number,
    -- Calls to the DID: a call counts once however many attempts it took.
    count(*) AS calls,
    -- Calls with a connect time.
    count(*) FILTER (WHERE answered) AS answered_calls,
    -- Connected seconds.
    coalesce(CAST(sum(duration_seconds) AS BIGINT), 0) AS duration_seconds,
    -- Connected minutes.
    minutes(coalesce(sum(duration_seconds), 0)) AS minutes,
    -- Start of the last call of the month to the DID, UTC.
    max(started_at) AS last_call_at,
    -- Toll-free part of the charge, USD.
    coalesce(CAST(sum(toll_free_usd) AS DECIMAL(38, 6)), 0) AS toll_free_usd,
    -- Charge for forwarding to the telephone network, USD.
    coalesce(CAST(sum(pstn_usd) AS DECIMAL(38, 6)), 0) AS pstn_usd,
    -- Charge for metered channels, USD.
    coalesce(CAST(sum(metered_usd) AS DECIMAL(38, 6)), 0) AS metered_usd,
    -- Charge for looking up callers' names, USD.
    coalesce(CAST(sum(cnam_usd) AS DECIMAL(38, 6)), 0) AS cnam_usd,
    -- All charges as served, USD.
    coalesce(CAST(sum(total_usd) AS DECIMAL(38, 6)), 0) AS total_usd,
    -- Share of all DIDs' total in the month, 0 to 1; NULL where nothing was charged.
    ratio(coalesce(sum(total_usd), 0), sum(sum(total_usd)) OVER (PARTITION BY month))
        AS share_of_month
FROM staging.calls_in
GROUP BY month, did_number
