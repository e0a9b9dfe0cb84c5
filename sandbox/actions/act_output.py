"""act's `--json` output, line by line, as what it says about jobs and steps. Pure.

Whatever is secret is masked here, before anything is stored: act masks its messages, but neither the names
of steps nor the raw text of workflow commands, and no line of a secret that has several.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_ANNOTATIONS = ("error", "warning", "notice", "debug")
_EXIT_STATUS = re.compile(r"exit status (\d+)$")
_NOISE = re.compile(
    r"^(?:⭐|  ✅|  ❌|LocalRepositoryCache |Cleaning up container |Reevaluate condition|Result condition)"
)
_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>])")
_CANCELLED = "this step has been cancelled"
_SHORTEST_MASK = 3


@dataclass(frozen=True)
class Line:
    """One thing that act said.

    `kind` is `step-started`, `step-finished`, `step-cancelled`, `step-forgiven` (failed, but may),
    `job-finished`, `text` or `other`; `job` and `step` are keys as the workflow lists them, `job_name` is
    `workflow/job`; `text` is what belongs in the log, None when nothing does.
    """

    kind: str
    job: str = ""
    job_name: str = ""
    stage: str = ""
    step: str = ""
    step_name: str = ""
    result: str = ""
    text: str | None = None


class Masks:
    """The values that never reach a log."""

    def __init__(self, secrets: list[str]) -> None:
        self._values: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide `secret`, and each of its lines."""
        for value in (secret, *secret.splitlines()):
            if len(value.strip()) >= _SHORTEST_MASK or (value and value == secret):
                self._values.add(value.strip())
        self._values.discard("")

    def hide(self, text: str) -> str:
        """Return `text` with each secret replaced, longest first."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, "***")
        return text


def parse(raw: str, masks: Masks) -> Line:
    """Return what one line of act's output says; new masks that it announces are added to `masks`."""
    data = _decoded(raw)
    if data.get("command") == "add-mask":
        masks.add(str(data.get("arg", "")))
        return Line("other")
    keys = data.get("stepID") or data.get("stepid") or [""]
    line = Line(
        kind=_kind(data, is_nested=len(keys) > 1),
        job=str(data.get("jobID", "")),
        job_name=masks.hide(str(data.get("job", ""))),
        stage=str(data.get("stage", "")),
        step=str(keys[0]),
        step_name=masks.hide(str(data.get("step", ""))),
        result=str(data.get("jobResult") or data.get("stepResult") or ""),
    )
    text = _text(data, line.kind)
    return Line(**{**line.__dict__, "text": None if text is None else masks.hide(text)})


def _decoded(raw: str) -> dict[str, Any]:
    try:
        data = json.loads(raw)
    except ValueError:
        return {"msg": raw}
    return data if isinstance(data, dict) else {"msg": raw}


def _kind(data: dict[str, Any], *, is_nested: bool) -> str:
    message = str(data.get("msg", ""))
    if "jobResult" in data:
        return "job-finished"
    if message.startswith(_CANCELLED):
        return "step-cancelled"
    if data.get("raw_output") or data.get("command") in (*_ANNOTATIONS, "group", "endgroup"):
        return "text"
    return "other" if is_nested else _step_kind(data, message)


def _step_kind(data: dict[str, Any], message: str) -> str:
    if message == "Failed but continue next step":
        return "step-forgiven"
    if "stepResult" in data:
        return "step-finished"
    return "step-started" if message.startswith("⭐ Run ") else "other"


def _plain(text: str) -> str:
    """Return what a terminal would show at last: act gives steps one, GitHub does not."""
    return _TERMINAL_CODES.sub("", text.rstrip("\r\n")).rpartition("\r")[2]


def _text(data: dict[str, Any], kind: str) -> str | None:
    """Return the log text of a line, workflow commands as GitHub prints them."""
    message = _plain(str(data.get("msg", "")))
    command = str(data.get("command", ""))
    if kind == "step-cancelled":
        return "##[error]The operation was canceled."
    if kind == "text":
        return f"##[{command}]{data.get('arg', '')}" if command else message
    if "job" not in data:
        return None if data.get("level") in ("info", "warning") else message
    if kind != "other" or command or _NOISE.match(message):
        return None
    if data.get("level") == "error":
        status = _EXIT_STATUS.search(message)
        return f"##[error]Process completed with exit code {status[1]}." if status else f"##[error]{message}"
    return f"##[warning]{message}" if data.get("level") == "warning" else message
