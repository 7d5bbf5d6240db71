-- One row per direction whose calls are loaded, and `both` for all of them.
-- Ask: what were the month's figures, and how did they change?
--
-- The figures are those of the month. The changes compare its first $whole_days days with the month
-- before. A day of the month before counts as often as its weekday occurs in those days, per day of
-- that weekday in the month before. So a working day more is no change. Changes are NULL if the
-- month before still runs or lacks a direction.
WITH directions AS (
    SELECT
        month,
        replace(record_type, 'cdr_', '') AS direction
    FROM coverage
    WHERE month IN ($month, $before) AND record_type IN ('cdr_in', 'cdr_out') AND rows IS NOT NULL
    UNION
    SELECT
        month,
        direction
    FROM marts.daily_traffic
    WHERE month IN ($month, $before)
),

shown AS (
    SELECT
        coalesce(directions.direction, 'both') AS direction,
        coalesce(sum(traffic.calls), 0) AS calls,
        coalesce(sum(traffic.answered_calls), 0) AS answered_calls,
        coalesce(sum(traffic.answered_seconds), 0) AS answered_seconds,
        coalesce(sum(traffic.duration_seconds), 0) AS duration_seconds,
        coalesce(sum(traffic.cost_usd), 0) AS cost_usd
    FROM directions
    LEFT JOIN marts.daily_traffic AS traffic
        ON directions.month = traffic.month AND directions.direction = traffic.direction
    WHERE directions.month = $month
    GROUP BY GROUPING SETS ((directions.direction), ())
    HAVING count(*) > 0
),

calendar AS (
    SELECT CAST(unnest(generate_series(
        CAST($before || '-01' AS DATE), last_day(CAST($month || '-01' AS DATE)), INTERVAL 1 DAY
    )) AS DATE) AS day
),

weights AS (
    SELECT
        isodow(day) AS weekday,
        ratio(
            count(*) FILTER (WHERE strftime(day, '%Y-%m') = $month AND day(day) <= $whole_days),
            count(*) FILTER (WHERE strftime(day, '%Y-%m') = $before)
        ) AS days
    FROM calendar
    GROUP BY isodow(day)
),

weighted AS (
    SELECT
        traffic.*,
        CASE
            WHEN traffic.month = $before THEN weights.days
            WHEN day(traffic.day) <= $whole_days THEN 1
            ELSE 0
        END AS days
    FROM marts.daily_traffic AS traffic
    INNER JOIN weights ON weights.weekday = isodow(traffic.day)
),

compared AS (
    SELECT
        directions.month,
        coalesce(directions.direction, 'both') AS direction,
        coalesce(sum(weighted.days * weighted.calls), 0) AS calls,
        coalesce(sum(weighted.days * weighted.answered_calls), 0) AS answered_calls,
        asr(
            sum(weighted.days * weighted.answered_calls), sum(weighted.days * weighted.calls)
        ) AS asr_call,
        acd(
            sum(weighted.days * weighted.answered_seconds),
            sum(weighted.days * weighted.answered_calls)
        ) AS acd_seconds,
        coalesce(sum(weighted.days * weighted.duration_seconds), 0) AS duration_seconds,
        coalesce(sum(weighted.days * weighted.cost_usd), 0) AS cost_usd,
        list(DISTINCT directions.direction ORDER BY directions.direction) AS directions
    FROM directions
    LEFT JOIN weighted
        ON directions.month = weighted.month AND directions.direction = weighted.direction
    WHERE
        $whole_days > 0
        AND NOT EXISTS (
            FROM coverage
            WHERE coverage.month = $before AND coverage.state = 'open'
        )
    GROUP BY GROUPING SETS ((directions.month, directions.direction), (directions.month))
)

SELECT
    shown.direction,
    shown.calls,
    shown.answered_calls,
    asr(shown.answered_calls, shown.calls) AS asr_call,
    acd(shown.answered_seconds, shown.answered_calls) AS acd_seconds,
    minutes(shown.duration_seconds) AS minutes,
    shown.cost_usd,
    past.month IS NOT NULL AS compared,
    ratio(now.calls, past.calls) - 1 AS change_of_calls,
    ratio(now.answered_calls, past.answered_calls) - 1 AS change_of_answered_calls,
    now.asr_call - past.asr_call AS change_of_asr_call,
    ratio(now.acd_seconds, past.acd_seconds) - 1 AS change_of_acd_seconds,
    ratio(now.duration_seconds, past.duration_seconds) - 1 AS change_of_minutes,
    ratio(now.cost_usd, past.cost_usd) - 1 AS change_of_cost_usd
FROM shown
LEFT JOIN compared AS now ON now.month = $month AND shown.direction = now.direction
LEFT JOIN compared AS past
    ON
        past.month = $before
        AND shown.direction = past.direction
        AND now.directions = past.directions
ORDER BY shown.direction
