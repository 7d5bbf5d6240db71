from pathlib import Path

import pytest

from pipeline.defs.alarms import channels
from pipeline.errors import PermanentError
from pipeline.settings import Settings, load

WHOLE = {
    "CDR_ALARM_WEBHOOK": "https://hooks.example.com/services/token-4711",
    "CDR_ALARM_EMAIL_TO": "ops@example.com, night@example.com,",
    "CDR_ALARM_EMAIL_FROM": "cdr@example.com",
    "CDR_SMTP_URL": "smtps://cdr:word-4711@mail.example.com",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_where_alarms_go_is_read_shown_nowhere_and_given_to_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **WHOLE)
    settings = load()
    assert settings.cdr_alarm_email_to == ("ops@example.com", "night@example.com")
    assert len(channels(settings)) == 2
    assert "4711" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()} {channels(settings)}"
    given(monkeypatch, **settings.environment())
    assert load() == settings


def test_without_any_of_them_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert channels(load()) == []
    given(monkeypatch, **dict.fromkeys(WHOLE, ""))
    assert channels(load()) == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"CDR_ALARM_WEBHOOK": "hooks.example.com/4711"}, "CDR_ALARM_WEBHOOK: Value error, must begin with https://"),
        ({"CDR_ALARM_WEBHOOK": "https://u:x/4711@h"}, "CDR_ALARM_WEBHOOK: Value error, must begin with https://"),
        ({"CDR_SMTP_URL": "mail.example.com"}, "CDR_SMTP_URL: Value error, must be like smtps://"),
        ({"CDR_SMTP_URL": "smtp://u:word-4711/x@h"}, "CDR_SMTP_URL: Value error, must be like smtps://"),
        ({"CDR_ALARM_EMAIL_TO": "ops"}, "CDR_ALARM_EMAIL_TO: Value error, must be a mail address"),
        ({"CDR_ALARM_EMAIL_FROM": "a@b, c@d"}, "CDR_ALARM_EMAIL_FROM: Value error, must be a mail address"),
        ({"CDR_ALARM_EMAIL_TO": ""}, "CDR_SMTP_URL: Value error, mails also need CDR_ALARM_EMAIL_TO"),
        ({"CDR_ALARM_EMAIL_FROM": ""}, "CDR_SMTP_URL: Value error, mails also need CDR_ALARM_EMAIL_FROM"),
        ({"CDR_SMTP_URL": ""}, "CDR_SMTP_URL: Value error, mails need a server"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence_without_secrets(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], reason: str
) -> None:
    given(monkeypatch, **{**WHOLE, **wrong})
    with pytest.raises(PermanentError) as refused:
        load()
    assert str(refused.value).startswith(f"The settings cannot be used: {reason}")
    assert "4711" not in str(refused.value)
    assert ";" not in str(refused.value)
