-- One row per routing attempt, inbound and outbound.
-- Ask: what do the records of both directions say, in the same columns?
-- grain: month, direction, export_id, row_number
-- materialized: view
--
-- The one place where cdr_in and cdr_out are united. A row of either table is one attempt. Nothing
-- is stored: this text stands in every query that reads it, so DuckDB reads only the columns in
-- use.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Direction of the traffic: in (to a DID) or out.
    'in' AS direction,
    -- Table of the row: cdr_in or cdr_out.
    'cdr_in' AS record_type,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    row_number,
    -- The call's id; NULL for some failed calls.
    call_id,
    -- Number of the attempt within its call, from 1; a missing number counts as 1.
    coalesce(attempt, 1) AS attempt,
    -- When the attempt began, UTC.
    started_at,
    -- When it was answered, UTC; NULL if it was not.
    connected_at,
    -- When it ended, UTC; NULL where the vendor left it out.
    ended_at,
    -- Whether the attempt has a connect time.
    connected_at IS NOT NULL AS answered,
    -- Connected seconds as served.
    duration_seconds,
    -- Seconds charged after rounding to increments, 0 where none were; NULL for inbound, where the
    -- vendor does not say.
    CAST(NULL AS INTEGER) AS billing_seconds,
    -- The dialled DID; NULL for outbound.
    did_number,
    -- Name of the trunk; NULL for attempts that reached no trunk.
    trunk_name,
    -- Name of the trunk group; NULL for attempts without one, and for outbound.
    trunk_group,
    -- SIP or internal code that ended the attempt; NULL where the vendor gave no code.
    disconnect_code,
    -- The text that came with that code.
    disconnect_reason,
    -- Which side hung up; NULL for outbound, where the vendor does not say.
    disconnect_initiator,
    -- Toll-free part of the charge, USD; NULL for outbound.
    toll_free_usd,
    -- Charge for forwarding to the telephone network, USD; NULL for outbound.
    pstn_usd,
    -- Charge for metered channels, USD; NULL for outbound.
    metered_usd,
    -- Charge for looking up the caller's name, USD; NULL for outbound.
    cnam_usd,
    -- All charges as served, USD; NULL for outbound.
    total_usd,
    -- Price per minute, USD; NULL for inbound.
    CAST(NULL AS DECIMAL(18, 6)) AS rate_usd,
    -- What the call cost, USD; NULL for inbound.
    CAST(NULL AS DECIMAL(18, 6)) AS charged_usd,
    -- What the attempt cost, USD: total_usd (in) or charged_usd (out).
    total_usd AS cost_usd,
    -- Cells that no column holds, and cells as served where a column holds another value.
    extra
FROM cdr_in
UNION ALL
SELECT
    month,
    'out' AS direction,
    'cdr_out' AS record_type,
    export_id,
    row_number,
    call_id,
    1 AS attempt,
    started_at,
    connected_at,
    ended_at,
    connected_at IS NOT NULL AS answered,
    duration_seconds,
    coalesce(billing_seconds, 0) AS billing_seconds,
    CAST(NULL AS VARCHAR) AS did_number,
    trunk_name,
    CAST(NULL AS VARCHAR) AS trunk_group,
    disconnect_code,
    disconnect_reason,
    CAST(NULL AS VARCHAR) AS disconnect_initiator,
    CAST(NULL AS DECIMAL(18, 6)) AS toll_free_usd,
    CAST(NULL AS DECIMAL(18, 6)) AS pstn_usd,
    CAST(NULL AS DECIMAL(18, 6)) AS metered_usd,
    CAST(NULL AS DECIMAL(18, 6)) AS cnam_usd,
    CAST(NULL AS DECIMAL(18, 6)) AS total_usd,
    rate_usd,
    charged_usd,
    charged_usd AS cost_usd,
    extra
FROM cdr_out
