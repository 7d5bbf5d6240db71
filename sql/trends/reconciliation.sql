-- One row per month, record type and component of the loaded exports.
-- Ask: is what is published what the archive holds, to the cent?
--
-- Archived: the control total as it was read from the file's text, before anything was typed. Rejected: what of it is in
-- records that could not be loaded, which are in rejected_rows. Difference = archived - rejected - published, 0 to the last
-- digit. Counted: the records as the bytes of the file say, by another reader than the one that made the rows: as many as
-- archived. Unknown: amounts in rejected records that cannot be read, so archived and rejected are without them, and a
-- difference of 0 says nothing of these; rejected_rows has the records. Components are rows, seconds and every column of money; the sum of rates means nothing but is compared as well.
-- Every row of every loaded month is read once for it, so it takes longer than the other trends. A month whose calls are
-- not kept any more (state expired in coverage) has no row; nor has what is no call, whose columns are only known to the
-- file of exports: it is compared when it is loaded, and control_totals has its sums.
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
        ON coverage.record_type = control_totals.record_type
        AND coverage.month = control_totals.month
        AND coverage.export_id = control_totals.export_id
        AND coverage.state IS DISTINCT FROM 'expired'
        AND coverage.record_type IN ('cdr_in', 'cdr_out')
    LEFT JOIN published
        ON published.record_type = control_totals.record_type
        AND published.month = control_totals.month
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
    -- What is missing (or too much, if negative): 0.
    archived - rejected - published AS difference
FROM compared
