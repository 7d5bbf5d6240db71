"""Read all settings: typed, with secrets hidden, and with one sentence about all that is wrong."""

import os
import unicodedata
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from pipeline.addresses import is_plain, names_host
from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.settings.alarms import AlarmSettings
from pipeline.settings.renamed import refuse_old_names
from pipeline.settings.vendor import VendorSettings

CALLS = ("cdr_in", "cdr_out")
"""The record types of calls, which marts are made of."""

RECORD_TYPES = (*CALLS, "sms_in", "sms_out")

_SHORTEST_KEY = 32


class Settings(AlarmSettings):
    """Every setting of the product; the README lists the same names."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    didww_api_key: SecretStr = Field(SecretStr(""), description="Key of your DIDWW account. Nothing shows or logs it.")
    didww_api_url: str = Field("https://api.didww.com/v3", description="Base address of DIDWW's API, ending in `/v3`.")
    didww_api_version: str = Field(
        "2026-04-16", description="API version to request. `cdr doctor` shows the version that is served."
    )
    didww_token_url: str = Field(
        "", description="Address that exchanges the key for a token (version 2026-11-19). Default: beside the API."
    )
    didww_callback_url: str = Field(
        "", description="Address that DIDWW calls when an export is completed, as DIDWW sees that address."
    )
    didww_callback_secret: SecretStr = Field(
        SecretStr(""), description="Callback secret from DIDWW's panel. Callbacks without its signature are refused."
    )
    cdr_data_dir: Path = Field(Path("data"), description="Folder of the archive, the lake and `warehouse.duckdb`.")
    cdr_record_types: Annotated[tuple[str, ...], NoDecode] = Field(
        CALLS, description="DIDWW's record types to keep, separated by commas: also `sms_in`, `sms_out`; or `none`."
    )
    cdr_exports: Path = Field(
        Path("exports.toml"), description="File that declares further monthly exports: of other vendors, or filtered."
    )
    cdr_start_month: str = Field(
        "", description="First month in the UI, such as 2026-01. Default: the oldest that is kept or can be requested."
    )
    cdr_poll_seconds: int = Field(30, ge=1, description="Seconds between two readings of a vendor's list.")
    cdr_export_deadline_hours: float = Field(
        24,
        gt=0,
        allow_inf_nan=False,
        description="Hours after which an unfinished export is given up and requested again, three times in all.",
    )
    cdr_max_download_gb: float = Field(
        64, gt=0, allow_inf_nan=False, description="Largest size of one file, in gigabytes as served."
    )
    cdr_max_download_hours: float = Field(
        6, gt=0, allow_inf_nan=False, description="Longest download of one file, in hours."
    )
    cdr_max_shrink_share: float = Field(
        0.01, ge=0, le=1, description="Largest share of a month's rows that a new export may remove without `--force`."
    )
    cdr_max_rejected_share: float = Field(
        0.01, ge=0, le=1, description="Largest share of a file's records that may be rejected; 10 of a small file may."
    )
    cdr_history_days: int = Field(92, ge=7, description="Days for which earlier versions of a month stay readable.")
    cdr_installation: str = Field(
        "main",
        pattern=r"^[A-Za-z0-9_-]{1,40}$",
        description="Name of this archive in the vendor's list. Two archives on one account need two names.",
    )
    cdr_run_history_days: int = Field(
        90, ge=1, description="Days for which the UI keeps runs. The newest run of each month stays."
    )
    cdr_ui_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Host names under which a proxy serves the UI, separated by commas, without scheme and port."
    )
    cdr_pseudonym_key: SecretStr = Field(
        SecretStr(""),
        description="Secret of at least 32 characters. With it, numbers and names are published as pseudonyms.",
    )
    cdr_pseudonym_digits: int = Field(6, ge=0, le=9, description="Leading digits of a number that its pseudonym shows.")
    cdr_call_retention_months: int = Field(
        0, ge=0, description="Months for which calls are kept after the end of their month; 0 keeps them without limit."
    )
    cdr_aggregate_retention_months: int = Field(
        0, ge=0, description="The same for tables that hold sums only; not shorter. 0 keeps them without limit."
    )

    @field_validator("didww_api_url", "didww_token_url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        if url and not is_plain(url):
            raise ValueError("must begin with https:// and name a host, in ASCII and without a user")
        return url.rstrip("/")

    @field_validator("didww_callback_url")
    @classmethod
    def _callable(cls, url: str) -> str:
        if url and not (names_host(url, {"https", "http"}) and urlsplit(url).path):
            raise ValueError("must begin with https://, name a host, and have a path")
        return url

    @field_validator("cdr_record_types", mode="before")
    @classmethod
    def _known(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        if value == "none":
            return ()
        names = tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else tuple(value)
        unknown = [name for name in names if name not in RECORD_TYPES]
        if unknown or not names:
            raise ValueError(
                f"unknown record type {', '.join(map(repr, unknown))}; known are {', '.join(RECORD_TYPES)}"
            )
        return tuple(dict.fromkeys(names))

    @field_validator("cdr_ui_hosts", mode="before")
    @classmethod
    def _names(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        names = tuple(name.strip() for name in names if name.strip())
        if any(not is_plain(f"https://{name}:443/") or "/" in name for name in names):
            raise ValueError("must be names alone, such as calls.example.com: no https://, port or path")
        return names

    @field_validator("cdr_start_month")
    @classmethod
    def _month(cls, text: str) -> str:
        try:
            return str(Month.parse(text)) if text else text
        except PermanentError as error:
            raise ValueError(str(error)) from error

    @field_validator("cdr_pseudonym_key")
    @classmethod
    def _long(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(f"must have {_SHORTEST_KEY} characters or more, such as those of `openssl rand -hex 32`")
        return key

    @field_validator("cdr_call_retention_months", "cdr_aggregate_retention_months", mode="before")
    @classmethod
    def _or_no_limit(cls, value: object) -> object:
        return value or 0

    @field_validator("cdr_aggregate_retention_months")
    @classmethod
    def _after_the_calls(cls, months: int, info: ValidationInfo) -> int:
        if months and not 0 < info.data.get("cdr_call_retention_months", months) <= months:
            raise ValueError("must not be shorter than CDR_CALL_RETENTION_MONTHS, from which sums are made")
        return months

    @field_validator("cdr_data_dir", "cdr_exports")
    @classmethod
    def _resolved(cls, path: Path) -> Path:
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in str(path)):
            raise ValueError("must hold no line break or other control character, and be UTF-8")
        return path.expanduser().absolute()

    def of_vendor(self, vendor: str) -> VendorSettings:
        """Return the settings of a vendor, such as ``<VENDOR>_API_KEY``; they are found by its name."""
        prefix = f"{vendor}_"
        own = {name.removeprefix(prefix): value for name, value in self if name.startswith(prefix)}
        given = {name: value for name, value in own.items() if name in VendorSettings.model_fields}
        return VendorSettings(_env_prefix=prefix, **given)

    def environment(self) -> dict[str, str]:
        """Return the environment of a child process, which has secrets in it."""
        written = {name.upper(): _written(value) for name, value in self.model_dump().items()}
        return {**written, "CDR_RECORD_TYPES": written["CDR_RECORD_TYPES"] or "none"}

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its runs: ``DAGSTER_HOME`` where it is set, else beside the data they made."""
        return Path(os.environ.get("DAGSTER_HOME") or self.cdr_data_dir / "dagster_home").absolute()


def load() -> Settings:
    """Return the settings of the environment and ``.env``; raise ``PermanentError`` with all that is wrong."""
    refuse_old_names(Settings)
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{str(item['loc'][0]).upper()}: {item['msg'].rstrip('.')}" for item in error.errors())
        raise PermanentError(f"The settings cannot be used: {wrong}. Correct the environment or .env.") from None


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)
