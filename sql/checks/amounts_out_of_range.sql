-- One row per call record with a negative amount, or with one that is too high for a call.
-- Ask: is it a credit, or a fault?
-- severity: warn
--
-- A credit is negative and right; it lowers the cost of its trunk and day. The highest rates are
-- about USD 10 a minute. At these, a call of a whole day costs less than USD 20,000. Amounts of
-- USD 20,000 and more are reported.
WITH records AS (
    SELECT
        *,
        least(
            toll_free_usd, pstn_usd, metered_usd, cnam_usd, total_usd, rate_usd, charged_usd
        ) AS least_usd,
        greatest(
            toll_free_usd, pstn_usd, metered_usd, cnam_usd, total_usd, rate_usd, charged_usd
        ) AS most_usd
    FROM staging.attempts
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Table of the row: cdr_in or cdr_out.
    record_type,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    row_number,
    -- The least of its amounts, USD.
    least_usd,
    -- The largest of its amounts, USD.
    most_usd
FROM records
WHERE
    least_usd < 0
    OR most_usd >= 20000
