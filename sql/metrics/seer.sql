-- Session establishment effectiveness ratio, 0 to 1, without redirected attempts (RFC 6076 4.7).
-- staging.attempt_outcomes decides which attempts are established or redirected.
CREATE MACRO seer(established, attempts, redirected) AS
ratio(established, attempts - redirected);
