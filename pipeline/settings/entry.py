"""How one vendor lets us in, whatever vendor it is."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Entry(BaseSettings):
    """What the environment says of a vendor, each after its name: ``REBILLY_API_KEY`` and the like."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    api_key: SecretStr = SecretStr("")
    api_url: str = ""
    api_version: str = ""
    token_url: str = ""
    callback_url: str = ""
