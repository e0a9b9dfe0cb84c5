"""What a job keeps of an answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.answers import (
    MAXIMUM_LOG_BYTES,
    MAXIMUM_RESULT_BYTES,
    broken_answer,
    kept_answer,
    unkept_answer,
)

LINE = {"level": "log", "message": "line", "timestamp": "2026-11-22T12:00:00.000Z"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def told(**changes: Any) -> dict[str, Any]:
    return {"success": True, "function": "f", "result": 1, "logs": [LINE], "duration": 3, **changes}


@given(JSON)
def test_an_answer_is_kept_as_it_is(result: Any) -> None:
    assert kept_answer(told(result=result)) == told(result=result)


def test_a_failure_is_kept_as_it_is() -> None:
    failure = told(success=False, error={"name": "Error", "message": "no"})
    del failure["result"]
    assert kept_answer({**failure, "functions": ["f"]}) == failure


def test_a_result_that_is_too_large_is_said_to_be() -> None:
    kept = kept_answer(told(result="x" * (MAXIMUM_RESULT_BYTES - 2)))
    assert len(kept["result"]) == MAXIMUM_RESULT_BYTES - 2
    kept = kept_answer(told(result="x" * (MAXIMUM_RESULT_BYTES - 1)))
    assert (kept["success"], kept["result"], kept["logs"]) == (True, None, [LINE])
    assert f"more than {MAXIMUM_RESULT_BYTES} bytes" in kept["note"]


@pytest.mark.parametrize("line", [LINE, {**LINE, "message": "x" * 70_000}])
def test_lines_that_are_too_many_are_counted(line: dict[str, str]) -> None:
    kept = kept_answer(told(logs=[line] * 2000))["logs"]
    assert len(json.dumps(kept)) < MAXIMUM_LOG_BYTES * 1.1
    assert kept[-1]["message"] == f"[{2000 - (len(kept) - 1)} more lines are not kept]"
    assert kept[:-1] == [line] * (len(kept) - 1)


def test_of_lines_that_are_none_nothing_is_kept() -> None:
    nothing: tuple[Any, ...] = (None, 5, "x", {}, [1, None, "x"] * 40_000)
    for logs in nothing:
        assert kept_answer(told(logs=logs))["logs"] == []
    assert kept_answer(told(logs=[1, LINE, "x"]))["logs"] == [LINE]


@pytest.mark.parametrize("answer", [broken_answer("f", "it broke off"), unkept_answer("f")])
def test_other_answers_have_the_same_form(answer: dict[str, Any]) -> None:
    assert {"success", "function", "logs", "duration"} <= set(answer)
    assert ("result" in answer) is answer["success"] is not ("error" in answer)
    assert json.loads(json.dumps(answer)) == answer
