from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.actions.act_output import Line, Masks, parse


def _parsed(masks: Masks | None = None, **data: Any) -> Line:
    base = {
        "job": "CI/build",
        "jobID": "build",
        "level": "info",
        "stage": "Main",
        "stepID": ["0"],
        "step": "Look",
    }
    return parse(json.dumps({**base, **data}), masks or Masks([]))


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        ({"msg": "⭐ Run Main Look"}, "step-started", None),
        ({"msg": "⭐ Run Main inner", "stepID": ["0", "1"]}, "other", None),
        ({"msg": "  ✅  Success - Main Look", "stepResult": "success"}, "step-finished", None),
        ({"msg": "  ✅  Success", "stepResult": "success", "stepID": ["0", "1"]}, "other", None),
        ({"msg": "Failed but continue next step"}, "step-forgiven", None),
        ({"msg": "🏁  Job failed", "jobResult": "failure"}, "job-finished", None),
        ({"msg": "hello\n", "raw_output": True}, "text", "hello"),
        ({"msg": "10%\r50%\r\x1b[32mdone\x1b[0m\r\n", "raw_output": True}, "text", "done"),
        ({"msg": "x", "command": "error", "arg": "bad", "raw": "::error::bad"}, "text", "##[error]bad"),
        ({"msg": "x", "command": "group", "arg": "Build"}, "text", "##[group]Build"),
        ({"msg": "x", "command": "set-output", "arg": "1"}, "other", None),
        ({"msg": "exit status 3", "level": "error"}, "other", "##[error]Process completed with exit code 3."),
        ({"msg": "no such file", "level": "error"}, "other", "##[error]no such file"),
        (
            {"msg": "this step has been cancelled: signal: killed", "level": "error"},
            "step-cancelled",
            "##[error]The operation was canceled.",
        ),
    ],
)
def test_a_line_says_what_happened(data: dict[str, Any], kind: str, text: str | None) -> None:
    line = _parsed(**data)

    assert (line.kind, line.text) == (kind, text)
    assert (line.job, line.step, line.job_name) == ("build", "0", "CI/build")


def test_a_line_that_is_not_json_belongs_to_the_run() -> None:
    assert parse("Error: Job 'build' failed\n", Masks([])) == Line("other", text="Error: Job 'build' failed")


def test_secrets_are_hidden_wherever_they_appear() -> None:
    masks = Masks(["s3cret", "first\nsecond", ""])

    assert _parsed(masks, msg="s3cret first\n", raw_output=True).text == "*** ***"
    assert _parsed(masks, msg="⭐ Run Main x", step="echo s3cret").step_name == "echo ***"
    assert _parsed(masks, msg="x", command="notice", arg="second").text == "##[notice]***"


def test_a_mask_counts_from_when_it_is_announced() -> None:
    masks = Masks([])
    assert _parsed(masks, msg="later\n", raw_output=True).text == "later"

    announced = _parsed(masks, msg="***", command="add-mask", arg="later", raw="::add-mask::later")

    assert announced == Line("other")
    assert _parsed(masks, msg="later\n", raw_output=True).text == "***"
