"""The datasets of an installation: DIDWW's record types, and the entries of the file of exports.

An entry becomes assets, checks and the table ``<vendor>_<resource>``. It needs no code.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.settings import Settings

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN = "_rejected"
"""The suffix of the tables of rejected records."""


class _Entry(BaseModel):
    """One ``[[export]]`` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vendor: str
    resource: str
    name: str = ""
    window: str = ""
    format: str = ""
    fields: dict[str, str] = {}
    filters: dict[str, Any] = {}
    options: dict[str, Any] = {}
    personal: frozenset[str] = frozenset()

    def dataset(self) -> Dataset:
        """Return the declared dataset; raises ``PermanentError`` where its name cannot be the name of a table."""
        name = f"{self.vendor}_{self.name or self.resource}".lower().replace("-", "_")
        if not _NAME.fullmatch(name) or name.endswith(_TAKEN):
            raise PermanentError(f"{name!r} cannot be a table; give that export another name of letters and digits.")
        options = {**({"format": self.format} if self.format else {}), **self.options}
        return Dataset(name, self.vendor, self.resource, self.fields, self.window, self.filters, options, self.personal)


def record_types(names: Iterable[str]) -> dict[str, Dataset]:
    """Return DIDWW's record types as datasets. They are requested whole, so nothing is declared about them."""
    return {name: Dataset(name, "didww", name) for name in names}


def datasets(settings: Settings) -> dict[str, Dataset]:
    """Return every dataset of the installation by the name of its table."""
    found = record_types(settings.cdr_record_types)
    for dataset in _declared(settings.cdr_exports):
        if dataset.name in found:
            raise PermanentError(
                f"{settings.cdr_exports} declares {dataset.name} twice; give one of its exports another name."
            )
        found[dataset.name] = dataset
    if not found:
        raise PermanentError(
            f"No dataset is configured: CDR_RECORD_TYPES is `none` and {settings.cdr_exports} is empty; set one."
        )
    return found


def _declared(path: Path) -> list[Dataset]:
    """Return the datasets that a file declares; an empty list where the file does not exist."""
    if not path.exists():
        return []
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = content.pop("export", [])
        if content or not isinstance(entries, list):
            raise PermanentError(f"{path} contains something other than [[export]] entries; correct it.")
        return [_Entry.model_validate(entry).dataset() for entry in entries]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PermanentError(f"{path} cannot be read ({error}); correct it.") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise PermanentError(f"{path} cannot be used: {wrong}; correct it.") from None
