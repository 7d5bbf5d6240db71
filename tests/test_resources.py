from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.defs import home
from pipeline.errors import PermanentError
from pipeline.resources import resources
from pipeline.settings import Settings
from pipeline.warehouse import queries


def test_resources_are_sorted_by_name(tmp_path: Path) -> None:
    for name in ("b.sql", "a.sql", "a.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in resources(tmp_path, "*.sql")] == ["a.sql", "b.sql"]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: None], ids=["no link", "empty", "missing"])
def test_a_missing_resource_is_an_error_and_never_an_empty_list(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sql"
    make(folder)
    monkeypatch.setattr(queries, "SQL_FOLDER", folder)
    for read in (lambda: queries.load("marts"), queries.seeds):
        with pytest.raises(PermanentError, match=r"is installed in .*; install cdr-pipeline again"):
            read()


def test_a_home_is_not_made_without_the_settings_of_the_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "_PRODUCT_HOME", tmp_path / "nowhere")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    with pytest.raises(PermanentError, match=r"No dagster\.yaml is installed in "):
        home.prepare_home(Settings(cdr_data_dir=tmp_path, _env_file=None))
    assert not (tmp_path / "home" / "dagster.yaml").exists()
