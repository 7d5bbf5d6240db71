import shutil
from pathlib import Path

import pytest

from pipeline.alarms.alarm import Alarm, Severity
from pipeline.alarms.channels import Channel, Delivery, Mail, Webhook, tell
from tests.alarms.sinks import Hook, MailServer, certificate, served

ALARM = Alarm(Severity.ERROR, "Somebody\nlook — é", "442071234567 called with k-4711.", "Look.", key="a/b")
TO = ("ops@example.com", "night@example.com")
USER = "cdr:p%40ss%2Fword"


def mail(port: int, user: str = "", scheme: str = "smtp") -> Mail:
    return Mail(f"{scheme}://{user}{'@' if user else ''}127.0.0.1:{port}", "cdr@example.com", TO)


def test_a_webhook_gets_the_alarm_as_json(hook: Hook) -> None:
    assert tell(ALARM, [Webhook(hook.url)], {"k-4711"}) == Delivery(1, ())
    [got] = hook.got
    assert got["severity"] == "error"
    assert got["text"] == "[ERROR] Somebody look — é\n…67 called with ….\nTo do: Look."


def test_a_webhook_that_is_busy_is_asked_again_and_not_for_ever(hook: Hook) -> None:
    hook.answers = [503, 429]
    assert tell(ALARM, [Webhook(hook.url, backoff=0)]).sent == 1
    assert hook.tries == 3
    hook.answers = [500] * 9
    assert tell(ALARM, [Webhook(hook.url, backoff=0)]).problems == (
        "The webhook answered with HTTP 500; check CDR_ALARM_WEBHOOK.",
    )
    assert hook.tries == 6


@pytest.mark.parametrize("status", [302, 400, 404])
def test_a_webhook_that_refuses_is_not_asked_again(hook: Hook, status: int) -> None:
    hook.answers = [status]
    delivery = tell(ALARM, [Webhook(hook.url)])
    assert (delivery.sent, hook.tries) == (0, 1)
    assert f"HTTP {status}" in delivery.problems[0]


def test_a_mail_reaches_everyone(mail_server: MailServer) -> None:
    assert tell(ALARM, [mail(mail_server.port)], {"k-4711"}) == Delivery(1, ())
    [got] = mail_server.mails
    assert got["Subject"] == "[cdr] Somebody look — é"
    assert (got["From"], got["To"]) == ("cdr@example.com", ", ".join(TO))
    assert got.get_content().splitlines() == ["[ERROR] Somebody look — é", "…67 called with ….", "To do: Look."]
    assert [line for line in mail_server.said if line.startswith("rcpt")] == [f"rcpt TO:<{one}>" for one in TO]


def test_a_recipient_that_is_refused_is_told_and_keeps_the_mail_from_nobody_else(mail_server: MailServer) -> None:
    mail_server.refusals = {"rcpt TO:<ops": "550 no such user"}
    assert tell(ALARM, [mail(mail_server.port)]) == Delivery(
        1, ("The mail server refused 1 of 2 recipients; check CDR_ALARM_EMAIL_TO.",)
    )
    assert len(mail_server.mails) == 1


@pytest.mark.parametrize(
    ("refusals", "problem"),
    [
        ({"mail": "451 greylisted"}, "answered 451 (SMTPSenderRefused)"),
        ({"data": "554 no"}, "answered 554 (SMTPDataError)"),
        ({"rcpt": "550 nobody"}, "could not be used (SMTPRecipientsRefused)"),
    ],
)
def test_a_mail_server_that_refuses_is_told(mail_server: MailServer, refusals: dict[str, str], problem: str) -> None:
    mail_server.refusals = refusals
    delivery = tell(ALARM, [mail(mail_server.port)])
    assert delivery.sent == 0
    assert problem in delivery.problems[0]


def test_a_password_is_not_sent_where_nothing_is_encrypted(mail_server: MailServer) -> None:
    [problem] = tell(ALARM, [mail(mail_server.port, USER)]).problems
    assert "the password was not sent" in problem
    assert not any(line.upper().startswith("AUTH") for line in mail_server.said)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate of the mail server")
def test_starttls_is_used_where_it_is_offered_and_only_with_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = certificate(tmp_path)
    with MailServer(context) as server, served(server):
        [problem] = tell(ALARM, [mail(server.port, USER)]).problems
        assert "SSLCertVerificationError" in problem
        assert server.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert tell(ALARM, [mail(server.port, USER)]) == Delivery(1, ())
        assert len(server.mails) == 1
        assert any(line.startswith("AUTH PLAIN") for line in server.said)


def test_a_channel_that_fails_hides_no_other_and_says_no_secret(hook: Hook, mail_server: MailServer) -> None:
    dead: list[Channel] = [Webhook("http://127.0.0.1:1/T0-secret", backoff=0), mail(1, USER)]
    delivery = tell(ALARM, [*dead, Webhook(hook.url), mail(mail_server.port)])
    assert (delivery.sent, len(hook.got), len(mail_server.mails)) == (2, 1, 1)
    assert delivery.problems == (
        "The webhook of CDR_ALARM_WEBHOOK did not answer (ConnectionError); try again later.",
        "The mail server could not be used (ConnectionRefusedError); check CDR_SMTP_URL.",
    )
    assert "secret" not in f"{dead}"
    assert "p@ss/word" not in f"{dead}"
    assert "p%40ss" not in f"{dead}"


def test_no_channel_knows_less_than_the_others_must_not_say(hook: Hook, mail_server: MailServer) -> None:
    mailing = mail(mail_server.port)
    said = f"{hook.url} {mailing.url} T0-secret-token?key=q-secret"
    tell(Alarm(Severity.INFO, said, said, said, key="x"), [Webhook(hook.url), mailing])
    assert "q-secret" not in f"{hook.got}{mail_server.mails[0]}"
    assert "127.0.0.1:" not in f"{hook.got}"


def test_what_no_mail_can_hold_is_a_problem_and_no_exception(mail_server: MailServer) -> None:
    odd = Mail(f"smtp://127.0.0.1:{mail_server.port}", "cdr\n@example.com", TO)
    assert tell(ALARM, [odd]) == Delivery(
        0, ("The mail could not be written (ValueError); check CDR_ALARM_EMAIL_FROM.",)
    )
    assert tell(Alarm(Severity.INFO, "\ud800", "\ud800\x00", "", key="x"), [mail(mail_server.port)]).sent == 1


def test_without_a_channel_nothing_is_sent() -> None:
    assert tell(ALARM, []) == Delivery(0, ())
