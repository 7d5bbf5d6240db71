"""Parts of the documentation that are generated from the product: the settings.

``python -m tests.shape.generated`` writes them; a test compares them.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
NEEDED = "DIDWW_API_KEY"
"""The one setting without a default that works."""

OF_DAGSTER = "| `DAGSTER_HOME` | | Dagster's own folder. Default: `dagster_home` in the data directory. |"
_HEAD = "# Copy this file to .env. A setting that stays commented out has the default that is shown here.\n"


def fields() -> Mapping[str, FieldInfo]:
    """Every setting by name: those of the class itself first, then those that it inherits."""
    own = Settings.__annotations__
    ordered = sorted(Settings.model_fields.items(), key=lambda item: item[0] not in own)
    return {name.upper(): field for name, field in ordered}


def default_of(field: FieldInfo) -> str:
    """The default as text that the setting accepts; a secret has none."""
    default = field.default
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return ",".join(default) if isinstance(default, tuple) else str(default)


def table() -> str:
    """The settings as a table of Markdown."""
    rows = [f"| `{name}` |{_code(default_of(field))} | {field.description} |" for name, field in fields().items()]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows, OF_DAGSTER])


def example() -> str:
    """The text of ``.env.example``."""
    return "\n".join([_HEAD, *_entries()])


def _entries() -> Iterator[str]:
    for name, field in fields().items():
        sign = "" if name == NEEDED else "#"
        yield f"# {str(field.description).replace('`', '')}\n{sign}{name}={default_of(field)}\n"


def _code(text: str) -> str:
    return f" `{text}`" if text else ""


def filled(page: str, name: str, content: str) -> str:
    """The page with new content between ``<!-- name -->`` and ``<!-- /name -->``."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    assert page.count(begin) == page.count(end) == 1, name
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{content}\n{end}", page, flags=re.DOTALL)


def documents() -> dict[Path, str]:
    """What each file with generated parts should hold."""
    settings = ROOT / "docs" / "settings.md"
    return {
        settings: filled(settings.read_text("utf-8"), "settings", table()),
        ROOT / ".env.example": example(),
    }


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, "utf-8")
