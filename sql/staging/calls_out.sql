-- One row per outbound call, a row of cdr_out.
-- Ask: how did each call end, and what was charged for it?
-- grain: month, export_id, row_number
--
-- The vendor writes one row per outbound call, so nothing is folded. cdr_out has no attempt number
-- and no initiator.
SELECT
    -- Month of the call's start, YYYY-MM (UTC).
    month,
    -- The call's id; NULL for some failed calls.
    call_id,
    -- When the call began to ring, UTC.
    started_at,
    -- When it was answered, UTC; NULL if it was not.
    connected_at,
    -- When it ended, UTC; NULL where the vendor left it out.
    ended_at,
    -- The vendor's word for the outcome.
    status,
    -- The caller's number as served.
    source_number,
    -- The calling line identity that was sent on.
    cli,
    -- The dialled number as served.
    destination_number,
    -- Country of the dialled number; NULL where the vendor left it out.
    destination_country,
    -- Network of the dialled number; NULL where the vendor left it out.
    network,
    -- Price class: Local, International or Origin based.
    call_type,
    -- Attempts of the call: always 1, as the vendor writes one row per call.
    1 AS attempts,
    -- Whether the call has a connect time.
    connected_at IS NOT NULL AS answered,
    -- Connected seconds; 0 where it was not answered.
    CASE WHEN connected_at IS NOT NULL THEN duration_seconds ELSE 0 END AS duration_seconds,
    -- Seconds charged, after rounding to the billing increments; NULL where not answered.
    billing_seconds,
    -- SIP or internal code that ended the call.
    disconnect_code,
    -- The text that came with that code.
    disconnect_reason,
    -- Name of the trunk, not its id.
    trunk_name,
    -- Price per minute, USD.
    rate_usd,
    -- What the call cost, USD.
    charged_usd,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    row_number
FROM cdr_out
