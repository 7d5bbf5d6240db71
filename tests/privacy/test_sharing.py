"""With a key, no number and no name is in anything that analysts are given."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from pipeline.errors import PermanentError
from pipeline.normalise.schema import RECORD_TYPES
from pipeline.operations.pseudonymise import shared_tables
from pipeline.operations.wiring import Operations
from pipeline.privacy.personal import PERSONAL
from pipeline.sandbox import Fault, Sandbox
from tests.integration.totals import MONTHS, bring_in
from tests.privacy.conftest import PSEUDONYM_KEY, Bring, Opened, ask, dumped

pytestmark = pytest.mark.slow

NAMED = {"cdr_pseudonym_key": SecretStr(PSEUDONYM_KEY)}


def callers(operations: Operations) -> set[str]:
    """Every number and name of a person that the lake holds, long enough not to be found by chance."""
    found: set[str] = set()
    for table, known in RECORD_TYPES.items():
        columns = [column.name for column in known if column.name in PERSONAL - {"extra"}]
        for files in operations.place.lake.files(table).values():
            for file in files:
                for column in pq.read_table(file, columns=columns, partitioning=None).columns:
                    found |= {cell for cell in column.to_pylist() if cell and len(cell) > 6}
    return found


def test_nothing_that_is_published_shows_who_called(
    opened: Opened, bring: Bring, vendor: Sandbox, tmp_path: Path
) -> None:
    vendor.add_records("cdr_in", rings())
    vendor.add_records("cdr_out", scan())
    vendor.faults.inject(Fault.RAGGED_ROW, times=1)
    clear = opened()
    bring(clear)
    everyone = callers(clear)
    own = {row[0] for row in ask(clear, "SELECT did_number FROM cdr_in UNION SELECT destination FROM cdr_in")}
    totals = (
        "SELECT month, count(*), count(DISTINCT source_number), sum(total_usd) FROM cdr_in GROUP BY month ORDER BY 1"
    )
    before = ask(clear, totals)
    for shown in ("rejected_rows", "marts.top_callers", "marts.watch_wangiri", "marts.watch_scans"):
        assert ask(clear, f"SELECT count(*) > 0 FROM {shown}") == [(True,)], shown

    named = opened(**NAMED)
    assert not named.publisher.is_published()
    named.rebuilder.refresh()
    assert named.publisher.is_published()
    said = dumped(named.place.warehouse)
    words = set(re.findall(r"'((?:[^'\\]|\\.)*)'", said))
    assert not (everyone - own) & words
    assert not [text for text in everyone - own if len(text) > 9 and text in said]
    assert str(tmp_path / "data" / "lake") not in ask_views(named)
    assert ask(named, totals) == before
    # what needs all digits is found before they are hidden
    assert ask(named, "SELECT source_range FROM marts.watch_wangiri")[0][0].startswith("8821xxxxx#")


def rings() -> list[dict[str, str]]:
    """A range of callers that ring all our numbers once."""
    return [
        {
            "Date/Time Start (UTC)": f"2026-10-05 10:00:{second:02d}",
            "Source": f"88216134{second:04d}",
            "Source Name": f"Caller of ring {second}",
            "Destination DID": f"4420794690{second:02d}",
            "Attempt": "1",
            "Call ID": f"ring-{second}",
        }
        for second in range(60)
    ]


def scan() -> list[dict[str, str]]:
    """A caller who tries one number after the other."""
    return [
        {
            "Date/Time Start (UTC)": f"2026-10-06 10:{call // 60:02d}:{call % 60:02d}",
            "Source": "441632960777",
            "Destination Number": f"4416329{call:05d}",
            "Call ID": f"scan-{call}",
        }
        for call in range(120)
    ]


def ask_views(operations: Operations) -> str:
    return str(ask(operations, "SELECT sql FROM duckdb_views() WHERE NOT internal"))


def test_callers_can_be_followed_within_a_month_and_not_into_the_next(
    opened: Opened, bring: Bring, vendor: Sandbox
) -> None:
    for month in ("2026-10", "2026-11"):
        for day in ("03", "04"):
            start = f"{month}-{day} 10:00:00"
            vendor.add_records("cdr_in", [{"Date/Time Start (UTC)": start, "Source": "442079460001", "Call ID": start}])
    named = opened(**NAMED)
    bring(named)
    rows = ask(named, "SELECT month, source_number FROM cdr_in WHERE call_id LIKE '2026-%10:00:00' ORDER BY call_id")
    [first, second, third, fourth] = [number for _, number in rows]
    assert first == second != third == fourth
    assert {number[:13] for _, number in rows} == {"442079xxxxxx#"}


def test_what_did_not_change_is_not_copied_again_and_another_key_copies_all(opened: Opened, bring: Bring) -> None:
    named = opened(**NAMED)
    bring(named)
    first = {table: named.place.copies.files(table) for table in shared_tables(RECORD_TYPES)}
    named.rebuilder.refresh()
    assert {table: named.place.copies.files(table) for table in shared_tables(RECORD_TYPES)} == first
    other = opened(cdr_pseudonym_key=SecretStr(PSEUDONYM_KEY[::-1]))
    assert not other.publisher.is_published()
    other.rebuilder.refresh()
    second = {table: other.place.copies.files(table) for table in shared_tables(RECORD_TYPES)}
    assert all(first[table][month] != files for table, months in second.items() for month, files in months.items())


def test_a_forgotten_key_does_not_bare_the_numbers(opened: Opened, bring: Bring) -> None:
    named = opened(**NAMED)
    bring(named)
    published = named.place.warehouse.read_bytes()
    with pytest.raises(PermanentError, match="CDR_PSEUDONYM_KEY is not set"):
        opened().publisher.publish()
    assert named.place.warehouse.read_bytes() == published


def test_what_was_known_then_is_shown_under_pseudonyms_too(opened: Opened, tmp_path: Path) -> None:
    named = opened(**NAMED)
    bring_in(named, "cdr_in", MONTHS[0])
    named.rebuilder.refresh()
    then = tmp_path / "then.duckdb"
    Operations(named.settings, as_of=datetime(9998, 1, 1, tzinfo=UTC)).publisher.publish(then)
    said = dumped(then)
    assert "#" in said
    assert not [text for text in callers(named) if len(text) > 9 and text in said]
