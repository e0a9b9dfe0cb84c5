"""Evaluate GitHub's `${{ }}` expressions where the engine itself needs their value.

That is outside jobs: `concurrency`, `run-name` and a job's `environment`; `act` evaluates everything
inside a job. Literals, operators, property and index access and the functions that need no runner are
understood; object filters (`*`), `hashFiles()` and the status functions are not, and raise an error.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.]))
      | '(?P<string>(?:[^']|'')*)'
      | (?P<operator>&&|\|\||==|!=|<=|>=|[!<>()\[\],.])
      | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    )""",
    re.VERBOSE,
)
_PLACEHOLDER = re.compile(r"\$\{\{((?:[^'}]|'(?:[^']|'')*'|\}(?!\}))*)\}\}")
_CONSTANTS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "nan": math.nan,
    "infinity": math.inf,
}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_MAXIMUM_DEPTH = 50


class ExpressionError(ValueError):
    """An expression that GitHub would refuse, or that is not understood here."""


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str


def interpolate(text: str, contexts: Mapping[str, Any]) -> str:
    """Replace each `${{ }}` in `text` by its value as text.

    Raises: ExpressionError.
    """
    return _PLACEHOLDER.sub(lambda match: as_text(evaluate(match[1], contexts)), text)


def value_of(source: object, contexts: Mapping[str, Any]) -> Any:
    """Return the value of a workflow's field: a lone `${{ }}` keeps its type, other text is text.

    Raises: ExpressionError.
    """
    if not isinstance(source, str):
        return source
    alone = _PLACEHOLDER.fullmatch(source.strip())
    return evaluate(alone[1], contexts) if alone else interpolate(source, contexts)


def evaluate(source: str, contexts: Mapping[str, Any]) -> Any:
    """Return the value of the expression between `${{` and `}}`.

    Raises: ExpressionError.
    """
    return _Parser(_tokens(source), contexts).whole()


def is_truthy(value: Any) -> bool:
    """Say whether GitHub takes `value` for true."""
    return not (value is None or value is False or value in (0, "") or _is_nan(value))


def as_text(value: Any) -> str:
    """Return `value` as GitHub prints it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, dict | list):
        return "Object" if isinstance(value, dict) else "Array"
    return str(value)


def _number_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() else repr(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _tokens(source: str) -> list[_Token]:
    found, position, text = [], 0, source.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise ExpressionError(
                f"Unexpected symbol at position {position + 1} of expression: {source.strip()}"
            )
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens; evaluates as it goes, since no expression here has side effects."""

    def __init__(self, tokens: list[_Token], contexts: Mapping[str, Any]) -> None:
        self._tokens = tokens
        self._contexts = {name.lower(): value for name, value in contexts.items()}
        self._position = 0
        self._depth = 0

    def whole(self) -> Any:
        value = self._either()
        if self._position < len(self._tokens):
            raise ExpressionError(f"Unexpected symbol: '{self._tokens[self._position].value}'")
        return value

    def _accept(self, *operators: str) -> str | None:
        if self._position >= len(self._tokens):
            return None
        token = self._tokens[self._position]
        if token.kind != "operator" or token.value not in operators:
            return None
        self._position += 1
        return token.value

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            raise ExpressionError(f"Expected '{operator}'")

    def _either(self) -> Any:
        value = self._both()
        while self._accept("||"):
            other = self._both()
            value = value if is_truthy(value) else other
        return value

    def _both(self) -> Any:
        value = self._comparison()
        while self._accept("&&"):
            other = self._comparison()
            value = other if is_truthy(value) else value
        return value

    def _comparison(self) -> Any:
        value = self._negation()
        while operator := self._accept(*_COMPARISONS):
            value = _compare(operator, value, self._negation())
        return value

    def _negation(self) -> Any:
        self._depth += 1
        if self._depth > _MAXIMUM_DEPTH:
            raise ExpressionError(f"Exceeded max expression depth {_MAXIMUM_DEPTH}")
        value = not is_truthy(self._negation()) if self._accept("!") else self._postfix(self._primary())
        self._depth -= 1
        return value

    def _postfix(self, value: Any) -> Any:
        while operator := self._accept(".", "["):
            if operator == ".":
                value = _member(value, self._next("name").value)
            else:
                value = _member(value, self._either())
                self._expect("]")
        return value

    def _next(self, *kinds: str) -> _Token:
        if self._position >= len(self._tokens):
            raise ExpressionError("Unexpected end of expression")
        token = self._tokens[self._position]
        if token.kind not in kinds:
            raise ExpressionError(f"Unexpected symbol: '{token.value}'")
        self._position += 1
        return token

    def _primary(self) -> Any:
        if self._accept("("):
            value = self._either()
            self._expect(")")
            return value
        token = self._next("number", "string", "name")
        if token.kind == "number":
            return _number(token.value)
        if token.kind == "string":
            return token.value.replace("''", "'")
        return self._call(token.value) if self._accept("(") else self._named(token.value)

    def _named(self, name: str) -> Any:
        if name.lower() in _CONSTANTS:
            return _CONSTANTS[name.lower()]
        if name.lower() not in self._contexts:
            raise ExpressionError(f"Unrecognized named-value: '{name}'")
        return self._contexts[name.lower()]

    def _call(self, name: str) -> Any:
        arguments: list[Any] = []
        while not self._accept(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._either())
        function, least, most = _FUNCTIONS.get(name.lower(), (None, 0, 0))
        if function is None:
            raise ExpressionError(f"Unrecognized function: '{name}'")
        if not least <= len(arguments) <= most:
            raise ExpressionError(f"Wrong number of parameters supplied: {name}")
        return function(*arguments)


