"""Expand the metrics of ``sql/metrics`` where a query calls them, so that each ratio has one formula.

The formula becomes part of the query's text, and so of its fingerprint: a changed metric rebuilds its marts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import Token, TokenType, exp

_PLAIN = re.compile(r"[\w.]+")
_OPEN, _CLOSE = {TokenType.L_PAREN, TokenType.L_BRACKET}, {TokenType.R_PAREN, TokenType.R_BRACKET}


@dataclass(frozen=True)
class Metric:
    """One ``CREATE MACRO`` of ``sql/metrics``: ``body`` is its formula, in which no other metric is called."""

    name: str
    parameters: tuple[str, ...]
    body: str
    about: str = ""

    def applied(self, arguments: Sequence[str]) -> str:
        """Return the formula in parentheses, with ``arguments`` in place of its parameters."""
        if len(arguments) != len(self.parameters):
            raise ValueError(f"{self.name} takes {len(self.parameters)} arguments, not {len(arguments)}")
        given = dict(zip(self.parameters, map(_grouped, arguments), strict=True))
        found = [token for token in _tokens(self.body) if token.text in given and token.token_type is TokenType.VAR]
        return spliced(self.body, [(token.start, token.end + 1, given[token.text]) for token in found])


def metrics_of(texts: Mapping[str, str]) -> dict[str, Metric]:
    """Return the metrics that files define, by name; ``texts`` are the files by name, in any order.

    Raises ``ValueError`` for a file that is not one ``CREATE MACRO`` of its own name, and for metrics that call each
    other in a circle.
    """
    raw = {name: _read(name, text) for name, text in texts.items()}
    done: dict[str, Metric] = {}
    while waiting := raw.keys() - done.keys():
        ready = [name for name in waiting if not _called(raw[name].body, waiting)]
        if not ready:
            raise ValueError(f"{', '.join(sorted(waiting))} call each other in a ring")
        for name in ready:
            metric = raw[name]
            done[name] = Metric(name, metric.parameters, _grouped(expanded(metric.body, done)), metric.about)
    return done


def expanded(sql: str, metrics: Mapping[str, Metric]) -> str:
    """Return the SQL with the formula of each metric in place of its call; everything else stays as it is written.

    Raises ``ValueError`` for a call with too many or too few arguments.
    """
    if not metrics or not re.search(rf"\b({'|'.join(metrics)})\(", sql):
        return sql
    return spliced(sql, list(_calls(sql, metrics)))


def sentences(sql: str) -> list[str]:
    """Return the comment before each column of the outermost SELECT, in order; empty for a column without one."""
    depth, within, begins = 0, False, False
    found: list[str] = []
    for token in _tokens(sql):
        kind = token.token_type
        if begins:
            found.append(" ".join(comment.strip() for comment in token.comments))
        depth += (kind in _OPEN) - (kind in _CLOSE)
        if depth == 0 and kind is TokenType.FROM:
            return found
        within = within or (depth == 0 and kind is TokenType.SELECT)
        begins = within and depth == 0 and kind in (TokenType.SELECT, TokenType.COMMA)
    return found


def _calls(sql: str, metrics: Mapping[str, Metric]) -> Iterator[tuple[int, int, str]]:
    """Yield the start and end of each outermost call, and the text that replaces it."""
    tokens, at = _tokens(sql), 0
    while at < len(tokens) - 1:
        name, after = tokens[at], tokens[at + 1]
        if name.text in metrics and after.token_type is TokenType.L_PAREN and after.start == name.end + 1:
            commas, at = _to_the_end(tokens, at + 1)
            cuts = [after.end, *commas, tokens[at].start]
            parts = [sql[left + 1 : right].strip() for left, right in pairwise(cuts)]
            arguments = [expanded(part, metrics) for part in parts]
            yield name.start, tokens[at].end + 1, metrics[name.text].applied(arguments)
        at += 1


def _to_the_end(tokens: Sequence[Token], opening: int) -> tuple[list[int], int]:
    """Return the positions of the commas between the arguments, and the index of the closing parenthesis."""
    depth, commas = 0, []
    for at in range(opening, len(tokens)):
        kind = tokens[at].token_type
        depth += (kind in _OPEN) - (kind in _CLOSE)
        if depth == 1 and kind is TokenType.COMMA:
            commas.append(tokens[at].start)
        if depth == 0:
            return commas, at
    raise ValueError(f"{tokens[opening - 1].text} is called without a closing parenthesis")


def _read(name: str, text: str) -> Metric:
    tree = sqlglot.parse_one(text, dialect="duckdb")
    if not (isinstance(tree, exp.Create) and tree.kind == "MACRO" and tree.this.this.name == name):
        raise ValueError(f"it does not define the macro {name}")
    tokens = _tokens(text)
    (start,) = [token.end + 1 for token in tokens if token.token_type is TokenType.ALIAS][:1]
    about = "\n".join(line.lstrip("- ") for line in text.splitlines() if line.startswith("--"))
    return Metric(name, tuple(one.name for one in tree.this.expressions), text[start:].strip().rstrip(";"), about)


def _called(sql: str, names: set[str]) -> bool:
    return bool(re.search(rf"\b({'|'.join(names)})\(", sql))


def _grouped(text: str) -> str:
    """Return the expression as an operand: in parentheses, unless it has them or is one name or number."""
    tokens = _tokens(text)
    closed = tokens[0].token_type is TokenType.L_PAREN and _to_the_end(tokens, 0)[1] == len(tokens) - 1
    if closed or _PLAIN.fullmatch(text):
        return text
    return f"({text}\n)" if "--" in text else f"({text})"  # a comment must not hide what follows


def spliced(text: str, parts: Sequence[tuple[int, int, str]]) -> str:
    """Return the text with these parts, each a start, an end and its new text, replaced; they do not overlap."""
    for start, end, part in sorted(parts, reverse=True):
        text = f"{text[:start]}{part}{text[end:]}"
    return text


def _tokens(sql: str) -> list[Token]:
    return sqlglot.tokenize(sql, dialect="duckdb")
