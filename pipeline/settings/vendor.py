"""The settings that every vendor has."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class VendorSettings(BaseSettings):
    """The settings of one vendor, whose names begin with its own: ``REBILLY_API_KEY``."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    api_key: SecretStr = SecretStr("")
    api_url: str = ""
    api_version: str = ""
    token_url: str = ""
    callback_url: str = ""
