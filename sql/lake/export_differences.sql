-- One row per UTC day on which two exports of a month differ.
-- Ask: what did the later export change?
--
-- `earlier` and `later` have a row per record: its day, a fingerprint of all its cells, its natural
-- key, its seconds and its cost in US dollars. A row that is gone and a row that is new are one
-- changed row if they have the same key.
WITH both_sides AS (
    SELECT
        day,
        natural_key,
        fingerprint,
        -1 AS side,
        seconds,
        cost
    FROM earlier
    UNION ALL
    SELECT
        day,
        natural_key,
        fingerprint,
        1 AS side,
        seconds,
        cost
    FROM later
),

differing_days AS (
    SELECT day
    FROM both_sides
    GROUP BY day
    HAVING sum(side) <> 0 OR sum(side * CAST(fingerprint AS HUGEINT)) <> 0
),

fingerprints AS (
    SELECT
        day,
        natural_key,
        count(*) FILTER (WHERE side = -1) AS before,
        count(*) FILTER (WHERE side = 1) AS after,
        sum(side * seconds) AS seconds,
        sum(side * cost) AS cost
    FROM both_sides
    WHERE day IN (SELECT differing_days.day FROM differing_days)
    GROUP BY day, natural_key, fingerprint
),

natural_keys AS (
    SELECT
        day,
        sum(before) AS before,
        sum(after) AS after,
        sum(greatest(after - before, 0)) AS added,
        sum(greatest(before - after, 0)) AS gone,
        sum(seconds) AS seconds,
        sum(cost) AS cost
    FROM fingerprints
    GROUP BY day, natural_key
)

SELECT
    day,
    CAST(sum(before) AS BIGINT) AS rows_before,
    CAST(sum(after) AS BIGINT) AS rows_after,
    CAST(sum(added - least(added, gone)) AS BIGINT) AS rows_added,
    CAST(sum(gone - least(added, gone)) AS BIGINT) AS rows_gone,
    CAST(sum(least(added, gone)) AS BIGINT) AS rows_changed,
    CAST(coalesce(sum(seconds), 0) AS BIGINT) AS seconds_more,
    CAST(coalesce(sum(cost), 0) AS DECIMAL(38, 6)) AS usd_more
FROM natural_keys
GROUP BY day
ORDER BY day
