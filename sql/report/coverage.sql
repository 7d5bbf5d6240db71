-- One row per record type and month, months in order.
-- Ask: how far has each month come?
SELECT
    record_type,
    month,
    state,
    export_id,
    loaded_until,
    rows,
    rejected_rows,
    duration_seconds,
    cost_usd,
    dropped_on,
    days_left
FROM coverage
ORDER BY month, record_type
