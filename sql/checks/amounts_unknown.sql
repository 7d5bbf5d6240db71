-- One row per month, record type and component with amounts that are in no sum. Ask: what does the archive hold that nobody could read?
-- severity: warn
--
-- They stand in rejected records whose cells could not be told apart, or hold no amount; rejected_rows has the text.
-- Their rows are counted, so only sums of seconds and money are without them.
SELECT
    month, -- Month the export was asked for, YYYY-MM (UTC).
    record_type, -- Table of the rows: cdr_in or cdr_out.
    component, -- What is added up: a column of seconds or US dollars.
    export_id, -- The vendor's id of the export that is loaded.
    unknown, -- Amounts in rejected records that cannot be read.
    archived, -- Sum of all others over the archived file.
    rejected -- Part of it in records that could not be typed.
FROM trends.reconciliation
WHERE unknown > 0
