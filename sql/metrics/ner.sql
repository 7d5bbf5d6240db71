-- Network effectiveness ratio, 0 to 1: effective attempts / attempts (ITU-T E.425 1.5).
-- staging.attempt_outcomes decides which attempts are effective.
CREATE MACRO ner(effective, attempts) AS
ratio(effective, attempts);
