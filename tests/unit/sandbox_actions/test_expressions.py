from __future__ import annotations

import math
from typing import Any

import pytest

from sandbox.actions.expressions import ExpressionError, as_text, evaluate, interpolate, is_truthy, value_of

_CONTEXTS: dict[str, Any] = {
    "github": {
        "event_name": "pull_request",
        "ref_name": "feature/x",
        "event": {"pull_request": {"number": 7.0, "labels": [{"name": "a"}, {"name": "b"}], "draft": False}},
        "head_ref": "",
    },
    "vars": {"EMPTY": "", "Name": "Value"},
    "inputs": {},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("true", True),
        ("null", None),
        ("0xff", 255.0),
        ("-1.5e1", -15.0),
        ("'it''s'", "it's"),
        ("github.event_name", "pull_request"),
        ("GitHub['EVENT_NAME']", "pull_request"),
        ("github.event.pull_request.labels[1].name", "b"),
        ("github.event.nothing.at.all", None),
        ("vars.name", "Value"),
        ("!true", False),
        ("!!'x'", True),
        ("!(github.ref_name == 'main')", True),
        ("1 == '1'", True),
        ("null == 0", True),
        ("true == 1", True),
        ("'ABC' == 'abc'", True),
        ("'a' < 'B'", True),
        ("'x' > 1", False),
        ("'' == 0", True),
        ("1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 != 2", True),
        ("'a' && 'b'", "b"),
        ("'' || 'b'", "b"),
        ("0 && 'b'", 0.0),
        ("false || null", None),
        ("'a' || 'b' && 'c'", "a"),
        ("github.head_ref || github.ref_name", "feature/x"),
        ("github.event_name == 'pull_request' && format('pr-{0}', github.event.pull_request.number)", "pr-7"),
        ("github.event_name == 'push' && 'a' || 'b'", "b"),
        ("format('{{{0}}} {1}', 'a', true)", "{a} true"),
        ("startsWith('Hello', 'he')", True),
        ("endsWith('Hello', 'LO')", True),
        ("contains('Hello', 'ELL')", True),
        ("contains(fromJSON('[\"main\", \"staging\"]'), 'Main')", True),
        ("contains(fromJSON('[1]'), 2)", False),
        ("join(fromJSON('[1, 2]'), '-')", "1-2"),
        ("fromJSON('{\"a\": [true]}').a[0]", True),
        ("toJSON('x')", '"x"'),
    ],
)
def test_an_expression_has_githubs_value(source: str, value: Any) -> None:
    assert evaluate(source, _CONTEXTS) == value


@pytest.mark.parametrize(
    "source",
    [
        "",
        "github.",
        "a.b",
        "format('{0}')",
        "format('{')",
        "nothing('x')",
        "contains('x')",
        "1 +",
        "'open",
        "(1",
        "fromJSON('{')",
        "1 2",
        "!" * 60 + "1",
    ],
)
def test_what_github_refuses_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source, _CONTEXTS)


def test_text_around_placeholders_is_kept() -> None:
    assert interpolate("a-${{ github.ref_name }}-${{ '}}' }}-z", _CONTEXTS) == "a-feature/x-}}-z"


def test_a_lone_placeholder_keeps_its_type() -> None:
    assert value_of(" ${{ 1 == 1 }} ", _CONTEXTS) is True
    assert value_of("x${{ 1 == 1 }}", _CONTEXTS) == "xtrue"
    assert value_of(12, _CONTEXTS) == 12


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (3.0, "3"),
        (0.5, "0.5"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        ({}, "Object"),
    ],
)
def test_values_print_as_on_github(value: Any, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize("value", [None, False, 0, "", math.nan])
def test_nothing_is_false(value: Any) -> None:
    assert not is_truthy(value)


@pytest.mark.parametrize("value", [True, 1, "false", [], {}])
def test_something_is_true(value: Any) -> None:
    assert is_truthy(value)
