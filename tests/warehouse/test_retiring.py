"""What was made under a name that no SQL has any more: shown under the new name, or gone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.warehouse import lake as lakes
from pipeline.warehouse.history import retain, retained_months, retire
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.publish import PublishSpec, fingerprint, publish
from pipeline.warehouse.queries import models
from tests.warehouse.conftest import CALLS, build

MONTH, FORMER = "2026-10", "marts.capacity_adviser"
NAMES = [query.name for query in models()]
WHAT_IF = next(query for query in models() if query.formerly)


@pytest.fixture
def built(lake: Lake, put: Callable[..., Path], call: Callable[..., dict[str, Any]]) -> Lake:
    """A month with every model, one of them under its former name."""
    for record_type in CALLS:
        cells = {"metered_usd": 1} if record_type == "cdr_in" else {}
        put(record_type, MONTH, [call(record_type, "2026-10-01 10:00:00", **cells)])
    for query in models():
        build(lake, replace(query, name=FORMER) if query == WHAT_IF else query, MONTH, CALLS)
    return lake


def test_a_table_of_a_former_name_is_shown_no_more_and_deleted_after_the_grace(
    built: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WHAT_IF.formerly == FORMER
    [old] = built.files(FORMER)[MONTH]
    before = {name: built.files(name) for name in (*NAMES, *CALLS)}
    retire(built, NAMES)
    built.vacuum(timedelta(days=30))
    assert built.files(FORMER) == {}
    assert old.exists()  # an analyst may still read it
    monkeypatch.setattr(lakes, "GRACE", timedelta(0))
    built.vacuum(timedelta(days=30))
    retire(built, NAMES)
    assert not old.exists()
    assert FORMER not in built.tables()
    assert {name: built.files(name) for name in before} == before


def test_sums_that_were_kept_under_the_former_name_are_shown_under_the_new_one(
    built: Lake, tmp_path: Path, publish_spec: Callable[..., PublishSpec]
) -> None:
    root, target = tmp_path / "aggregates", tmp_path / "warehouse.duckdb"
    retain(built, FORMER, MONTH, root)
    retire(built, NAMES)
    shown = replace(publish_spec(), retained=retained_months(root))
    assert fingerprint(built, shown) != fingerprint(built, publish_spec())
    publish(target, built, shown)
    with duckdb.connect(str(target), read_only=True) as db:
        rows = db.execute(f"SELECT month, scope, metered_usd FROM {WHAT_IF.name} ORDER BY ALL").fetchall()
        assert rows == [(MONTH, "all", 1), (MONTH, "capacity_group", 1)]
        assert db.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'capacity_adviser'").fetchall() == [
            (0,)
        ]
