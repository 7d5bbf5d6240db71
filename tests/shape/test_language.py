"""The language is plain technical English: in docstrings, comments, messages, SQL headers and pages.

``python -m tests.shape.language`` lists every finding; ``tests/shape/language.toml`` has the rules.
"""

import ast
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.shape import language
from tests.shape.language import allowed, files, findings, folder
from tests.shape.prose import comments, markdown, sql, strings

LONG = " ".join(["word"] * 26)
FOLDERS = sorted({folder(path) for path in files()})
KINDS = {".py", ".sql", ".md"}


@cache
def found() -> dict[str, list[language.Finding]]:
    """The findings of each folder."""
    by_folder: dict[str, list[language.Finding]] = {name: [] for name in FOLDERS}
    for path in files():
        by_folder[folder(path)] += findings(path)
    return by_folder


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_has_no_more_findings_than_it_is_allowed(name: str) -> None:
    limits = allowed().get(name, {})
    for rule in ("phrase", "long", "args", "name"):
        those = [str(finding) for finding in found()[name] if finding.rule == rule]
        assert len(those) <= limits.get(rule, 0), "\n".join(those)


def test_only_folders_that_exist_are_allowed_anything() -> None:
    assert set(allowed()) <= set(FOLDERS)
    assert {path.suffix for path in files()} == KINDS
    assert len(files()) > 200


def test_an_allowance_is_never_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "allowed.toml"
    file.write_text('"pipeline/export" = { long = 2, phrase = 3 }\n"docs" = { long = 1 }\n', "utf-8")
    monkeypatch.setattr(language, "ALLOWANCES", file)
    now = {
        "pipeline/export": Counter(long=5, phrase=1, args=4),
        "docs": Counter(),
        "sql": Counter(long=1),
    }
    assert tomllib.loads(language.lower(now)) == {"pipeline/export": {"long": 2, "phrase": 1}}


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("Nobody is asked.", 1),
        ("Months are kept for ever, and asked for anew.", 2),
        ("It hastens the load, whoever rings.", 2),
        ("A sealed month is none.", 1),
        ("Months are kept without limit, and requested again.", 0),
        ("A nearby endeavour renewed.", 0),
    ],
)
def test_a_phrase_is_found_as_a_word_of_its_own(text: str, many: int) -> None:
    assert len(language.phrases(text)) == many


@pytest.mark.parametrize(
    ("text", "many"),
    [
        (LONG, 1),
        (f"{LONG.replace('word word', 'word', 1)}.", 0),
        (f"Short. {LONG}. Short.", 1),
        (f"{' '.join(['word'] * 20)}; {' '.join(['word'] * 20)}", 0),
        (f"{' '.join(['word'] * 20)} e.g. {' '.join(['word'] * 20)}", 1),
        (f"{' '.join(['word'] * 20)} 1.5 {' '.join(['word'] * 20)}", 1),
        (f"{' '.join(['word -'] * 20)}", 0),
    ],
)
def test_a_sentence_has_25_words_at_most(text: str, many: int) -> None:
    assert len(language.long_sentences(text)) == many


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f(a, b, c):\n    '''Add.'''", ["f"]),
        ("def f(a, *, b, c):\n    '''Add.\n\n    Args:\n        a: one\n    '''", []),
        ("def f(a, b):\n    '''Add.'''", []),
        ("def _f(a, b, c):\n    '''Add.'''", []),
        (
            "class C:\n    def f(self, a, b):\n        '''Add.'''\n    async def g(self, a, b, c):\n        '''Add.'''",
            ["g"],
        ),
        ("class _C:\n    def f(self, a, b, c):\n        '''Add.'''", []),
        ("@main.command('x')\n@click.option('--a')\ndef f(a, b, c):\n    '''Add.'''", []),
    ],
)
def test_a_public_function_with_three_parameters_documents_them(code: str, names: list[str]) -> None:
    assert [name for _, name in language.without_args(ast.parse(code))] == names


@pytest.mark.parametrize(
    ("code", "many"),
    [
        ("class Journey: pass", 1),
        ("def the_outbox(rivals): pass", 2),
        ("lens = 1", 1),
        ("for glance in found: pass", 1),
        ("use(journey.lens)", 0),
        ("length = lenses = 1", 0),
    ],
)
def test_a_retired_word_is_found_where_a_name_is_given(code: str, many: int) -> None:
    assert len(list(language.retired_names(ast.parse(code), "module"))) == many


def test_the_prose_of_python_is_its_docstrings_comments_and_messages() -> None:
    code = (
        '"""A module.\n\nMore of it."""\n\n# one comment\n# of two lines\nx = 1  # another - with a reason\n'
        "raise ValueError(f'{x} is not a month of ours; give another.')\n"
        "q = 'SELECT a, b FROM c WHERE d'\nk = 'two words'\n"
    )
    said = [text for _, text in strings(ast.parse(code))]
    assert said == ["A module.", "More of it.", "code is not a month of ours; give another."]
    assert list(comments(code)) == [(5, "one comment of two lines"), (7, "another. with a reason")]


def test_the_prose_of_sql_is_its_comments() -> None:
    text = "-- One row per day.\n-- More of it.\n--\n-- Next.\nSELECT\n    a, -- why\n    b\n"
    assert [(line, said) for line, said in sql(text)] == [(1, "One row per day. More of it."), (4, "Next."), (6, "why")]


def test_the_prose_of_a_page_is_all_but_its_code_and_quotations() -> None:
    text = (
        "# Head\n\nSome [text](a.md) and `code here`,\non two lines.\n\n```sh\nnobody here\n```\n"
        '- one\n- two\n\n| a | "nobody" |\n|---|---|\n| *anew* | d |\n'
    )
    said = [(prose.line, prose.text) for prose in markdown(text)]
    assert said[:2] == [(1, "# Head"), (3, "Some text and code, on two lines.")]
    assert [words for _, words in said if "nobody" in words or "anew" in words] == []
    assert [words for _, words in said[2:]] == ["- one", "- two", "a", "code", "---", "---", "code", "d"]
