-- Ineffective session attempts, 0 to 1: ineffective attempts / attempts (RFC 6076 4.8).
-- staging.attempt_outcomes decides which attempts are ineffective.
CREATE MACRO isa(ineffective, attempts) AS
ratio(ineffective, attempts);
