"""The vendor of docs/adding-a-vendor.md, taken out of that page and put into its place."""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pipeline.export
import pipeline.normalise

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-vendor.md"
NAME = "hollerline"

_PACKAGES = {"export": pipeline.export, "normalise": pipeline.normalise}
_BLOCK = re.compile(r"^## [^\n]*`(?P<path>[\w./]+)`\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> dict[str, str]:
    """The files that the page shows, each under the path that its heading names."""
    return {found["path"]: found["text"] for found in _BLOCK.finditer(PAGE.read_text("utf-8"))}


def modules() -> dict[str, str]:
    """Those that are the vendor: how to ask and how to read."""
    return {path: text for path, text in blocks().items() if path.startswith("pipeline/")}


def write_modules(folder: Path) -> list[Path]:
    """Write them below a folder, as ``export/<vendor>.py`` and ``normalise/<vendor>.py``."""
    written = []
    for path, text in modules().items():
        file = folder / Path(path).relative_to("pipeline")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written.append(file)
    return written


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """The vendor as if its two files stood in the product; nothing of it remains afterwards."""
    write_modules(folder)
    for step, package in _PACKAGES.items():
        package.__path__.append(str(folder / step))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for step, package in _PACKAGES.items():
            package.__path__.remove(str(folder / step))
            sys.modules.pop(f"{package.__name__}.{NAME}", None)
            vars(package).pop(NAME, None)
