-- One row per inbound call, folded out of its routing attempts.
-- Ask: how did each call end, and what did it cost in all?
-- grain: month, export_id, row_number
--
-- A row of cdr_in is one attempt. Attempts of one call share call id, source and DID, and follow
-- each other closely. Time matters because a vendor's counter can restart, and an id such as 0
-- means no id.
--
-- Attempts are read in the order of their starts. An attempt begins another call in two cases.
-- Either it has number 1 and began later than the attempt before it, or it began more than 600
-- seconds after all earlier attempts ended. The end of an attempt counts for at most 4 hours, so
-- that a wrong end does not join calls of different days. Without an end, its start counts.
-- Attempts that began in the same second, as those of a fork do, belong to one call. Attempts
-- without a call id must also share their start.
--
-- Two calls can be byte-identical rows and stay two calls. The k-th occurrence of attempt 1 and the
-- k-th occurrence of attempt 2 form call k. Among the occurrences of one attempt, unanswered ones
-- come first: only an unanswered attempt is followed by another. An attempt without a number counts
-- as number 1.
--
-- Nothing is dropped. Attempts, money and the seconds of answered attempts have the same sums over
-- calls as over rows. Seconds of an unanswered attempt were no talk and do not count. A sum that no
-- money column holds (10^12 US dollars or more) becomes the amount of the deciding attempt. The
-- check calls_keep_rows then names the month.
--
-- Most calls are one attempt with its own call id: they pass unchanged. Only the others are ordered
-- and folded, over narrow rows. Their texts come from the deciding attempt, found by export and row
-- number.
WITH several AS (
    SELECT
        month,
        call_id
    FROM cdr_in
    WHERE call_id IS NOT NULL
    GROUP BY month, call_id
    HAVING count(*) > 1
),

attempts AS (
    SELECT
        cdr_in.month,
        cdr_in.call_id,
        cdr_in.source_number,
        cdr_in.did_number,
        CASE WHEN cdr_in.call_id IS NULL THEN cdr_in.started_at END AS key_started_at,
        coalesce(cdr_in.attempt, 1) AS attempt,
        cdr_in.connected_at IS NOT NULL AS answered,
        cdr_in.started_at,
        date_diff('second', CAST(cdr_in.month || '-01' AS TIMESTAMP), cdr_in.started_at) AS started,
        date_diff('second', CAST(cdr_in.month || '-01' AS TIMESTAMP), cdr_in.ended_at) AS ended,
        cdr_in.duration_seconds,
        cdr_in.toll_free_usd,
        cdr_in.pstn_usd,
        cdr_in.metered_usd,
        cdr_in.cnam_usd,
        cdr_in.total_usd,
        cdr_in.export_id,
        cdr_in.row_number AS line
    FROM cdr_in
    LEFT JOIN several
        ON
            cdr_in.month = several.month
            AND cdr_in.call_id = several.call_id
    WHERE
        cdr_in.call_id IS NULL
        OR several.call_id IS NOT NULL
),

distances AS (
    SELECT
        *,
        started - lag(started) OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at
            ORDER BY started, attempt, line
        ) AS from_start,
        started - max(greatest(started, least(coalesce(ended, started), started + 14400))) OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at
            ORDER BY started, attempt, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS from_end
    FROM attempts
),

numbered AS (
    SELECT
        *,
        sum(CASE WHEN from_end > 600 OR (attempt = 1 AND from_start > 0) THEN 1 ELSE 0 END) OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at
            ORDER BY started, attempt, line
            ROWS UNBOUNDED PRECEDING
        ) AS sequence
    FROM distances
),

occurrences AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY
                month, call_id, source_number, did_number, key_started_at, sequence, attempt
            ORDER BY answered, export_id, line
        ) AS occurrence
    FROM numbered
),

candidates AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY
                month, call_id, source_number, did_number, key_started_at, sequence, occurrence
            ORDER BY answered DESC, attempt DESC
        ) AS place
    FROM occurrences
),

folded AS (
    SELECT
        month,
        max(export_id) FILTER (WHERE place = 1) AS export_id,
        max(line) FILTER (WHERE place = 1) AS line,
        min(started_at) AS started_at,
        count(*) AS attempts,
        count(*) FILTER (WHERE answered) AS answered_attempts,
        min(attempt) AS first_attempt,
        CAST(sum(duration_seconds) FILTER (WHERE answered) AS BIGINT) AS duration_seconds,
        sum(toll_free_usd) AS toll_free_usd,
        sum(pstn_usd) AS pstn_usd,
        sum(metered_usd) AS metered_usd,
        sum(cnam_usd) AS cnam_usd,
        sum(total_usd) AS total_usd
    FROM candidates
    GROUP BY month, call_id, source_number, did_number, key_started_at, sequence, occurrence
)

