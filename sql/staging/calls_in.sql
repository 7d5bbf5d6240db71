-- One row per inbound call, folded out of its routing attempts. Ask: how did each call end, and what did it cost in all?
--
-- A row of cdr_in is an attempt. Attempts of one call share the call id; where that is NULL they share start, source and
-- DID. Two calls can be byte-identical rows and stay two calls: the k-th occurrence of attempt 1 and the k-th occurrence
-- of attempt 2 are call k. Among the occurrences of one attempt the unanswered come first, because only an unanswered
-- attempt is followed by another. An attempt without a number is a first one. Nothing is dropped: attempts, seconds and
-- money summed over calls are those summed over rows.
WITH attempts AS (
    SELECT
        month,
        call_id,
        CASE WHEN call_id IS NULL THEN started_at END AS key_started_at,
        CASE WHEN call_id IS NULL THEN source_number END AS key_source_number,
        CASE WHEN call_id IS NULL THEN did_number END AS key_did_number,
        coalesce(attempt, 1) AS attempt,
        connected_at IS NOT NULL AS answered,
        started_at,
        connected_at,
        ended_at,
        status,
        source_number,
        source_name,
        did_number,
        duration_seconds,
        disconnect_code,
        disconnect_reason,
        disconnect_initiator,
        trunk_name,
        destination,
        trunk_group,
        capacity_group,
        toll_free_usd,
        pstn_usd,
        metered_usd,
        cnam_usd,
        total_usd,
        export_id,
        row_number AS line
    FROM cdr_in
),
occurrences AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY month, call_id, key_started_at, key_source_number, key_did_number, attempt
            ORDER BY answered, export_id, line
        ) AS occurrence
    FROM attempts
),
candidates AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY month, call_id, key_started_at, key_source_number, key_did_number, occurrence
            ORDER BY answered DESC, attempt DESC
        ) AS place
    FROM occurrences
)
SELECT
    month, -- Month of the call's start, YYYY-MM (UTC).
    call_id, -- The call's id; NULL for some failed calls.
    min(started_at) AS started_at, -- When the call began to ring, UTC.
    max(connected_at) FILTER (WHERE place = 1) AS connected_at, -- When it was answered, UTC; NULL if no attempt was.
    max(ended_at) FILTER (WHERE place = 1) AS ended_at, -- When the deciding attempt ended, UTC: the answered one, else the last.
    max(status) FILTER (WHERE place = 1) AS status, -- The vendor's word for the outcome of the deciding attempt.
    max(source_number) FILTER (WHERE place = 1) AS source_number, -- The caller's number as served.
    max(source_name) FILTER (WHERE place = 1) AS source_name, -- The caller's name (CNAM), or the number again where no lookup was made.
    max(did_number) FILTER (WHERE place = 1) AS did_number, -- The dialled DID, digits without a plus.
    count(*) AS attempts, -- Routing attempts of the call, rows of cdr_in.
    count(*) FILTER (WHERE answered) AS answered_attempts, -- Attempts that were answered: 0 or 1, more only if the records are odd.
    min(attempt) AS first_attempt, -- Lowest attempt number present; above 1 means that earlier attempts are missing.
    count(*) FILTER (WHERE answered) > 0 AS answered, -- Whether an attempt has a connect time.
    CAST(sum(duration_seconds) AS BIGINT) AS duration_seconds, -- Connected seconds: the answered attempt's, as the others have 0.
    max(disconnect_code) FILTER (WHERE place = 1) AS disconnect_code, -- SIP or internal code that ended the deciding attempt.
    max(disconnect_reason) FILTER (WHERE place = 1) AS disconnect_reason, -- The text that came with that code.
    max(disconnect_initiator) FILTER (WHERE place = 1) AS disconnect_initiator, -- Which side hung up the deciding attempt.
    max(trunk_name) FILTER (WHERE place = 1) AS trunk_name, -- Name of the deciding attempt's trunk.
    max(destination) FILTER (WHERE place = 1) AS destination, -- Where the deciding attempt was sent: a SIP URI or a number.
    max(trunk_group) FILTER (WHERE place = 1) AS trunk_group, -- Name of the deciding attempt's trunk group, where there is one.
    max(capacity_group) FILTER (WHERE place = 1) AS capacity_group, -- Name of the deciding attempt's shared capacity group, where there is one.
    CAST(sum(toll_free_usd) AS DECIMAL(18, 6)) AS toll_free_usd, -- Toll-free part of the charge over all attempts, USD.
    CAST(sum(pstn_usd) AS DECIMAL(18, 6)) AS pstn_usd, -- Charge for forwarding to the telephone network over all attempts, USD.
    CAST(sum(metered_usd) AS DECIMAL(18, 6)) AS metered_usd, -- Charge for metered channels over all attempts, USD.
    CAST(sum(cnam_usd) AS DECIMAL(18, 6)) AS cnam_usd, -- Charge for looking up the caller's name over all attempts, USD.
    CAST(sum(total_usd) AS DECIMAL(18, 6)) AS total_usd, -- All charges as served over all attempts, USD.
    max(export_id) FILTER (WHERE place = 1) AS export_id, -- The vendor's id of the export that held the deciding attempt.
    max(line) FILTER (WHERE place = 1) AS row_number -- The deciding attempt's place in that export's file, from 1.
FROM candidates
GROUP BY month, call_id, key_started_at, key_source_number, key_did_number, occurrence
