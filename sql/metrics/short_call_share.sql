-- Share of short calls, 0 to 1: short calls / answered attempts.
-- A short call is an answered attempt of at most short_call_seconds of the seed thresholds.
CREATE MACRO short_call_share(short_calls, answered_attempts) AS
ratio(short_calls, answered_attempts);
