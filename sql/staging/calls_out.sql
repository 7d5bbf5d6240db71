-- One row per outbound call, a row of cdr_out. Ask: how did each call end, and what was charged for it?
--
-- cdr_out has no attempts and no initiator: the vendor writes one row per call, so nothing is folded.
SELECT
    month, -- Month of the call's start, YYYY-MM (UTC).
    call_id, -- The call's id; NULL for some failed calls.
    started_at, -- When the call began to ring, UTC.
    connected_at, -- When it was answered, UTC; NULL if it was not.
    ended_at, -- When it ended, UTC; NULL where the vendor left it out.
    status, -- The vendor's word for the outcome.
    source_number, -- The caller's number as served.
    cli, -- The calling line identity that was sent on.
    destination_number, -- The dialled number as served.
    destination_country, -- Country of the dialled number; NULL where the vendor left it out.
    network, -- Network of the dialled number; NULL where the vendor left it out.
    call_type, -- Price class: Local, International or Origin based.
    1 AS attempts, -- Attempts of the call: always 1, as the vendor writes one row per call.
    connected_at IS NOT NULL AS answered, -- Whether the call has a connect time.
    CASE WHEN connected_at IS NOT NULL THEN duration_seconds ELSE 0 END AS duration_seconds, -- Connected seconds; 0 where it was not answered, whatever the record says.
    billing_seconds, -- Seconds charged, after rounding to the billing increments; NULL where not answered.
    disconnect_code, -- SIP or internal code that ended the call.
    disconnect_reason, -- The text that came with that code.
    trunk_name, -- Name of the trunk, not its id.
    rate_usd, -- Price per minute, USD.
    charged_usd, -- What the call cost, USD.
    export_id, -- The vendor's id of the export that held the row.
    row_number -- The row's place in that export's file, from 1.
FROM cdr_out
