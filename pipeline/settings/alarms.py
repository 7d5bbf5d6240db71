"""The settings of alarms."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from pipeline.addresses import names_host

_MAIL_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


class AlarmSettings(BaseSettings):
    """The channels of alarms; without a channel no alarm is sent."""

    cdr_alarm_webhook: SecretStr = Field(
        SecretStr(""),
        description="Address that receives alarms as JSON by POST: Slack, Mattermost or any reader of `text`.",
    )
    cdr_alarm_email_to: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Mail addresses that receive alarms, separated by commas."
    )
    cdr_alarm_email_from: str = Field("", description="Sender of those mails.")
    cdr_smtp_url: SecretStr = Field(
        SecretStr(""),
        validate_default=True,
        description="Mail server: `smtps://user:password@host`, or `smtp://` (port 587, STARTTLS). Write `%` and "
        "`@` in it as `%25` and `%40`.",
    )

    @field_validator("cdr_alarm_webhook")
    @classmethod
    def _postable(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not names_host(url.get_secret_value(), {"https", "http"}):
            raise ValueError("must begin with https:// and name a host")
        return url

    @field_validator("cdr_alarm_email_to", mode="before")
    @classmethod
    def _separated(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))

    @field_validator("cdr_alarm_email_to", "cdr_alarm_email_from")
    @classmethod
    def _mailable(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        addresses = (value,) if isinstance(value, str) else value
        if not all(_MAIL_ADDRESS.fullmatch(address) for address in addresses if address):
            raise ValueError("must be a mail address such as ops@example.com")
        return value

    @field_validator("cdr_smtp_url")
    @classmethod
    def _mailing_is_whole(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        if url.get_secret_value() and not names_host(url.get_secret_value(), {"smtps", "smtp"}):
            raise ValueError("must be like smtps://user:password@host, or smtp:// and the same for STARTTLS")
        others = ("cdr_alarm_email_to", "cdr_alarm_email_from")
        missing = [name.upper() for name in others if not info.data.get(name, "refused")]
        if url and missing:
            raise ValueError(f"mails also need {' and '.join(missing)}")
        if not url and len(missing) < len(others):
            raise ValueError("mails need a server to go through, such as smtps://user:password@host")
        return url
