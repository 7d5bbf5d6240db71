"""The laws of pseudonyms."""

import re

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.privacy.pseudonym import HIDDEN_DIGITS, Pseudonyms

MONTHS = st.sampled_from(["2026-09", "2026-10", "2026-11"])
NUMBERS = st.from_regex(r"\+?[0-9]{1,18}", fullmatch=True)
TEXTS = st.one_of(NUMBERS, st.text())
PREFIX = st.integers(0, 9)

KEY, OTHER_KEY = "k" * 32, "o" * 32


@given(TEXTS, MONTHS, PREFIX)
def test_a_pseudonym_is_the_same_all_month_and_never_the_text_itself(text: str, month: str, prefix: int) -> None:
    once, again = (Pseudonyms(KEY, prefix).of(month)(text) for _ in range(2))
    assert once == again != text


@given(TEXTS, MONTHS, MONTHS)
def test_months_and_keys_cannot_be_linked(text: str, month: str, other: str) -> None:
    token = Pseudonyms(KEY, 6).of(month)(text)[-12:]
    assert Pseudonyms(OTHER_KEY, 6).of(month)(text)[-12:] != token
    assume(month != other)
    assert Pseudonyms(KEY, 6).of(other)(text)[-12:] != token


@given(NUMBERS, MONTHS, PREFIX)
def test_first_digits_and_length_of_a_number_stay_and_no_more(number: str, month: str, prefix: int) -> None:
    shown, _, token = Pseudonyms(KEY, prefix).of(month)(number).partition("#")
    digits = number.removeprefix("+")
    kept = re.findall("[0-9]", shown)
    assert len(shown) == len(number)
    assert digits.startswith("".join(kept))
    assert shown == number[: len(number) - len(digits)] + "".join(kept) + "x" * (len(digits) - len(kept))
    assert len(kept) == max(0, min(prefix, len(digits) - HIDDEN_DIGITS))
    assert re.fullmatch("[a-p]{12}", token)


@given(st.text(), MONTHS)
def test_what_is_no_number_shows_nothing_at_all(text: str, month: str) -> None:
    assume(not re.fullmatch(r"\+?[0-9]+", text))
    assert re.fullmatch("#[a-p]{12}", Pseudonyms(KEY, 6).of(month)(text))


@given(st.sets(TEXTS, max_size=200), MONTHS)
def test_as_many_pseudonyms_as_there_are_texts(texts: set[str], month: str) -> None:
    names = Pseudonyms(KEY, 6).of(month)
    assert len({names(text) for text in texts}) == len(texts)


def test_the_ways_to_write_a_number_share_their_token() -> None:
    names = Pseudonyms(KEY, 6).of("2026-10")
    tokens = {names(text).partition("#")[2] for text in ("442079460001", "+442079460001", "00442079460001")}
    assert len(tokens) == 1


def test_a_column_is_its_cells_one_by_one_and_null_stays_null() -> None:
    names = Pseudonyms(KEY, 6).of("2026-10")
    cells = ["442079460001", None, "anonymous", "442079460001", ""]
    found = names.column(pa.chunked_array([cells[:2], cells[2:]])).to_pylist()
    assert found == [None if cell is None else names(cell) for cell in cells]
    extra = pa.chunked_array(
        [pa.array([[("new", "442079460001")], None, [("new", None)]], pa.map_("string", "string"))]
    )
    assert names.column(extra).to_pylist() == [[("new", names("442079460001"))], None, [("new", None)]]


@pytest.mark.parametrize("prefix", [0, 6])
def test_the_print_tells_keys_and_prefixes_apart_and_holds_no_key(prefix: int) -> None:
    fingerprints = {Pseudonyms(key, prefix).fingerprint for key in (KEY, OTHER_KEY)} | {Pseudonyms(KEY, 3).fingerprint}
    assert len(fingerprints) == 3
    assert KEY not in "".join(fingerprints)
