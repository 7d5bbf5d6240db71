-- One row per month, record type and component with amounts that are in no sum.
-- Ask: what does the archive hold that could not be read?
-- severity: warn
--
-- They are in rejected records whose cells could not be separated, or hold no amount; rejected_rows
-- has the text. Their rows are counted. Only sums of seconds and money lack them.
SELECT
    -- Month the export was asked for, YYYY-MM (UTC).
    month,
    -- Table of the rows: cdr_in or cdr_out.
    record_type,
    -- What is added up: a column of seconds or US dollars.
    component,
    -- The vendor's id of the export that is loaded.
    export_id,
    -- Amounts in rejected records that cannot be read.
    unknown,
    -- Sum of all others over the archived file.
    archived,
    -- Part of it in records that could not be typed.
    rejected
FROM trends.reconciliation
WHERE unknown > 0
