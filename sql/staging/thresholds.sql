-- One row per installation: each setting of seeds.thresholds is a column.
-- Ask: which thresholds are in force?
-- materialized: view
--
-- The one place where the seed becomes columns. A setting that the seed lacks is NULL, and a query
-- that needs it then finds nothing. Days and digits are whole numbers.
SELECT
    -- An answered attempt of at most this many seconds is short.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'short_call_seconds') AS short_call_seconds,
    -- Share of calls that may find every channel busy in the busy hour.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'blocking_share') AS blocking_share,
    -- A repeat call began at most this many seconds after the caller's last one to the number.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'repeat_call_seconds') AS repeat_call_seconds,
    -- Callers kept per month and direction: those with most calls.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'top_callers') AS top_callers,
    -- A DID is idle after more than this many days without a call, up to the newest loaded day.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'idle_did_days') AS idle_did_days,
    -- The usual value of an hour of the day is its median over this many days before, 366 at most.
    CAST(
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'usual_days') AS INTEGER
    ) AS usual_days,
    -- Repeated calls go to a number that was reached at least this many times within the hour.
    max(CAST(value AS DOUBLE)) FILTER (
        WHERE name = 'irsf_calls_per_number'
    ) AS irsf_calls_per_number,
    -- IRSF: repeated calls of a trunk to one country cost at least this many US dollars an hour.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'irsf_hour_usd') AS irsf_hour_usd,
    -- IRSF: and at least this many US dollars per billed minute.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'irsf_usd_per_minute') AS irsf_usd_per_minute,
    -- IRSF: and at least this many times the usual cost of that hour of the day.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'irsf_times_usual') AS irsf_times_usual,
    -- Wangiri: numbers that differ only in this many last digits are one range of callers.
    CAST(
        max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'wangiri_range_digits') AS INTEGER
    ) AS wangiri_range_digits,
    -- Wangiri: a ring is a call that was not answered or lasted at most this many seconds.
    max(CAST(value AS DOUBLE)) FILTER (
        WHERE name = 'wangiri_ring_seconds'
    ) AS wangiri_ring_seconds,
    -- Wangiri: rings of one burst begin at most this many seconds apart.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'wangiri_gap_seconds') AS wangiri_gap_seconds,
    -- Wangiri: a burst has at least this many rings.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'wangiri_calls') AS wangiri_calls,
    -- Wangiri: a burst reaches at least this many DIDs.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'wangiri_dids') AS wangiri_dids,
    -- Pumping: a toll-free DID had at least this many charged calls within the hour.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'pumping_hour_calls') AS pumping_hour_calls,
    -- Pumping: and at least this many times the usual calls of that hour of the day.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'pumping_times_usual') AS pumping_times_usual,
    -- Pumping: at least this share of the calls has the same length to the second.
    max(CAST(value AS DOUBLE)) FILTER (
        WHERE name = 'pumping_same_duration_share'
    ) AS pumping_same_duration_share,
    -- False answers: a network answered at least this many calls on the day.
    max(CAST(value AS DOUBLE)) FILTER (
        WHERE name = 'false_answer_day_calls'
    ) AS false_answer_day_calls,
    -- False answers: an answer is suspect at most this many seconds after the call began.
    max(CAST(value AS DOUBLE)) FILTER (
        WHERE name = 'false_answer_delay_seconds'
    ) AS false_answer_delay_seconds,
    -- False answers: and where the call lasted at most this many seconds.
    max(CAST(value AS DOUBLE)) FILTER (
        WHERE name = 'false_answer_call_seconds'
    ) AS false_answer_call_seconds,
    -- False answers: at least this share of the answered calls is suspect.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'false_answer_share') AS false_answer_share,
    -- A call that lasted more than this many seconds is stuck (4 hours, as in OpenSIPS cdr_audit).
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'stuck_call_seconds') AS stuck_call_seconds,
    -- Scans: a caller called at least this many different numbers within the hour.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'scan_hour_numbers') AS scan_hour_numbers,
    -- Scans: two numbers are neighbours at most this far apart.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'scan_neighbour_step') AS scan_neighbour_step,
    -- Scans: at least this share of the numbers has a neighbour below it.
    max(CAST(value AS DOUBLE)) FILTER (
        WHERE name = 'scan_neighbour_share'
    ) AS scan_neighbour_share,
    -- Scans: answered calls lasted fewer seconds than this on average, or no call was answered.
    max(CAST(value AS DOUBLE)) FILTER (WHERE name = 'scan_acd_seconds') AS scan_acd_seconds
FROM seeds.thresholds
