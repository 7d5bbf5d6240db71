-- Average call duration in seconds: connected seconds of answered calls / answered calls.
CREATE MACRO acd(answered_seconds, answered_calls) AS
ratio(answered_seconds, answered_calls);
