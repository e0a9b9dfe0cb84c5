"""What callers see of the steps that the engine recorded. Pure: values in, values out.

The engine records an attempt of a step when it ends. What was begun last is kept beside, as an event, and is
a running step until its attempt is recorded.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from app.domain.jobs import JobStatus, Step
from app.jobs.outcomes import Answered, Failed, outcome_from_json

BEGUN_EVENT: Final = "begun"
HIDDEN_PREFIX: Final = "job:"  # steps of ours that callers do not see

_ATTEMPT = re.compile(r" \(attempt \d+\)\Z")


def attempt_name(name: str, attempt: int) -> str:
    """Return what the engine calls an attempt of a step."""
    return name if attempt == 1 else f"{name} (attempt {attempt})"


def visible_steps(
    recorded: Sequence[Mapping[str, Any]], begun: Mapping[str, Any] | None, *, is_failed: bool
) -> list[Step]:
    """Fold attempts into steps, in order; what a failed job left unfinished failed with it.

    A step that a job polls with, sleeping in between, is one step too.
    """
    attempts = [_attempt(row) for row in recorded]
    if begun is not None and begun["step"] not in {row["function_id"] for row in recorded}:
        began_at = datetime.fromisoformat(begun["at"])
        attempts.append(Step(begun["name"], JobStatus.PROCESSING, began_at, None))
    seen = [attempt for attempt in attempts if not attempt.name.startswith(HIDDEN_PREFIX)]
    steps = [_fold(list(group)) for _, group in groupby(seen, key=lambda step: step.name)]
    return [_given_up(step) for step in steps] if is_failed else steps


def _attempt(row: Mapping[str, Any]) -> Step:
    name = _ATTEMPT.sub("", row["function_name"])
    started_at, finished_at = _time(row["started_at_epoch_ms"]), _time(row["completed_at_epoch_ms"])
    if row["output"] is None:  # Defensive: the engine itself failed; no action of ours ends like this.
        return Step(name, JobStatus.FAILED, started_at, finished_at, "the engine could not run the step")
    outcome = outcome_from_json(row["output"])
    if isinstance(outcome, Answered):
        return Step(name, JobStatus.COMPLETED, started_at, finished_at)
    if isinstance(outcome, Failed):
        return Step(name, JobStatus.FAILED, started_at, finished_at, outcome.message)
    return Step(name, JobStatus.PROCESSING, started_at, None, outcome.message)


def _fold(attempts: Sequence[Step]) -> Step:
    last = attempts[-1]
    error = last.error
    if last.status is JobStatus.PROCESSING and error is None and len(attempts) > 1:
        error = attempts[-2].error
    return replace(last, started_at=attempts[0].started_at, error=error, attempts=len(attempts))


def _given_up(step: Step) -> Step:
    return replace(step, status=JobStatus.FAILED) if step.status is JobStatus.PROCESSING else step


def _time(epoch_ms: int | None) -> datetime | None:
    return None if epoch_ms is None else datetime.fromtimestamp(epoch_ms / 1000, UTC)
