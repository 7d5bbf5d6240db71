"""The settings are documented from their own definitions."""

import re
from pathlib import Path

import pytest

from pipeline.settings import Settings
from tests.shape.generated import NEEDED, ROOT, default_of, documents, fields

EXAMPLE = ROOT / ".env.example"


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in fields():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == documents()[path], "run `make generated`"


def test_every_setting_is_described_in_a_sentence() -> None:
    for name, field in fields().items():
        text = field.description or ""
        assert re.match(r"[A-Z0-9].*\.$", text), name
        assert "|" not in text, name
        assert all(len(sentence.split()) <= 25 for sentence in text.split(". ")), name


def test_the_example_changes_nothing_but_the_key() -> None:
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)
    said = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert said == [f"{NEEDED}="]


def test_every_default_of_the_example_can_be_written_as_it_stands(tmp_path: Path) -> None:
    written = re.sub(r"^#(?=[A-Z_]+=)", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    file = tmp_path / "all.env"
    file.write_text(written, "utf-8")
    assert set(re.findall(r"^([A-Z_]+)=", written, re.MULTILINE)) == set(fields())
    assert Settings(_env_file=file) == Settings(_env_file=None)


def test_no_secret_has_a_default_that_could_be_shown() -> None:
    for name, field in fields().items():
        if "secret" in str(field.annotation).lower():
            assert default_of(field) == "", name
