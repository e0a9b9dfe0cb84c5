from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import BranchlineError, Busy, Misconfigured, RateLimited, RemoteConflict, RemoteUnavailable
from app.jobs.outcomes import Answered, Failed, Postponed, answered, outcome_from_json
from app.jobs.steps import Patience

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "error",
    [
        RemoteConflict("name taken", owner="acme"),
        RemoteConflict("gone", code="repository:lost"),
        Busy("held", retry_after_seconds=5, deployment="dpl_1"),
        RateLimited("slow down", retry_at=AT),
        Misconfigured("GITHUB_TOKEN", "is missing", "get one"),
    ],
)
def test_a_kept_error_is_raised_as_what_it_was(error: BranchlineError) -> None:
    stored = outcome_from_json(Failed.from_error(error).to_json())
    assert isinstance(stored, Failed)
    again = stored.as_error()
    assert type(again) is type(error)
    assert (again.message, again.error_code, again.details) == (
        error.message,
        error.error_code,
        error.details,
    )
    assert str(again) == str(error)


def test_an_error_of_a_class_that_is_gone_is_ours() -> None:
    assert Failed("Forgotten", "x:y", "text", {}).as_error().error_code == "x:y"


@pytest.mark.parametrize("outcome", [Answered(None), Answered([1, {"a": "b"}]), Postponed(AT, "away")])
def test_outcomes_are_read_as_they_were_kept(outcome: Any) -> None:
    assert outcome_from_json(outcome.to_json()) == outcome


@pytest.mark.parametrize("answer", [(1, 2), {1: "a"}, AT, float("nan"), object()])
def test_an_answer_that_a_replay_would_not_see_is_refused(answer: object) -> None:
    with pytest.raises(TypeError):
        answered("step", answer)


def test_pauses_double_up_to_a_minute() -> None:
    error = RemoteUnavailable("away")
    for attempt, seconds in enumerate([1, 2, 4, 8, 16, 32, 60, 60], start=1):
        pause = (Patience().retry_at(error, attempt, AT) - AT).total_seconds()
        assert 0.75 * seconds <= pause <= 1.25 * seconds
    assert Patience().retry_at(error, 10_000, AT) <= AT + timedelta(seconds=75)


@pytest.mark.parametrize(("limit", "least", "most"), [(-5, 1, 1), (30, 30, 32), (86400, 3600, 3600)])
def test_a_rate_limit_is_not_asked_about_early(limit: int, least: int, most: int) -> None:
    error = RateLimited("slow down", retry_at=AT + timedelta(seconds=limit))
    pause = (Patience().retry_at(error, 1, AT) - AT).total_seconds()
    assert least <= pause <= most
