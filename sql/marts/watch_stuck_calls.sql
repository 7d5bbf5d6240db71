-- One row per call that lasted implausibly long.
-- Ask: which calls were never hung up?
-- grain: month, direction, export_id, row_number
-- Forensic: exports are hours old; this finds, it does not block.
--
-- Longer than stuck_call_seconds of the seed thresholds: a lost BYE keeps a call, and its charge,
-- running. The row of the record names the call, so no phone number is needed to look it up. The
-- query first finds the lengths that are too long, in one column. It then reads the other columns
-- only where a call has such a length.
WITH lengths AS (
    SELECT DISTINCT calls.duration_seconds
    FROM staging.calls
    INNER JOIN staging.thresholds
        ON calls.duration_seconds > thresholds.stuck_call_seconds
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    calls.month,
    -- Direction of the traffic: in (to a DID) or out.
    calls.direction,
    -- When the call began to ring, UTC.
    calls.started_at,
    -- When it ended, UTC; NULL where the vendor left it out.
    calls.ended_at,
    -- Connected seconds.
    calls.duration_seconds,
    -- Name of the trunk.
    calls.trunk_name,
    -- SIP or internal code that ended the call.
    calls.disconnect_code,
    -- What the call cost, USD.
    calls.cost_usd,
    -- The call's id.
    calls.call_id,
    -- The vendor's id of the export that held the row.
    calls.export_id,
    -- The row's place in that export's file, from 1.
    calls.row_number,
    -- The number that made it a finding, in words.
    concat(
        CAST(round(CAST(calls.duration_seconds AS DOUBLE) / 3600, 1) AS VARCHAR), ' hours'
    ) AS why
FROM staging.calls
INNER JOIN lengths
    ON calls.duration_seconds = lengths.duration_seconds
