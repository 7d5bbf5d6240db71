-- One row per inbound call, folded out of its routing attempts.
-- Ask: how did each call end, and what did it cost in all?
--
-- A row of cdr_in is an attempt. Attempts of one call share call id, source and DID, and are near in time: a vendor's counter
-- starts again, and an id such as 0 stands for none. In the order of their starts, an attempt begins another call where it is
-- a first one (number 1) and began later than the attempt before it, or where it began more than 600 seconds after all attempts before
-- it had ended. An attempt can ring long before the next one follows, so its end counts, but for no more than 4 hours: a
-- wrong end must not hold calls of other days together. Without an end its start counts. Attempts that began at once, as
-- those of a fork do, are of one call. Where the call id is NULL, attempts of a call share their start as well.
-- Two calls can be byte-identical rows and stay two calls: the k-th occurrence of attempt 1 and the k-th occurrence
-- of attempt 2 are call k. Among the occurrences of one attempt the unanswered come first, because only an unanswered
-- attempt is followed by another. An attempt without a number is a first one. Nothing is dropped: attempts, money and the
-- seconds of answered attempts summed over calls are those summed over rows; what an unanswered attempt says of seconds was no
-- talk. A sum that no column of money holds (from 10^12 US dollars) is that of the deciding attempt alone, and the check
-- calls_keep_rows names the month.
-- Most calls are one attempt with a call id of its own: those pass as they are. Only the others are ordered and folded, over
-- narrow rows, and their texts are fetched from the deciding attempt by its place in the export.
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
        ON several.month = cdr_in.month
        AND several.call_id = cdr_in.call_id
    WHERE cdr_in.call_id IS NULL
        OR several.call_id IS NOT NULL
),
distances AS (
    SELECT
        *,
        started - lag(started) OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at ORDER BY started, attempt, line
        ) AS from_start,
        started - max(greatest(started, least(coalesce(ended, started), started + 14400))) OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at ORDER BY started, attempt, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS from_end
    FROM attempts
),
numbered AS (
    SELECT
        *,
        sum(CASE WHEN from_end > 600 OR (attempt = 1 AND from_start > 0) THEN 1 ELSE 0 END) OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at ORDER BY started, attempt, line
            ROWS UNBOUNDED PRECEDING
        ) AS sequence
    FROM distances
),
occurrences AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at, sequence, attempt
            ORDER BY answered, export_id, line
        ) AS occurrence
    FROM numbered
),
candidates AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY month, call_id, source_number, did_number, key_started_at, sequence, occurrence
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
    coalesce(folded.answered_attempts, CAST(cdr_in.connected_at IS NOT NULL AS BIGINT)) AS answered_attempts,
    -- Lowest attempt number present; above 1 means that earlier attempts are missing.
    coalesce(folded.first_attempt, cdr_in.attempt, 1) AS first_attempt,
    -- Whether an attempt has a connect time.
    coalesce(folded.answered_attempts > 0, cdr_in.connected_at IS NOT NULL) AS answered,
    -- Connected seconds: those of answered attempts, whatever the others say; 0 where none was.
    CASE WHEN cdr_in.connected_at IS NOT NULL THEN coalesce(folded.duration_seconds, cdr_in.duration_seconds) ELSE 0 END AS duration_seconds,
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
    coalesce(TRY_CAST(folded.toll_free_usd AS DECIMAL(18, 6)), cdr_in.toll_free_usd) AS toll_free_usd,
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
    ON several.month = cdr_in.month
    AND several.call_id = cdr_in.call_id
LEFT JOIN folded
    ON folded.month = cdr_in.month
    AND folded.export_id = cdr_in.export_id
    AND folded.line = cdr_in.row_number
WHERE folded.line IS NOT NULL
    OR (cdr_in.call_id IS NOT NULL AND several.call_id IS NULL)
