from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.jobs import JobStatus
from app.errors import RemoteConflict
from app.jobs.outcomes import Answered, Failed, Outcome, Postponed
from app.jobs.progress import attempt_name, visible_steps

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AWAY = Postponed(AT + timedelta(seconds=1), "away")
TAKEN = Failed.from_error(RemoteConflict("taken"))


def row(number: int, name: str, outcome: Outcome) -> dict[str, Any]:
    started = int(AT.timestamp() * 1000) + number * 1000
    return {
        "function_id": number,
        "function_name": name,
        "output": outcome.to_json(),
        "started_at_epoch_ms": started,
        "completed_at_epoch_ms": started + 500,
    }


def begun(number: int, name: str) -> dict[str, Any]:
    return {"step": number, "name": name, "at": (AT + timedelta(seconds=number)).isoformat()}


def shown(rows: list[dict[str, Any]], last: dict[str, Any] | None, *, is_failed: bool = False) -> list[Any]:
    return [
        (step.name, step.status.value, step.error) for step in visible_steps(rows, last, is_failed=is_failed)
    ]


def test_steps_are_shown_in_order_without_our_own() -> None:
    rows = [
        row(1, "job:start", Answered({})),
        row(2, "fork", Answered(None)),
        row(3, "job:sleep", Answered("")),
    ]
    assert shown(rows, begun(3, "job:sleep")) == [("fork", "completed", None)]


def test_the_attempts_of_a_step_are_one_step() -> None:
    rows = [
        row(1, "fork", AWAY),
        row(2, attempt_name("fork", 2), AWAY),
        row(3, attempt_name("fork", 3), TAKEN),
    ]
    [step] = visible_steps(rows, None, is_failed=True)
    assert (step.name, step.status, step.error) == ("fork", JobStatus.FAILED, "taken")
    assert (step.started_at, step.finished_at) == (AT + timedelta(seconds=1), AT + timedelta(seconds=3.5))


def test_a_step_that_is_polled_with_is_one_step() -> None:
    polls = [
        row(1, "see", Answered(answer=False)),
        row(2, "job:sleep", Answered("")),
        row(3, "see", Answered(1)),
    ]
    assert shown(polls, None) == [("see", "completed", None)]


def test_a_waiting_step_is_processing_and_says_why() -> None:
    assert shown([row(1, "fork", AWAY)], begun(1, "fork")) == [("fork", "processing", "away")]
    assert shown([row(1, "fork", AWAY)], begun(2, "fork")) == [("fork", "processing", "away")]


def test_what_was_begun_last_is_processing_until_it_is_recorded() -> None:
    done = row(1, "fork", Answered(1))
    assert shown([done], begun(2, "find")) == [("fork", "completed", None), ("find", "processing", None)]
    assert shown([done], begun(1, "fork")) == [("fork", "completed", None)]


def test_a_failed_job_has_no_step_that_goes_on() -> None:
    assert shown([], begun(1, "fork"), is_failed=True) == [("fork", "failed", None)]
