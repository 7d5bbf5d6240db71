import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalise.schema import RECORD_TYPES, Kind
from pipeline.privacy.masking import masked
from pipeline.privacy.personal import NAME, NUMBERS

HARMLESS = {
    "status", "disconnect_code", "disconnect_reason", "disconnect_initiator", "trunk_name", "trunk_group",
    "capacity_group", "destination_country", "network", "call_type", "call_id", "did_number",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "column", "shown"),
    [
        ("442071234567", "source_number", "442071xxxxxx"),
        ("+44 20 7123 4567", "source_number", "+44 20 71xx xxxx"),
        ("020 7123 4567", "cli", "020 712x xxxx"),
        ("112", "destination_number", "xxx"),
        ("anonymous", "source_number", "anonymous"),
        ("sip:442071234567@pbx.example.com:5060", "destination", "sip:442071xxxxxx@pbx.example.com:5060"),
        ("sip:1001@10.0.0.1:5060", "destination", "sip:xxxx@10.0.0.1:5060"),
        ("called 442071234567 twice", "disconnect_reason", "called 442071xxxxxx twice"),
        ("Jane Doe", "source_name", "J…"),
        ("442071234567", "source_name", "442071xxxxxx"),
        ('{"Caller": "Jane"}', "extra", "…"),
        ("2026-10-01,Jane,442071234567", "raw_line", "…"),
        ("c3967dae-74f1-4be0-ab27-ae9224486943", "export_id", "c3967dae-74f1-4be0-ab27-ae9224486943"),
        ("adcccd6fd31234567ada01e242", "call_id", "adcccd6fd31234567ada01e242"),
        ("cdr/main/cdr_in/2026-10/20261121T115954", "reference", "cdr/main/cdr_in/2026-10/20261121T115954"),
        ('{"cost_usd": "12345.678900"}', "control_totals", '{"cost_usd": "12345.678900"}'),
        ("487", "disconnect_code", "487"),
    ],
)
def test_a_cell_shows_what_it_is_and_not_whom(text: str, column: str, shown: str) -> None:
    assert masked(text, column, 6) == shown


def test_a_name_is_hidden_under_any_name_of_its_column() -> None:
    assert masked("Jane Doe", "caller", 6, {"caller"}) == "J…"


@given(
    st.text(),
    st.from_regex(r"\d{7,15}", fullmatch=True),
)
def test_no_number_survives_whatever_stands_around_it(around: str, number: str) -> None:
    assert number not in masked(f"{around[:5]} {number} {around[5:]}", "disconnect_reason", 6)


@pytest.mark.parametrize(("prefix", "shown"), [(0, "xxxxxxxxxxxx"), (6, "442071xxxxxx"), (9, "4420712xxxxx")])
def test_no_more_digits_are_shown_than_a_pseudonym_shows(prefix: int, shown: str) -> None:
    assert masked("442071234567", "source_number", prefix) == shown


def test_every_text_column_of_the_records_is_known_to_be_personal_or_harmless() -> None:
    for columns in RECORD_TYPES.values():
        text = {column.name for column in columns if column.kind is Kind.TEXT}
        assert text <= {NAME} | NUMBERS | HARMLESS
        assert not HARMLESS & ({NAME} | NUMBERS)
