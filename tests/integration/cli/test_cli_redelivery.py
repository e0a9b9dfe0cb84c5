import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.cli.control import Control, Said

FOUND = {"pages": 1, "missed": 2, "asked": 2, "recovered": 0, "refused": []}
PLACE = "/api/deliveries/redeliver"
DONE: dict[str, Any] = {
    "id": "job_1",
    "status": "completed",
    "waitingFor": None,
    "error": None,
    "steps": [],
    "result": {"deliveries": FOUND},
}


@pytest.fixture
def plane(control: Control) -> Control:
    control.answer("POST", PLACE, {"jobId": "job_1"}, status=202)
    control.answer("GET", "/api/jobs/job_1", DONE)
    return control


def test_what_was_found_is_shown(plane: Control, run: Callable[..., Said]) -> None:
    said = run("deliveries", "redeliver")
    assert said.exit_code == 0
    assert plane.asked[0] == ("POST", PLACE, {})
    assert "missed" in said.out
    assert "refused" not in said.out
    assert json.loads(run("deliveries", "redeliver", "--json").out) == FOUND


def test_nobody_has_to_wait(plane: Control, run: Callable[..., Said]) -> None:
    said = run("deliveries", "redeliver", "--no-wait", "--json")
    assert json.loads(said.out) == {"jobId": "job_1"}
    assert len(plane.asked) == 1


@pytest.mark.parametrize(
    ("since", "ago"), [("90m", {"minutes": 90}), ("12h", {"hours": 12}), ("3d", {"days": 3})]
)
def test_since_may_be_how_long_ago(
    plane: Control, run: Callable[..., Said], since: str, ago: dict[str, int]
) -> None:
    run("deliveries", "redeliver", "--since", since)
    told = datetime.fromisoformat(plane.asked[0][2]["since"])
    assert abs(datetime.now(UTC) - timedelta(**ago) - told) < timedelta(seconds=30)


def test_since_may_be_a_time(plane: Control, run: Callable[..., Said]) -> None:
    run("deliveries", "redeliver", "--since", "2026-11-22T09:00+01:00")
    told = datetime.fromisoformat(plane.asked[0][2]["since"])
    assert told == datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.mark.parametrize("since", ["yesterday", "", "h", "9999999999999d"])
def test_what_is_no_time_is_refused(plane: Control, run: Callable[..., Said], since: str) -> None:
    said = run("deliveries", "redeliver", "--since", since)
    assert said.exit_code == 1
    assert "is no time" in said.err
    assert plane.asked == []
