"""Refuse settings by their old names: an ignored retention would keep calls that must be deleted."""

from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource

from pipeline.errors import PermanentError

RENAMED = {
    "CDR_RETAIN_NUMBER_MONTHS": "CDR_CALL_RETENTION_MONTHS",
    "CDR_RETAIN_AGGREGATE_MONTHS": "CDR_AGGREGATE_RETENTION_MONTHS",
}
"""New names by old names."""


def refuse_old_names(settings: type[BaseSettings]) -> None:
    """Raise ``PermanentError`` if the environment or the ``.env`` of ``settings`` has a setting by its old name."""
    names = {*EnvSettingsSource(settings).env_vars, *DotEnvSettingsSource(settings).env_vars}
    given = {name.upper() for name in names}  # the sources write names in lower case
    old = [f"{name} is now {new}" for name, new in RENAMED.items() if name in given]
    if old:
        raise PermanentError(f"The settings cannot be used: {'; '.join(old)}. Correct the environment or .env.")
