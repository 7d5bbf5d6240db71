-- One row per call that lasted implausibly long.
-- Ask: which calls did nobody hang up?
-- Forensic: exports are hours old; this finds, it does not block.
--
-- Longer than stuck_call_seconds of the seed thresholds: a lost BYE keeps a call, and its charge, running. The call is
-- named by its row, so that no phone number is needed to look it up. The lengths that are too long are found first, from
-- one column, so that the other columns are read only where a call is that long.
WITH limits AS (
    SELECT max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'stuck_call_seconds') AS stuck_call_seconds
    FROM seeds.thresholds
),
inbound_lengths AS (
    SELECT DISTINCT calls_in.duration_seconds
    FROM staging.calls_in AS calls_in
    INNER JOIN limits
        ON calls_in.duration_seconds > limits.stuck_call_seconds
),
outbound_lengths AS (
    SELECT DISTINCT calls_out.duration_seconds
    FROM staging.calls_out AS calls_out
    INNER JOIN limits
        ON calls_out.duration_seconds > limits.stuck_call_seconds
),
calls AS (
    SELECT
        month,
        'in' AS direction,
        started_at,
        ended_at,
        duration_seconds,
        trunk_name,
        disconnect_code,
        total_usd AS cost_usd,
        call_id,
        export_id,
        row_number AS line
    FROM staging.calls_in
    INNER JOIN inbound_lengths USING (duration_seconds)
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        started_at,
        ended_at,
        CAST(duration_seconds AS BIGINT) AS duration_seconds,
        trunk_name,
        disconnect_code,
        charged_usd AS cost_usd,
        call_id,
        export_id,
        row_number AS line
    FROM staging.calls_out
    INNER JOIN outbound_lengths USING (duration_seconds)
)
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- When the call began to ring, UTC.
    started_at,
    -- When it ended, UTC; NULL where the vendor left it out.
    ended_at,
    -- Connected seconds.
    duration_seconds,
    -- Name of the trunk.
    trunk_name,
    -- SIP or internal code that ended the call.
    disconnect_code,
    -- What the call cost, USD.
    cost_usd,
    -- The call's id.
    call_id,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    line AS row_number,
    -- The number that made it a finding, in words.
    concat(CAST(round(CAST(duration_seconds AS DOUBLE) / 3600, 1) AS VARCHAR), ' hours') AS why
FROM calls
