"""The channels of alarms: a webhook and mail. A channel that fails is reported, and does not stop the others."""

import smtplib
import ssl
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import partial
from typing import Protocol
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from pipeline.alarms.alarm import Alarm
from pipeline.alarms.message import Message, message_of
from pipeline.alarms.redaction import secrets_in
from pipeline.errors import PermanentError, TransientError

_HTTP_TIMEOUT = (3.05, 7)
_SMTP_TIMEOUT = 7
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class Channel(Protocol):
    """A way to send a message to people."""

    @property
    def secrets(self) -> set[str]:
        """The texts of this channel's configuration that no message may contain."""
        ...

    def send(self, message: Message) -> str:
        """Deliver a message. Return who did not get it, empty if all did; raises where it reached no one."""
        ...


@dataclass(frozen=True)
class Delivery:
    """The result of sending an alarm: the number of channels that took it, and a sentence for each problem."""

    sent: int
    problems: tuple[str, ...]


def tell(alarm: Alarm, channels: Sequence[Channel], secrets: Collection[str] = ()) -> Delivery:
    """Send an alarm on every channel, even where another one fails.

    Args:
        alarm: The alarm.
        channels: The channels to use. The secrets of each are redacted for all of them.
        secrets: Further texts to redact.
    """
    message = message_of(alarm, {*secrets, *(secret for channel in channels for secret in channel.secrets)})
    sent, problems = 0, []
    for channel in channels:
        try:
            problems.append(channel.send(message))
            sent += 1
        except (TransientError, PermanentError) as error:
            problems.append(str(error))
    return Delivery(sent, tuple(filter(None, problems)))


@dataclass(frozen=True)
class Webhook:
    """POSTs JSON with the field ``text`` that Slack and Mattermost read. ``backoff`` scales the waits, 1 is normal."""

    url: str = field(repr=False)
    backoff: float = 1.0

    @property
    def secrets(self) -> set[str]:
        """The address: everyone who knows it can post."""
        return secrets_in(self.url)

    def send(self, message: Message) -> str:
        """POST the message, up to three times: a duplicate message is better than a lost one."""
        again = Retry(
            total=2,
            backoff_factor=0.5 * self.backoff,
            status_forcelist=_LATER,
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=2,  # a sensor has 60 seconds for all of its work
        )
        with requests.Session() as http:
            for scheme in ("https://", "http://"):
                http.mount(scheme, HTTPAdapter(max_retries=again))
            try:
                answer = http.post(self.url, json=message.payload, timeout=_HTTP_TIMEOUT, allow_redirects=False)
            except requests.RequestException as error:  # the text of the error contains the address
                raise TransientError(
                    f"The webhook of CDR_ALARM_WEBHOOK did not answer ({type(error).__name__}); try again later."
                ) from None
        if not 200 <= answer.status_code < 300:
            family = TransientError if answer.status_code in _LATER else PermanentError
            raise family(f"The webhook answered with HTTP {answer.status_code}; check CDR_ALARM_WEBHOOK.")
        return ""


@dataclass(frozen=True)
class Mail:
    """Mail through the server at ``url``: smtps://, or smtp:// with STARTTLS where the server offers it."""

    url: str = field(repr=False)
    sender: str
    to: tuple[str, ...]

    @property
    def secrets(self) -> set[str]:
        """The address of the server and the password in it."""
        return secrets_in(self.url)

    def send(self, message: Message) -> str:
        """Give the message to the server for all recipients."""
        try:
            refused = self._hand_over(self._mail(message))
        except smtplib.SMTPResponseException as error:
            family = TransientError if 400 <= error.smtp_code < 500 else PermanentError
            raise family(
                f"The mail server answered {error.smtp_code} ({type(error).__name__}); check CDR_SMTP_URL."
            ) from None
        except OSError as error:  # the base class of smtplib's errors
            lasting = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPNotSupportedError)
            family = PermanentError if lasting else TransientError
            raise family(f"The mail server could not be used ({type(error).__name__}); check CDR_SMTP_URL.") from None
        except ValueError as error:
            raise PermanentError(
                f"The mail could not be written ({type(error).__name__}); check CDR_ALARM_EMAIL_FROM."
            ) from None
        return (
            f"The mail server refused {refused} of {len(self.to)} recipients; check CDR_ALARM_EMAIL_TO."
            if refused
            else ""
        )

    def _hand_over(self, mail: EmailMessage) -> int:
        parts = urlsplit(self.url)
        encrypted = parts.scheme == "smtps"
        secure = ssl.create_default_context()
        connect = partial(smtplib.SMTP_SSL, context=secure) if encrypted else smtplib.SMTP
        server = connect(parts.hostname or "", parts.port or (465 if encrypted else 587), timeout=_SMTP_TIMEOUT)
        try:
            server.ehlo()
            if not encrypted and server.has_extn("starttls"):
                server.starttls(context=secure)
                encrypted = True
            if parts.username:
                if not encrypted:
                    raise PermanentError(
                        "The mail server offers no encryption, so the password was not sent to it; use smtps://."
                    )
                server.login(unquote(parts.username), unquote(parts.password or ""))
            return len(server.send_message(mail))
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = f"[cdr] {message.title}"
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.to)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        mail.set_content(message.text)
        return mail
