-- One row per month and record type whose calls do not add up to its rows.
-- Ask: did folding lose or double anything?
-- severity: error
--
-- Attempts, money and the seconds of answered attempts must be equal over calls and over rows.
-- Seconds of unanswered rows are in no call: unanswered_with_duration names them.
WITH loaded AS (
    SELECT
        month,
        record_type,
        count(*) AS attempts,
        coalesce(sum(duration_seconds) FILTER (WHERE answered), 0) AS duration_seconds,
        sum(cost_usd) AS cost_usd
    FROM staging.attempts
    GROUP BY month, record_type
),

folded AS (
    SELECT
        month,
        concat('cdr_', direction) AS record_type,
        sum(attempts) AS attempts,
        coalesce(sum(duration_seconds), 0) AS duration_seconds,
        sum(cost_usd) AS cost_usd
    FROM staging.calls
    GROUP BY month, direction
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    coalesce(loaded.month, folded.month) AS month,
    -- Record type: cdr_in or cdr_out.
    coalesce(loaded.record_type, folded.record_type) AS record_type,
    -- Rows of the base table.
    loaded.attempts AS loaded_attempts,
    -- Attempts summed over calls.
    folded.attempts AS folded_attempts,
    -- Seconds of answered attempts in the base table.
    loaded.duration_seconds AS loaded_seconds,
    -- Connected seconds summed over calls.
    folded.duration_seconds AS folded_seconds,
    -- Cost in the base table, USD.
    loaded.cost_usd AS loaded_usd,
    -- Cost summed over calls, USD.
    folded.cost_usd AS folded_usd
FROM loaded
FULL JOIN folded
    ON
        loaded.month = folded.month
        AND loaded.record_type = folded.record_type
WHERE
    loaded.attempts IS DISTINCT FROM folded.attempts
    OR loaded.duration_seconds IS DISTINCT FROM folded.duration_seconds
    OR loaded.cost_usd IS DISTINCT FROM folded.cost_usd
