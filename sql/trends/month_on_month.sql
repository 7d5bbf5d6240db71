-- One row per loaded month and direction, beside the calendar month before.
-- Ask: is traffic growing, and by how much?
-- grain: month, direction
--
-- Sums of marts.daily_traffic; a loaded month without a call has 0. A change is this month minus
-- the month before. Its share is the change over the month before. Both are NULL if the month
-- before is not loaded, or if either month is not whole.
--
-- A month with one more working day has more calls. The weekday changes remove that effect: they
-- compare the whole days of this month with the mean of the same weekdays in the month before. They
-- exist for a running month too.
WITH loaded AS (
    SELECT
        month,
        right(record_type, length(record_type) - 4) AS direction,
        state,
        CAST(loaded_until AS DATE) AS first_day_not_known
    FROM coverage
    WHERE
        record_type IN ('cdr_in', 'cdr_out')
        AND loaded_until IS NOT NULL
),

known AS (
    SELECT
        month,
        direction
    FROM loaded
    UNION
    SELECT
        month,
        direction
    FROM marts.daily_traffic
),

month_days AS (
    SELECT unnest(range(31)) AS place
),

calendar AS (
    SELECT
        known.month,
        known.direction,
        CAST(concat(known.month, '-01') AS DATE) + CAST(month_days.place AS INTEGER) AS day
    FROM known
    CROSS JOIN month_days
    WHERE
        CAST(concat(known.month, '-01') AS DATE) + CAST(month_days.place AS INTEGER)
        <= last_day(CAST(concat(known.month, '-01') AS DATE))
),

days AS (
    SELECT
        calendar.month,
        calendar.direction,
        isodow(calendar.day) AS weekday,
        coalesce(calendar.day < loaded.first_day_not_known, TRUE) AS whole,
        coalesce(traffic.calls, 0) AS calls,
        coalesce(traffic.answered_calls, 0) AS answered_calls,
        coalesce(traffic.duration_seconds, 0) AS seconds,
        coalesce(traffic.cost_usd, 0) AS cost_usd
    FROM calendar
    LEFT JOIN loaded
        ON
            calendar.month = loaded.month
            AND calendar.direction = loaded.direction
    LEFT JOIN marts.daily_traffic AS traffic
        ON
            calendar.month = traffic.month
            AND calendar.direction = traffic.direction
            AND calendar.day = traffic.day
),

months AS (
    SELECT
        month,
        CAST(left(month, 4) AS INTEGER) * 12 + CAST(right(month, 2) AS INTEGER) AS place,
        direction,
        count(*) FILTER (WHERE whole) AS whole_days,
        count(*) FILTER (WHERE NOT whole) = 0 AS whole,
        CAST(sum(calls) AS BIGINT) AS calls,
        CAST(sum(answered_calls) AS BIGINT) AS answered_calls,
        minutes(sum(seconds)) AS minutes,
        CAST(sum(cost_usd) AS DECIMAL(38, 6)) AS cost_usd
    FROM days
    GROUP BY month, direction
),

weekdays AS (
    SELECT
        month,
        direction,
        weekday,
        count(*) FILTER (WHERE whole) AS whole_days,
        CAST(sum(calls) FILTER (WHERE whole) AS DOUBLE) AS calls,
        CAST(sum(seconds) FILTER (WHERE whole) AS DOUBLE) AS seconds,
        CAST(sum(cost_usd) FILTER (WHERE whole) AS DOUBLE) AS cost_usd,
        CAST(avg(calls) AS DOUBLE) AS mean_calls,
        CAST(avg(seconds) AS DOUBLE) AS mean_seconds,
        avg(CAST(cost_usd AS DOUBLE)) AS mean_usd
    FROM days
    GROUP BY month, direction, weekday
),

alike AS (
    SELECT
        months.month,
        months.direction,
        ratio(sum(weekdays.calls), sum(weekdays.whole_days * earlier.mean_calls))
        - 1 AS calls_share,
        ratio(sum(weekdays.seconds), sum(weekdays.whole_days * earlier.mean_seconds))
        - 1 AS minutes_share,
        ratio(sum(weekdays.cost_usd), sum(weekdays.whole_days * earlier.mean_usd)) - 1 AS cost_share
    FROM months
    INNER JOIN months AS before
        ON
            before.place = months.place - 1
            AND months.direction = before.direction
            AND before.whole
    INNER JOIN weekdays
        ON
            months.month = weekdays.month
            AND months.direction = weekdays.direction
    INNER JOIN weekdays AS earlier
        ON
            before.month = earlier.month
            AND before.direction = earlier.direction
            AND weekdays.weekday = earlier.weekday
    GROUP BY months.month, months.direction
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    months.month,
    -- Direction of the traffic: in (to a DID) or out.
    months.direction,
    -- State of the month in coverage; open: it was still running.
    loaded.state,
    -- Days of the month (UTC) that are loaded to their end.
    months.whole_days,
    -- Calls: an inbound call counts once however many attempts it took.
    months.calls,
    -- Calls more than in the month before; negative for fewer.
    months.calls - earlier.calls AS calls_change,
    -- That over the calls of the month before: 0.1 is a tenth more.
    ratio(months.calls - earlier.calls, earlier.calls) AS calls_change_share,
    -- Share by which the calls of the whole days differ from the mean of their weekdays in the
    -- month before.
    alike.calls_share AS calls_weekday_change_share,
    -- Calls with a connect time.
    months.answered_calls,
    -- Connected minutes.
    months.minutes,
    -- Connected minutes more than in the month before.
    months.minutes - earlier.minutes AS minutes_change,
    -- That over the minutes of the month before.
    ratio(months.minutes - earlier.minutes, earlier.minutes) AS minutes_change_share,
    -- Share by which the minutes of the whole days differ from the mean of their weekdays in the
    -- month before.
    alike.minutes_share AS minutes_weekday_change_share,
    -- What the calls cost, USD.
    months.cost_usd,
    -- Cost more than in the month before, USD.
    CAST(months.cost_usd - earlier.cost_usd AS DECIMAL(38, 6)) AS cost_change_usd,
    -- That over the cost of the month before.
    ratio(months.cost_usd - earlier.cost_usd, earlier.cost_usd) AS cost_change_share,
    -- Share by which the cost of the whole days differs from the mean of their weekdays in the
    -- month before.
    alike.cost_share AS cost_weekday_change_share
FROM months
LEFT JOIN months AS earlier
    ON
        earlier.place = months.place - 1
        AND months.direction = earlier.direction
        AND earlier.whole
        AND months.whole
LEFT JOIN alike
    ON
        months.month = alike.month
        AND months.direction = alike.direction
LEFT JOIN loaded
    ON
        months.month = loaded.month
        AND months.direction = loaded.direction
