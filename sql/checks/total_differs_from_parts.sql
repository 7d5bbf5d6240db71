-- One row per inbound record whose total is not the sum of its parts.
-- Ask: is there a charge without a column?
-- severity: warn
--
-- The vendor's samples add up, but its documentation does not promise it. The comparison is exact,
-- in DECIMAL; an absent part counts as 0.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    row_number,
    -- All charges of the attempt as served, USD.
    total_usd,
    -- Sum of the four charges, USD.
    coalesce(toll_free_usd, 0)
    + coalesce(pstn_usd, 0)
    + coalesce(metered_usd, 0)
    + coalesce(cnam_usd, 0) AS parts_usd
FROM cdr_in
WHERE
    coalesce(total_usd, 0)
    <> coalesce(toll_free_usd, 0)
    + coalesce(pstn_usd, 0)
    + coalesce(metered_usd, 0)
    + coalesce(cnam_usd, 0)
