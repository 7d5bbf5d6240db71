"""Find vendors by name: ``export/<vendor>.py`` has the API's client, ``normalise/<vendor>.py`` the files' tables."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.export.protocol import Credentials, ExportVendor
from pipeline.export.rate_limiter import RateLimiter
from pipeline.normalise.table import Table, checked_table
from pipeline.settings import Settings


def vendor(name: str, settings: Settings) -> ExportVendor:
    """Return the client of a vendor, with the credentials of the settings and the rate limit of its key."""
    module = _module("export", name)
    entry = settings.of_vendor(name)
    access = Credentials(
        url=entry.api_url or module.URL,
        key=entry.api_key,
        setting=f"{name}_API_KEY".upper(),
        version=entry.api_version,
        token_url=entry.token_url,
        callback_url=entry.callback_url,
    )
    made: ExportVendor = module.Vendor(access, limiter=RateLimiter(entry.api_key.get_secret_value()))
    return made


def months_kept(name: str) -> int | None:
    """Return how many months the vendor keeps, with the running one; None for a vendor that keeps all."""
    kept: int | None = _module("export", name).Vendor.months_kept
    return kept


def table(dataset: Dataset) -> Table:
    """Return the table definition of a dataset."""
    made: Table = _module("normalise", dataset.vendor).table(dataset)
    return checked_table(made, dataset.name)


def _module(step: str, name: str) -> ModuleType:
    path = f"pipeline.{step}.{name}"
    if not name.isidentifier() or find_spec(path) is None:
        raise PermanentError(f"The vendor {name!r} is not known: there is no {step}/{name}.py; correct its name.")
    return import_module(path)
