-- Share of short calls, 0 to 1: answered attempts of at most short_call_seconds / answered attempts.
CREATE MACRO short_call_share(short_calls, answered_attempts) AS
ratio(short_calls, answered_attempts);
