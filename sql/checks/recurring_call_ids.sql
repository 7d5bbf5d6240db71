-- One row per call id that more than one inbound call of a month has.
-- Ask: does an id of the vendor's stand for one call alone?
-- severity: warn
--
-- A counter that starts again, an id such as 0 that stands for none, an id that two DIDs share, a record that was written
-- twice. Calls are told apart by DID, caller and time all the same (staging.calls_in); whoever joins by the id alone is misled.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The call's id.
    call_id,
    -- Calls that have it.
    count(*) AS calls,
    -- When the first of them began, UTC.
    min(started_at) AS first_started_at,
    -- When the last of them began, UTC.
    max(started_at) AS last_started_at,
    -- Place of the first of their deciding attempts in the export's file.
    min(row_number) AS first_row_number,
    -- Place of the last of them in the export's file.
    max(row_number) AS last_row_number
FROM staging.calls_in
WHERE call_id IS NOT NULL
GROUP BY month, call_id
HAVING count(*) > 1
