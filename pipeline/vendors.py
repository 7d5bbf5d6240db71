"""Find a vendor by its name: ``export/<vendor>.py`` requests exports, ``normalise/<vendor>.py`` reads their files."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.export.protocol import Credentials, ExportVendor
from pipeline.export.rate_limiter import RateLimiter
from pipeline.normalise.table import Table, sound
from pipeline.settings import Settings


def vendor(name: str, settings: Settings) -> ExportVendor:
    """Return the client of a vendor with the credentials of the settings, limited to the rate of one key."""
    module, own = _module("export", name), settings.of_vendor(name)
    credentials = Credentials(
        url=own.api_url or module.URL,
        key=own.api_key,
        setting=f"{name}_API_KEY".upper(),
        version=own.api_version,
        token_url=own.token_url,
        callback_url=own.callback_url,
    )
    made: ExportVendor = module.Vendor(credentials, limiter=RateLimiter(own.api_key.get_secret_value()))
    return made


def months_kept(name: str) -> int | None:
    """Return how many months the vendor keeps, the running one included; None for no limit."""
    kept: int | None = _module("export", name).Vendor.months_kept
    return kept


def table(dataset: Dataset) -> Table:
    """Return how the rows of a dataset are typed."""
    made: Table = _module("normalise", dataset.vendor).table(dataset)
    return sound(made, dataset.name)


def _module(step: str, name: str) -> ModuleType:
    path = f"pipeline.{step}.{name}"
    if not name.isidentifier() or find_spec(path) is None:
        raise PermanentError(f"The vendor {name!r} is not known: there is no {step}/{name}.py; correct its name.")
    return import_module(path)