def _member(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        wanted = as_text(key).lower()
        return next((item for name, item in value.items() if str(name).lower() == wanted), None)
    if isinstance(value, list):
        index = _number(key)
        return value[int(index)] if index >= 0 and index < len(value) else None
    return None


def _number(value: Any) -> float:
    """Return `value` as the number that GitHub's coercion makes of it."""
    if value is None or isinstance(value, bool | int | float):
        return float(value or 0)
    if not isinstance(value, str):
        return math.nan
    text = value.strip()
    try:
        return float(int(text, 0)) if re.match(r"[-+]?0[xo]", text) else float(text or 0)
    except ValueError:
        return math.nan


def _compare(operator: str, left: Any, right: Any) -> bool:
    """Compare as GitHub does: texts without regard to case, unlike types as numbers.

    https://docs.github.com/en/actions/reference/evaluate-expressions-in-workflows-and-actions#operators
    """
    if isinstance(left, dict | list) and isinstance(right, dict | list):
        return (left is right) == (operator == "==") if operator in ("==", "!=") else False
    if isinstance(left, str) and isinstance(right, str):
        return _ordered(operator, left.lower(), right.lower())
    return _ordered(operator, _number(left), _number(right))


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if operator in ("==", "!="):
        return bool((left == right) == (operator == "=="))
    if operator in ("<", "<="):
        return bool(left < right or (operator == "<=" and left == right))
    return bool(left > right or (operator == ">=" and left == right))


def _contains(search: Any, item: Any) -> bool:
    if isinstance(search, list):
        return any(_compare("==", element, item) for element in search)
    return as_text(item).lower() in as_text(search).lower()


def _format(template: Any, *values: Any) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if not match[1] or int(match[1]) >= len(values):
            raise ExpressionError(f"The following format string is invalid: {template}")
        return as_text(values[int(match[1])])

    return re.sub(r"\{\{|\}\}|\{(\d+)\}|[{}]", replaced, as_text(template))


def _join(items: Any, separator: Any = ",") -> str:
    return (
        as_text(separator).join(as_text(item) for item in items)
        if isinstance(items, list)
        else as_text(items)
    )


def _from_json(text: Any) -> Any:
    try:
        return json.loads(as_text(text))
    except ValueError as error:
        raise ExpressionError(f"Error parsing fromJSON: {error}") from error


_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "contains": (_contains, 2, 2),
    "startswith": (lambda text, start: as_text(text).lower().startswith(as_text(start).lower()), 2, 2),
    "endswith": (lambda text, end: as_text(text).lower().endswith(as_text(end).lower()), 2, 2),
    "format": (_format, 1, 100),
    "join": (_join, 1, 2),
    "tojson": (lambda value: json.dumps(value, indent=2), 1, 1),
    "fromjson": (_from_json, 1, 1),
}
