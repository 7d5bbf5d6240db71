"""The vendors that can be asked, made from the settings: one line each."""

from pipeline.export.didww import Didww
from pipeline.export.pace import Pace
from pipeline.export.protocol import ExportVendor
from pipeline.settings import Settings


def didww(settings: Settings) -> ExportVendor:
    """DIDWW, asked no faster than it allows one key."""
    key = settings.didww_api_key
    return Didww(settings.didww_api_url, key, settings.didww_api_version, pace=Pace(key.get_secret_value()))
