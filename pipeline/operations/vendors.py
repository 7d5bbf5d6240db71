"""The vendors that are spoken, found by name: ``export/<vendor>.py`` asks, ``normalise/<vendor>.py`` reads."""

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
    """A vendor as the settings let us in, asked no faster than one key may ask."""
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
    """How many months the vendor keeps, the running one among them; None where it forgets nothing."""
    kept: int | None = _module("export", name).Vendor.months_kept
    return kept


def table(dataset: Dataset) -> Table:
    """How the rows of a dataset are typed."""
    made: Table = _module("normalise", dataset.vendor).table(dataset)
    return checked_table(made, dataset.name)


def _module(step: str, name: str) -> ModuleType:
    path = f"pipeline.{step}.{name}"
    if not name.isidentifier() or find_spec(path) is None:
        raise PermanentError(f"The vendor {name!r} is not known: there is no {step}/{name}.py; correct its name.")
    return import_module(path)