SELECT
    -- Month of the call's start, YYYY-MM (UTC).
    cdr_in.month,
    -- The call's id; NULL for some failed calls.
    cdr_in.call_id,
    -- When the call began to ring, UTC.
    coalesce(folded.started_at, cdr_in.started_at) AS started_at,
    -- When it was answered, UTC; NULL if no attempt was.
    cdr_in.connected_at,
    -- When the deciding attempt ended, UTC: the answered one, else the last.
    cdr_in.ended_at,
    -- The vendor's word for the outcome of the deciding attempt.
    cdr_in.status,
    -- The caller's number as served.
    cdr_in.source_number,
    -- The caller's name (CNAM), or the number again where no lookup was made.
    cdr_in.source_name,
    -- The dialled DID, digits without a plus.
    cdr_in.did_number,
    -- Routing attempts of the call, rows of cdr_in.
    coalesce(folded.attempts, 1) AS attempts,
    -- Attempts that were answered: 0 or 1, more only if the records are odd.
    coalesce(folded.answered_attempts, CAST(cdr_in.connected_at IS NOT NULL AS BIGINT))
        AS answered_attempts,
    -- Lowest attempt number present; above 1 means that earlier attempts are missing.
    coalesce(folded.first_attempt, cdr_in.attempt, 1) AS first_attempt,
    -- Whether an attempt has a connect time.
    coalesce(folded.answered_attempts > 0, cdr_in.connected_at IS NOT NULL) AS answered,
    -- Connected seconds: those of answered attempts only; 0 where none was.
    CASE
        WHEN
            cdr_in.connected_at IS NOT NULL
            THEN coalesce(folded.duration_seconds, cdr_in.duration_seconds)
        ELSE 0
    END AS duration_seconds,
    -- SIP or internal code that ended the deciding attempt.
    cdr_in.disconnect_code,
    -- The text that came with that code.
    cdr_in.disconnect_reason,
    -- Which side hung up the deciding attempt.
    cdr_in.disconnect_initiator,
    -- Name of the deciding attempt's trunk.
    cdr_in.trunk_name,
    -- Where the deciding attempt was sent: a SIP URI or a number.
    cdr_in.destination,
    -- Name of the deciding attempt's trunk group, where there is one.
    cdr_in.trunk_group,
    -- Name of the deciding attempt's shared capacity group, where there is one.
    cdr_in.capacity_group,
    -- Toll-free part of the charge over all attempts, USD.
    coalesce(TRY_CAST(folded.toll_free_usd AS DECIMAL(18, 6)), cdr_in.toll_free_usd)
        AS toll_free_usd,
    -- Charge for forwarding to the telephone network over all attempts, USD.
    coalesce(TRY_CAST(folded.pstn_usd AS DECIMAL(18, 6)), cdr_in.pstn_usd) AS pstn_usd,
    -- Charge for metered channels over all attempts, USD.
    coalesce(TRY_CAST(folded.metered_usd AS DECIMAL(18, 6)), cdr_in.metered_usd) AS metered_usd,
    -- Charge for looking up the caller's name over all attempts, USD.
    coalesce(TRY_CAST(folded.cnam_usd AS DECIMAL(18, 6)), cdr_in.cnam_usd) AS cnam_usd,
    -- All charges as served over all attempts, USD.
    coalesce(TRY_CAST(folded.total_usd AS DECIMAL(18, 6)), cdr_in.total_usd) AS total_usd,
    -- The vendor's id of the export that held the deciding attempt.
    cdr_in.export_id,
    -- The deciding attempt's place in that export's file, from 1.
    cdr_in.row_number
FROM cdr_in
LEFT JOIN several
    ON
        cdr_in.month = several.month
        AND cdr_in.call_id = several.call_id
LEFT JOIN folded
    ON
        cdr_in.month = folded.month
        AND cdr_in.export_id = folded.export_id
        AND cdr_in.row_number = folded.line
WHERE
    folded.line IS NOT NULL
    OR (cdr_in.call_id IS NOT NULL AND several.call_id IS NULL)
