import json
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alarms.alarm import (
    Alarm,
    Severity,
    alarm_of_check,
    alarm_of_deadline,
    alarm_of_difference,
    alarm_of_failure,
)
from pipeline.alarms.message import message_of
from pipeline.alarms.redaction import redacted, secrets_in

EXPORT = "11111111-2222-4333-8444-123456789012"
RUN = "12345678-aaaa-4bbb-8ccc-dddddddddddd"
KEYS = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=1, max_size=30)


def anything(severity: Severity = Severity.ERROR, text: str = "it broke") -> Alarm:
    return Alarm(severity, text, text, text, key=text, record_type=text, month=text, export_id=text, run_id=text)


@given(st.lists(st.one_of(st.text(), st.from_regex(r"\+?\d{5,20}"), st.just("https://u:12345678@h/?q=123456789"))))
def test_no_run_of_seven_digits_survives_in_any_field(parts: list[str]) -> None:
    message = message_of(anything(text="".join(parts)))
    for said in (message.title, message.text, *message.payload.values()):
        assert not re.search(r"\d{7}", said)


@given(KEYS, st.lists(st.text(max_size=20), max_size=4), st.sampled_from(["", "https://", "ftp://a?", "tel:+44"]))
def test_no_key_survives_whatever_it_stands_in(key: str, around: list[str], before: str) -> None:
    half = len(key) // 2
    for text in (before + key.join(["", *around, ""]), f"https://{key[:half]}who@{key[half:]}", key[:half] + key * 2):
        assert key not in redacted(text, {key})


def test_cutting_an_address_puts_no_key_together() -> None:
    assert "s://tail" not in redacted("https://me@tail", {"s://tail"})


@given(st.text(max_size=30).filter(str.isprintable))
def test_a_user_and_a_query_do_not_survive_in_an_address(text: str) -> None:
    said = redacted(f"at https://me:pass-4711@example.com/path?token-4711{text} end")
    assert "4711" not in said
    assert said.startswith("at https://example.com/path")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from 442071234567 to 1", "from …67 to 1"),
        ("from +44 20 7123-4567.", "from …67."),
        ("from +44 (20) 7123 4567 to +1-800-555-7827", "from …67 to …27"),
        ("on 2026-11-21 12:00+00:00, 123,456 rows", "on 2026-11-21 12:00+00:00, 123,456 rows"),
    ],
)
def test_numbers_keep_their_last_two_digits_and_dates_and_counts_all(text: str, said: str) -> None:
    assert redacted(text) == said


def test_the_whole_address_of_a_webhook_is_secret_and_so_are_its_parts() -> None:
    url = "https://me:p%40ss@hooks.example.com/services/T0/B0/token?k=v"
    said = redacted(f"{url} /services/T0/B0/token k=v p@ss p%40ss hooks.example.com", secrets_in(url))
    assert said == "… … … … … hooks.example.com"
    assert "/" not in secrets_in("https://hooks.example.com/")


def test_a_key_is_in_no_part_of_a_message_and_ids_are_whole() -> None:
    alarm = replace(anything(text="the k-4711 of\nsomeone"), export_id=EXPORT, run_id=RUN, key=f"run/{RUN}")
    message = message_of(alarm, {"k-4711"})
    assert "k-4711" not in f"{message}{json.dumps(message.payload)}"
    assert (message.payload["export_id"], message.payload["run_id"]) == (EXPORT, RUN)
    assert message.payload["key"] == f"run/{RUN}"
    assert f"Run: {RUN}" in message.text
    assert message.title == "the … of someone"


def test_what_somebody_else_wrote_is_no_command_to_slack() -> None:
    assert "&lt;!channel&gt;" in message_of(anything(text="<!channel> & so on")).payload["text"]


def test_a_failure_says_what_failed_why_and_what_to_do() -> None:
    alarm = alarm_of_failure(
        job="load_cdr_in", run_id=RUN, reason="No room.", record_type="cdr_in", months=("2026-09", "2026-09")
    )
    message = message_of(alarm)
    assert message.text.splitlines() == [
        "[ERROR] The job load_cdr_in failed for 2026-09",
        "No room.",
        f"To do: {alarm.todo}",
        "Record type: cdr_in",
        "Month: 2026-09",
        f"Run: {RUN}",
    ]
    assert message.payload.keys() == {
        "text", "severity", "title", "happened", "todo", "key", "record_type", "month", "run_id"
    }  # fmt: skip
    assert alarm.todo.endswith("run `cdr backfill --from 2026-09 --to 2026-09 --type cdr_in`.")


def test_a_failure_over_a_range_or_over_nothing_says_so() -> None:
    many = alarm_of_failure(job="ask", run_id=RUN, reason="x", months=("2026-09", "2026-11"))
    assert (many.title, many.month) == ("The job ask failed for 2026-09 to 2026-11", None)
    none = alarm_of_failure(job="refresh", run_id=RUN, reason="x")
    assert none.title == "The job refresh failed"
    assert "launch the job again" in none.todo


def test_a_check_says_how_many_rows_and_none_of_them() -> None:
    assert alarm_of_check(check="calls_keep_rows", rows=1234, run_id=RUN).happened == (
        "It found 1,234 rows that must not exist."
    )


def test_a_difference_that_takes_nothing_away_is_no_warning() -> None:
    alarm = alarm_of_difference(
        record_type="cdr_out", month="2026-09", previous_export_id="aaaa", export_id=EXPORT, days=[date(2026, 9, 30)],
        rows_added=1, rows_gone=0, rows_changed=0,
    )  # fmt: skip
    assert alarm.severity is Severity.INFO
    assert alarm.happened.endswith("on 2026-09-30.")


@pytest.mark.parametrize(
    ("rows", "happened", "todo"),
    [
        (None, "Nothing of it is loaded.", "--type cdr_in` now."),
        (1234567, "1,234,567 rows of it are loaded, but not confirmed.", "--type cdr_in --again` now. Two exports"),
    ],
)
def test_a_deadline_says_what_is_there_and_how_to_save_the_month(rows: int | None, happened: str, todo: str) -> None:
    alarm = alarm_of_deadline(
        severity=Severity.WARNING, record_type="cdr_in", month="2026-09", state="missing", rows=rows, days_left=10,
        dropped_on=date(2026, 12, 1),
    )  # fmt: skip
    text = message_of(alarm).text
    assert "[WARNING] cdr_in 2026-09 is missing, and the vendor forgets it in 10 days" in text
    assert f"{happened} After 2026-12-01" in text
    assert todo in text


def test_a_difference_says_which_days_changed_and_by_how_many_rows() -> None:
    days = [date(2026, 9, 1) + timedelta(days=n) for n in range(7)]
    alarm = alarm_of_difference(
        record_type="cdr_out", month="2026-09", previous_export_id="aaaa", export_id=EXPORT, days=days,
        rows_added=1200, rows_gone=3, rows_changed=0,
    )  # fmt: skip
    assert alarm.severity is Severity.WARNING
    text = message_of(alarm).text
    assert "cdr_out 2026-09 changed: 1,200 rows added, 3 gone, 0 changed" in text
    assert (
        "replaced aaaa and differs from it on 2026-09-01, 2026-09-02, 2026-09-03, 2026-09-04, 2026-09-05 and 2" in text
    )
    assert f"Export: {EXPORT}" in text
