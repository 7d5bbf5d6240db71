"""The version has one source, and the changelog says what each release changed."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    newest, *_ = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)
    assert project["version"] == newest


def test_the_changelog_is_kept_as_it_says() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    days = [heading.partition(" - ")[2] for heading in headings[1:]]
    assert days == sorted(days, reverse=True)
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= KINDS


def test_the_version_stands_nowhere_else() -> None:
    modules = (ROOT / "pipeline").rglob("*.py")
    assert [
        path.name for path in modules if re.search(r"__version__ *=|cdr-pipeline/\d", path.read_text("utf-8"))
    ] == []


def test_the_license_is_the_one_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license-files"] == ["LICENSE"]
    assert (ROOT / "LICENSE").read_text("utf-8").startswith(f"{project['license']} License\n")


def test_each_decision_has_a_context_a_decision_and_consequences() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    index = (folder / "index.md").read_text("utf-8")
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        text = path.read_text("utf-8")
        assert re.findall(r"\*\*(\w+)\.\*\*", text)[:3] == ["Context", "Decision", "Consequences"], path.name
        assert 10 <= len(text.splitlines()) <= 25, path.name
        title = text.splitlines()[0].removeprefix("# ")
        assert f"[{title}]({path.name})" in index
