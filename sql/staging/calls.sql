-- One row per call, inbound and outbound.
-- Ask: how did the calls of both directions end, in the same columns?
-- grain: month, direction, export_id, row_number
-- materialized: view
--
-- Unites staging.calls_in and staging.calls_out. Nothing is stored: this text stands in every query
-- that reads it.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Direction of the traffic: in (to a DID) or out.
    'in' AS direction,
    -- The vendor's id of the export that held the deciding attempt.
    export_id,
    -- The deciding attempt's place in that export's file, from 1.
    row_number,
    -- The call's id; NULL for some failed calls.
    call_id,
    -- When the call began to ring, UTC.
    started_at,
    -- When it was answered, UTC; NULL if it was not.
    connected_at,
    -- When the deciding attempt ended, UTC; NULL where the vendor left it out.
    ended_at,
    -- Routing attempts of the call; 1 for outbound.
    attempts,
    -- Whether an attempt has a connect time.
    answered,
    -- Connected seconds; 0 where the call was not answered.
    CAST(duration_seconds AS BIGINT) AS duration_seconds,
    -- The caller's number as served.
    source_number,
    -- The number that was called: the DID (in) or the destination (out).
    did_number AS destination_number,
    -- The dialled DID; NULL for outbound.
    did_number,
    -- Name of the deciding attempt's trunk.
    trunk_name,
    -- Name of the deciding attempt's trunk group; NULL for outbound.
    trunk_group,
    -- Name of the deciding attempt's shared capacity group; NULL for outbound.
    capacity_group,
    -- SIP or internal code that ended the deciding attempt.
    disconnect_code,
    -- The text that came with that code.
    disconnect_reason,
    -- Which side hung up; NULL for outbound, where the vendor does not say.
    disconnect_initiator,
    -- Charge for metered channels over all attempts, USD; NULL for outbound.
    metered_usd,
    -- What the call cost over all attempts, USD.
    total_usd AS cost_usd
FROM staging.calls_in
UNION ALL
SELECT
    month,
    'out' AS direction,
    export_id,
    row_number,
    call_id,
    started_at,
    connected_at,
    ended_at,
    CAST(attempts AS BIGINT) AS attempts,
    answered,
    CAST(duration_seconds AS BIGINT) AS duration_seconds,
    source_number,
    destination_number,
    CAST(NULL AS VARCHAR) AS did_number,
    trunk_name,
    CAST(NULL AS VARCHAR) AS trunk_group,
    CAST(NULL AS VARCHAR) AS capacity_group,
    disconnect_code,
    disconnect_reason,
    CAST(NULL AS VARCHAR) AS disconnect_initiator,
    CAST(NULL AS DECIMAL(18, 6)) AS metered_usd,
    charged_usd AS cost_usd
FROM staging.calls_out
