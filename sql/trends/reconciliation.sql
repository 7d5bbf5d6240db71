-- One row per month, record type and component of the loaded exports.
-- Ask: is what is published what the archive holds, to the cent?
-- grain: month, record_type, component
--
-- Archived: the control total, read from the text of the file before anything was typed. Rejected:
-- the part of it in records that could not be loaded (rejected_rows). Difference = archived -
-- rejected - published: 0 to the last digit. Counted: the records counted in the bytes of the file
-- by another reader; it equals archived. Unknown: amounts in rejected records that cannot be read.
-- They are in no sum, so a difference of 0 says nothing about them.
--
-- Components are rows, seconds and every column of money. The sum of rates has no meaning but is
-- compared too. This trend reads every loaded row once, so it takes longer than the others. A month
-- whose calls are no longer kept (state expired in coverage) has no row. Records that are no calls
-- have no row either: they are compared when they are loaded.
WITH published AS (
    SELECT
        record_type,
        month,
        count(*) AS row_count,
        sum(duration_seconds) AS duration_seconds,
        sum(billing_seconds) AS billing_seconds,
        sum(toll_free_usd) AS toll_free_usd,
        sum(pstn_usd) AS pstn_usd,
        sum(metered_usd) AS metered_usd,
        sum(cnam_usd) AS cnam_usd,
        sum(total_usd) AS total_usd,
        sum(rate_usd) AS rate_usd,
        sum(charged_usd) AS charged_usd
    FROM staging.attempts
    GROUP BY record_type, month
),

compared AS (
    SELECT
        control_totals.month,
        control_totals.record_type,
        control_totals.name AS component,
        control_totals.export_id,
        control_totals.amount AS archived,
        control_totals.rejected,
        control_totals.counted,
        coalesce(control_totals.unknown, 0) AS unknown,
        CAST(
            coalesce(
                CASE control_totals.name
                    WHEN 'rows' THEN published.row_count
                    WHEN 'duration_seconds' THEN published.duration_seconds
                    WHEN 'billing_seconds' THEN published.billing_seconds
                    WHEN 'toll_free_usd' THEN published.toll_free_usd
                    WHEN 'pstn_usd' THEN published.pstn_usd
                    WHEN 'metered_usd' THEN published.metered_usd
                    WHEN 'cnam_usd' THEN published.cnam_usd
                    WHEN 'total_usd' THEN published.total_usd
                    WHEN 'rate_usd' THEN published.rate_usd
                    WHEN 'charged_usd' THEN published.charged_usd
                END,
                0
            ) AS DECIMAL(38, 6)
        ) AS published
    FROM control_totals
    INNER JOIN coverage
        ON
            control_totals.record_type = coverage.record_type
            AND control_totals.month = coverage.month
            AND control_totals.export_id = coverage.export_id
            AND coverage.state IS DISTINCT FROM 'expired'
            AND coverage.record_type IN ('cdr_in', 'cdr_out')
    LEFT JOIN published
        ON
            control_totals.record_type = published.record_type
            AND control_totals.month = published.month
)

SELECT
    -- Month the export was asked for, YYYY-MM (UTC).
    month,
    -- Table of the rows: cdr_in or cdr_out.
    record_type,
    -- What is added up: rows, or a column of seconds or US dollars.
    component,
    -- The vendor's id of the export that is loaded.
    export_id,
    -- Sum over the archived file, as its text says.
    archived,
    -- Part of it in records that could not be typed.
    rejected,
    -- Sum over the published table.
    published,
    -- Records counted in the bytes of the file; NULL of sums, and of loads that did not note it.
    counted,
    -- Amounts in rejected records that cannot be read, so are in no sum.
    unknown,
    -- What is missing, or too much if negative; 0 is right.
    archived - rejected - published AS difference
FROM compared
