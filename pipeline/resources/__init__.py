"""The files that travel with the code: the SQL and Dagster's settings.

Both folders stand at the top of the repository; the links in this folder take them into the package.
"""

from importlib.resources import files
from pathlib import Path

from pipeline.errors import PermanentError

ROOT = Path(str(files(__name__)))


def resources(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a packaged folder whose names match the pattern, sorted; at least one.

    Raises:
        PermanentError: Nothing matches, so the installation lacks files.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise PermanentError(f"No {pattern} is installed in {folder}; install cdr-pipeline again.")
    return found
