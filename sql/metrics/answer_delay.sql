-- Mean answer delay in seconds: seconds from start to answer / answered calls.
-- It is not the post-dial delay (PDD): the records do not have the time of the first ringing.
CREATE MACRO answer_delay(delay_seconds, answered_calls) AS
ratio(delay_seconds, answered_calls);
