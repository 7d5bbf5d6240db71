-- One row per direction, for its newest loaded month.
-- Ask: what will the running month have cost when it is over?
-- grain: direction
--
-- Forecast = cost of the month's complete days + the mean cost of its weekday for each remaining
-- day. The means cover the 28 days up to the last complete one. The forecast is never below the
-- amount already spent.
--
-- A day is complete if the export's window reached its end. Days that are not loaded are left out;
-- days without a call cost 0. The forecast is NULL if fewer than 7 days are known: from 7 days on,
-- each weekday is among them. It uses loaded days only and knows no holidays.
WITH newest AS (
    SELECT
        coverage.record_type,
        max(coverage.month) AS month
    FROM coverage
    WHERE
        coverage.loaded_until IS NOT NULL
        AND coverage.record_type IN ('cdr_in', 'cdr_out')
    GROUP BY coverage.record_type
),

known_months AS (
    SELECT
        coverage.record_type,
        right(coverage.record_type, length(coverage.record_type) - 4) AS direction,
        coverage.month,
        coverage.month = newest.month AS running,
        CAST(concat(coverage.month, '-01') AS DATE) AS first_day,
        CAST(coverage.loaded_until AS DATE) AS first_day_not_known
    FROM coverage
    INNER JOIN newest
        ON coverage.record_type = newest.record_type
    WHERE coverage.loaded_until IS NOT NULL
),

month_days AS (
    SELECT unnest(range(31)) AS place
),

calendar AS (
    SELECT
        known_months.direction,
        known_months.month,
        known_months.running,
        known_months.first_day + CAST(month_days.place AS INTEGER) AS day,
        known_months.first_day + CAST(month_days.place AS INTEGER)
        < known_months.first_day_not_known AS complete
    FROM known_months
    CROSS JOIN month_days
    WHERE
        known_months.first_day + CAST(month_days.place AS INTEGER)
        <= last_day(known_months.first_day)
),

spent AS (
    SELECT
        direction,
        day,
        sum(cost_usd) AS cost_usd
    FROM marts.cost_by_day
    GROUP BY direction, day
),

days AS (
    SELECT
        calendar.direction,
        calendar.month,
        calendar.running,
        calendar.day,
        calendar.complete,
        isodow(calendar.day) AS weekday,
        coalesce(spent.cost_usd, 0) AS cost_usd,
        max(CASE WHEN calendar.complete THEN calendar.day END)
            OVER (PARTITION BY calendar.direction)
            AS last_day
    FROM calendar
    LEFT JOIN spent
        ON
            calendar.direction = spent.direction
            AND calendar.day = spent.day
),

known_days AS (
    SELECT
        direction,
        weekday,
        day,
        CAST(cost_usd AS DOUBLE) AS cost_usd
    FROM days
    WHERE
        complete
        AND day > last_day - 28
),

weekdays AS (
    SELECT
        direction,
        weekday,
        avg(cost_usd) AS mean_usd,
        sum(count(*)) OVER (PARTITION BY direction) AS known_days
    FROM known_days
    GROUP BY direction, weekday
),

running AS (
    SELECT
        days.direction,
        days.month,
        max(days.last_day) AS last_complete_day,
        count(*) FILTER (WHERE NOT days.complete) AS days_left,
        sum(days.cost_usd) AS spent_usd,
        coalesce(sum(days.cost_usd) FILTER (WHERE days.complete), 0) AS complete_usd,
        coalesce(sum(weekdays.mean_usd) FILTER (WHERE NOT days.complete), 0) AS expected_usd,
        CAST(coalesce(max(weekdays.known_days), 0) AS BIGINT) AS known_days
    FROM days
    LEFT JOIN weekdays
        ON
            days.direction = weekdays.direction
            AND days.weekday = weekdays.weekday
    WHERE days.running
    GROUP BY days.direction, days.month
)

SELECT
    -- The newest month with anything loaded, YYYY-MM (UTC).
    month,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- Last day (UTC) that is loaded to its end.
    last_complete_day,
    -- Days of the month after it.
    days_left,
    -- Days that the forecast rests on, 28 at most.
    known_days,
    -- Cost of the month as loaded, a day begun included, USD.
    CAST(spent_usd AS DECIMAL(38, 6)) AS spent_usd,
    -- What the days left are expected to cost, USD.
    CASE WHEN known_days >= 7 THEN CAST(expected_usd AS DECIMAL(38, 6)) END AS expected_usd,
    -- What the whole month is expected to cost, USD.
    CASE
        WHEN
            known_days >= 7
            THEN
                CAST(
                    greatest(
                        CAST(complete_usd AS DECIMAL(38, 6)) + CAST(expected_usd AS DECIMAL(38, 6)),
                        spent_usd
                    ) AS DECIMAL(38, 6)
                )
    END AS forecast_usd
FROM running
